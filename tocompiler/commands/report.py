"""``tocompiler report``: one page on a model's energy that works offline."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tocompiler.commands.output import note, put, put_json
from tocompiler.commands.planning import plan_of, planning_options
from tocompiler.commands.subject import Subject, model_options, subject

if TYPE_CHECKING:
    from tocompiler.network import Network

__all__ = ["command", "other_batches"]


@click.command()
@click.argument("model")
@click.option("--device", required=True, help="A calibrated device by name, or its TOML file.")
@click.option("-o", "--output", default="report.html", show_default=True, type=click.Path(dir_okay=False,
                                                                                          path_type=Path),
              help="Write the page here.")
@click.option("--batch", type=click.IntRange(min=1), help="Batch size.")
@click.option("--format", help="Number format of every floating-point tensor.")
@click.option("--phase", default="inference", show_default=True, help="inference, training or backward.")
@model_options
@planning_options
@click.option("--json", "json_path", metavar="PATH", help="Write the page's figures as JSON as well.")
def command(model: str, device: str, output: Path, batch: int | None, format: str | None, phase: str,
            dims: dict[str, int], optimizer: str, circuits: str, executions: float | None, grid: str | None,
            price: float | None, json_path: str | None) -> None:
    """Write a page on what MODEL takes on a device: by module, by cause, and what would save most.

    \b
    Example: tocompiler report resnet50 --device jetson_tx2_maxn -o report.html
    """
    from hardware.device import load_device
    from tocompiler.report.page import Report, figures, page

    plan = plan_of(executions, grid, price, device)
    found = subject(model, load_device(device), batch=batch, format=format, phase=phase, dims=dims, optimizer=optimizer,
                    circuits=circuits)
    report = Report(found.program, found.device, model, found.batch, plan, other_batches(found, dims))
    put(page(report), output)
    put_json(figures(report), json_path)
    note(f"{output}: written; open it in any browser, it needs no network")


def other_batches(found: Subject, dims: dict[str, int]) -> dict[int, Network]:
    """The same model at eight times the batch, where it can be loaded so."""
    from tocompiler.loading import load

    size = 8 * found.batch
    with suppress(ValueError):
        network = load(found.model, batch=size, dims=dims)
        if network.inputs and network.inputs[0].shape[:1] == (size,):
            return {size: network}
    return {}
