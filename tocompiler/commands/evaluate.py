"""``tocompiler evaluate``: hold a device's predictions against measurements."""

from __future__ import annotations

import json
from pathlib import Path

import click

__all__ = ["command"]


@click.command()
@click.argument("table")
@click.option("--device", required=True, help="A calibrated device by name, or its TOML file.")
@click.option("--json", "json_path", metavar="PATH", help="Write every figure as JSON; - is standard output.")
@click.option("--plot", "plot_path", type=click.Path(dir_okay=False, path_type=Path),
              help="Write predicted against measured and the residuals as an image (.png, .svg, .pdf).")
@click.option("--worst", default=10, show_default=True, help="How many of the worst rows to list.")
def command(table: str, device: str, json_path: str | None, plot_path: Path | None, worst: int) -> None:
    """Predict every row of TABLE (a CSV file, or the name of a shipped table) and say how far off it is.

    Rows that the device was calibrated on are predicted better than new ones: figures for held-out rows stand in the
    device file.
    """
    from tabulate import tabulate

    from hardware.device import load_device
    from tocompiler.evaluation import evaluate, plot
    from tocompiler.tables import read_measurements

    found = evaluate(read_measurements(table), load_device(device))
    if plot_path:
        plot(found, plot_path)
    if json_path:
        text = json.dumps(found.as_json(), indent=2)
        if json_path == "-":
            click.echo(text)
            return
        Path(json_path).write_text(text + "\n", encoding="utf-8")
    click.echo(tabulate(list(found.figures.items()), floatfmt=".4g"))
    rows = [(i + 1, found.names[i], found.measured_joule[i], found.predictions[i].energy_joule,
             "" if found.predictions[i].in_domain else "outside the domain") for i in found.worst(worst)]
    click.echo(tabulate(rows, headers=("row", "model", "measured J", "predicted J", ""), floatfmt=".4g"))
