"""``tocompiler evaluate``: hold a device's predictions against measurements."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from tocompiler.commands.output import image, note, put, put_json
from tocompiler.commands.tables import say_remarks, where_option

__all__ = ["command"]


@click.command()
@click.argument("table")
@click.option("--device", help="A calibrated device by name, or its TOML file.")
@click.option("--runtime", metavar="NAME|FILE", help="A runtime or a runtime file, instead of the device's own.")
@click.option("--estimator", "estimator", metavar="NAME|all",
              help="Instead of a device: a method by name, or all of them, fitted on and held against grouped folds.")
@where_option
@click.option("--json", "json_path", metavar="PATH", help="Write every figure as JSON; - is standard output.")
@click.option("--plot", "plot_path", type=click.Path(dir_okay=False, path_type=Path), callback=image,
              help="Write predicted against measured and the residuals as an image (.png, .svg, .pdf).")
@click.option("--worst", type=click.IntRange(min=0), default=10, show_default=True,
              help="How many of the worst rows to list.")
def command(table: str, device: str | None, runtime: str | None, estimator: str | None,
            where: dict[str, str], json_path: str | None, plot_path: Path | None, worst: int) -> None:
    """Predict every row of TABLE (a file as calibrate takes it, or the name of a shipped table) and say how far off it
    is.

    Rows that the device was calibrated on are predicted better than new ones: figures for held-out rows stand in the
    device file.

    \b
    Example: tocompiler evaluate measurements.csv --device my-board.toml --plot residuals.png
             tocompiler evaluate m1_gpu --device m1_gpu
    """
    if (device is None) == (estimator is None):
        raise click.UsageError("give either --device or --estimator")
    if device is None:
        _compare(table, str(estimator), where, json_path)
        return
    from tabulate import tabulate

    from hardware.device import load_device
    from hardware.runtime import load_runtime
    from tocompiler.energy.calibration import data_hash
    from tocompiler.energy.evaluation import evaluate, plot
    from tocompiler.tables import left_out, read_measurements

    measured, known = read_measurements(table, where), load_device(device)
    if said := left_out(table, where):
        note(said)
    say_remarks(table, where, measured)
    if runtime is not None:
        known = replace(known, runtime=load_runtime(runtime))
    found = evaluate(measured, known)
    if data_hash(measured) == known.data_hash:
        note(f"{table}: the very rows that {known.name} was calibrated on; "
             "`tocompiler devices` gives its error on held-out rows")
    if plot_path:
        plot(found, plot_path)
    if put_json(found.as_json(), json_path):
        return
    put(tabulate(list(found.figures.items()), floatfmt=".4g"))
    rows = [(i + 1, found.names[i], found.measured_joule[i], found.predictions[i].energy_joule,
             "" if found.predictions[i].in_domain else "outside the domain") for i in found.worst(worst)]
    put(tabulate(rows, headers=("row", "model", "measured J", "predicted J", ""), floatfmt=".4g"))


def _compare(table: str, name: str, where: dict[str, str], json_path: str | None) -> None:
    """Held-out errors of one method, or of all, under ten folds that never split a network."""
    from tabulate import tabulate

    from tocompiler.estimators import estimator, names
    from tocompiler.estimators.comparison import compare
    from tocompiler.tables import read_measurements

    if name != "all":
        estimator(name)  # an unknown name ends here, before the table is compiled
    methods = names() if name == "all" else (name,)
    scores = []
    for found in compare(read_measurements(table, where), methods):
        scores.append(found)
        if len(methods) > 1:
            note(f"{len(scores)} of {len(methods)}: {found.name}, {found.seconds:.1f} s")
    if put_json({"table": table, "estimators": [s.as_json() for s in scores]}, json_path):
        return
    put(tabulate([(s.name, s.mape, s.median_ape, s.seconds, s.reason) for s in scores], floatfmt=".4g",
                        headers=("estimator", "MAPE %", "median APE %", "s", "note"), missingval="-"))
