"""``tocompiler check``: hold a model to a budget of energy, with an exit status for continuous integration."""

from __future__ import annotations

import click

from tocompiler.commands.output import put, put_json
from tocompiler.commands.subject import model_options, subject

__all__ = ["command"]


@click.command()
@click.argument("model")
@click.option("--device", required=True, help="A calibrated device by name, or its TOML file.")
@click.option("--max", "most", required=True, metavar="ENERGY", help="The budget of one execution, as in 5mJ or 0.1Wh.")
@click.option("--certain", is_flag=True, help="Hold the upper end of the 90 % interval to the budget.")
@click.option("--batch", type=click.IntRange(min=1), help="Batch size.")
@click.option("--format", help="Number format of every floating-point tensor.")
@click.option("--phase", default="inference", show_default=True, help="inference, training or backward.")
@model_options
@click.option("--json", "json_path", metavar="PATH", help="Write the verdict as JSON; - is standard output.")
def command(model: str, device: str, most: str, certain: bool, batch: int | None, format: str | None, phase: str,
            dims: dict[str, int], optimizer: str, circuits: str, json_path: str | None) -> int:
    """Exit with status 0 if MODEL keeps the budget on the device, and with 1 if it exceeds it.

    \b
    Example: tocompiler check mobilenet_v2 --device jetson_tx2_maxn --max 100mJ
    """
    from hardware.device import load_device
    from tocompiler.testing import joules, verdict

    budget = joules(most)
    found = subject(model, load_device(device), batch=batch, format=format, phase=phase, dims=dims, optimizer=optimizer,
                    circuits=circuits)
    kept, said = verdict(found.prediction, budget, certain)
    p = found.prediction
    figures = {"model": model, "device": p.device, "budget_joule": budget, "energy_joule": p.energy_joule,
               "energy_low_joule": p.low_joule, "energy_high_joule": p.high_joule, "certain": certain, "kept": kept,
               "in_domain": p.in_domain, "reasons": list(p.reasons)}
    if not put_json(figures, json_path):
        put(f"{model}: {said}")
        if not p.in_domain:
            put(f"Take it as an extrapolation: it lies {p.statement}.")
    return 0 if kept else 1
