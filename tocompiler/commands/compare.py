"""``tocompiler compare``: models, formats, phases, batches or devices side by side, with the ratio's own interval."""

from __future__ import annotations

from itertools import product

import click

from tocompiler.commands.output import put, put_json
from tocompiler.commands.planning import plan_of, planning_options
from tocompiler.commands.subject import model_options, subject

__all__ = ["command"]


@click.command()
@click.argument("models", nargs=-1, required=True)
@click.option("--device", "devices", multiple=True, required=True,
              help="A calibrated device; again to compare devices.")
@click.option("--format", "formats", multiple=True, help="A number format; again to compare formats.")
@click.option("--phase", "phases", multiple=True, help="A phase; again to compare phases.")
@click.option("--batch", "batches", multiple=True, type=click.IntRange(min=1),
              help="A batch; again to compare batches.")
@model_options
@planning_options
@click.option("--json", "json_path", metavar="PATH", help="Write every figure as JSON; - is standard output.")
def command(models: tuple[str, ...], devices: tuple[str, ...], formats: tuple[str, ...], phases: tuple[str, ...],
            batches: tuple[int, ...], dims: dict[str, int], optimizer: str, circuits: str, executions: float | None,
            grid: str | None, price: float | None, json_path: str | None) -> None:
    """Compare every combination of MODELS, formats, phases, batches and devices with the first.

    \b
    Example: tocompiler compare resnet50 mobilenet_v2 --device jetson_tx2_maxn
             tocompiler compare resnet50 --format fp32 --format fp16 --device jetson_tx2_maxn
    """
    from hardware.device import load_device
    from tocompiler.report.comparison import Compared, as_json, as_table

    plan = plan_of(executions, grid, price, devices[0])
    known = {name: load_device(name) for name in devices}
    axes = (models, devices, formats or (None,), phases or ("inference",), batches or (None,))
    compared = []
    for model, device, format, phase, batch in product(*axes):
        varying = [str(value) for axis, value in zip(axes, (model, device, format, phase, batch), strict=True)
                   if len(axis) > 1 and value is not None]
        label = " ".join(f"batch {v}" if v.isdecimal() else v for v in varying) or model
        found = subject(model, known[device], label, batch=batch, format=format, phase=phase, dims=dims,
                        optimizer=optimizer, circuits=circuits)
        compared.append(Compared(label, found.program, found.device, found.prediction, found.batch))
    if len(compared) < 2:
        raise click.UsageError("give a second model, format, phase, batch or device to compare with")
    if not put_json(as_json(compared, plan), json_path):
        put(as_table(compared, plan))
