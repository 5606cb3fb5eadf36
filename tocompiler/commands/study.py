"""``tocompiler study``: the same networks with different activations."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from tocompiler.commands.output import put, put_json

if TYPE_CHECKING:
    from tocompiler.activation_study import Energy, Scaling, StudyRow

__all__ = ["command"]


@click.command("study")
@click.option("--device", help="A calibrated device by name, or its TOML file: its energy.")
@click.option("--node", default="45nm", show_default=True, help="Without a device: energy of the arithmetic at a node.")
@click.option("--batch", type=click.IntRange(min=1), default=256, show_default=True, help="Samples an execution.")
@click.option("--measure/--no-measure", default=True, show_default=True, help="Time the networks here, in torch.")
@click.option("--json", "json_path", metavar="PATH", help="Write every figure as JSON; - is standard output.")
def command(device: str | None, node: str, batch: int, measure: bool, json_path: str | None) -> None:
    """Compare ReLU, sigmoid, tanh, GELU and SiLU in two perceptrons and a small CNN, in inference and training.

    \b
    Example: tocompiler study
    """
    from tocompiler.activation_study import rows, scaling

    energy, basis = _energy(device, node)
    found, exponents = rows(energy, batch, measure), scaling(energy)
    figures = {"energy_of": basis, "rows": [asdict(r) for r in found], "scaling": [asdict(s) for s in exponents]}
    if put_json(figures, json_path):
        return
    put(_as_text(found, exponents, basis))


def _energy(device: str | None, node: str) -> tuple[Energy, str]:
    from hardware import technology

    process = technology.node(node)
    if device is not None:
        from hardware.device import load_device
        from tocompiler.energy.prediction import predict

        machine = load_device(device)
        return lambda program: predict(program, machine).energy_joule, f"device {machine.name}"
    return (lambda program: process.energy_joule(program.totals.transistor_operations),
            f"arithmetic alone at {process.name} ({process.obtained})")


def _as_text(found: list[StudyRow], exponents: list[Scaling], basis: str) -> str:
    from tabulate import tabulate

    base = {(r.network, r.phase): r.transistor_operations for r in found if r.activation == "relu"}
    table = tabulate(
        [(r.network, r.phase, r.activation, f"{r.multiply_accumulates:,}", f"{r.transistor_operations:.4g}",
          f"{r.transistor_operations / base[r.network, r.phase]:.2f}", f"{100 * r.activation_share:.0f} %",
          f"{r.energy_joule:.3g}", "-" if r.run_second is None else f"{r.run_second * 1e3:.3f}") for r in found],
        headers=("network", "phase", "activation", "MACs", "transistor ops", "x ReLU", "share", "joule", "ms here"),
        disable_numparse=True, colalign=("left", "left", "left", *["right"] * 6))
    lines = tabulate(
        [(s.quantity, s.against, s.activation, f"{s.exponent:.3f}", f"{s.low:.3f} to {s.high:.3f}", s.points)
         for s in exponents],
        headers=("quantity", "against", "activation", "exponent", "95 % interval", "points"), disable_numparse=True)
    return f"{table}\n\nenergy: {basis}\n\n{lines}"
