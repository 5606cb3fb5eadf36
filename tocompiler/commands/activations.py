"""``tocompiler activations``: what each activation costs and how accurate it is, from the shipped tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from alu_library.functions import (
    FORMATS,
    FunctionRow,
    activation_names,
    cost,
    function_names,
    function_rows,
    unit_cost,
)
from tocompiler.commands.output import image, put, put_json

if TYPE_CHECKING:
    from hardware.device import Device

__all__ = ["command", "entries"]

_ELEMENTS = 1 << 20  # a tensor that energy per element is taken from, large enough that a launch does not count


@click.command("activations")
@click.argument("names", nargs=-1)
@click.option("--format", "format_name", default="fp32", show_default=True, help=f"One of {', '.join(FORMATS)}.")
@click.option("--max-error", type=click.FloatRange(min=0), metavar="ULP",
              help="Only the cheapest algorithm of each within this error.")
@click.option("--max-absolute", type=click.FloatRange(min=0), metavar="E",
              help="Only the cheapest algorithm of each within this absolute error.")
@click.option("--derivatives", is_flag=True, help="Their derivatives instead.")
@click.option("--elementary", is_flag=True, help="Elementary functions instead (exp, log, divide, ...).")
@click.option("--circuits", default="default", show_default=True, help="Circuit set that prices the tasks.")
@click.option("--device", help="A calibrated device by name, or its TOML file: adds energy per element.")
@click.option("--node", help="A technology node, as in 7nm: adds energy per element of the arithmetic alone.")
@click.option("--plot", type=click.Path(dir_okay=False, path_type=Path), callback=image,
              metavar="FILE", help="Draw cost against error.")
@click.option("--json", "json_path", metavar="PATH", help="Write every figure as JSON; - is standard output.")
def command(names: tuple[str, ...], format_name: str, max_error: float | None, max_absolute: float | None,
            derivatives: bool, elementary: bool, circuits: str, device: str | None, node: str | None, plot: Path | None,
            json_path: str | None) -> None:
    """Rank activation functions (all, or NAMES) by transistor operations, beside the error that was measured.

    \b
    Example: tocompiler activations --format fp16 --max-error 1
             tocompiler activations gelu silu
    """
    listed = names or _listed(format_name, derivatives, elementary)
    found = entries(listed, format_name, max_error, max_absolute, circuits)
    left_out = sorted(set(listed) - {entry["name"] for entry in found})
    said = ""
    if left_out:
        said = f"no algorithm in {format_name} keeps the bound for {', '.join(left_out)}"
        if names:
            best = min(row.max_error_ulp for row in function_rows(left_out[0], format_name))
            raise ValueError(f"{said}; the best of {left_out[0]} errs by {best:.3g} ulp")
    if device is not None:
        from hardware.device import load_device

        _add_device_energy(found, load_device(device), circuits)
    if node is not None:
        _add_node_energy(found, node)
    shown = [{k: v for k, v in entry.items() if k != "row"} for entry in found]
    if plot is not None:
        from tocompiler.report.activation_plot import draw

        draw(shown, plot)
    figures = {"format": format_name, "circuits": circuits, "activations": shown, "left_out": left_out}
    if not put_json(figures, json_path):
        put(_as_text(shown) + (f"\n{said}" if said else ""))


def _listed(format: str, derivatives: bool, elementary: bool) -> list[str]:
    known, activations = function_names(format), activation_names()
    if elementary:
        others = {*activations, *(f"{name}_derivative" for name in activations)}
        return [name for name in known if name not in others and name.endswith("_derivative") == derivatives]
    names = [f"{name}_derivative" for name in activations] if derivatives else list(activations)
    return [name for name in names if name in known]


def entries(names: Iterable[str], format: str, max_error_ulp: float | None = None,
            max_error_absolute: float | None = None, circuits: str = "default") -> list[dict[str, Any]]:
    """Every algorithm of the functions, or with a bound the cheapest that keeps it, cheapest first.

    A function that no algorithm computes within the bound is left out. Each entry has the keys of the command's JSON
    and, under ``row``, the table's row.
    """
    unit = unit_cost(format, circuits)
    found: list[dict[str, Any]] = []
    for name in names:
        priced = [(cost(row, circuits), row) for row in function_rows(name, format)]
        if max_error_ulp is not None or max_error_absolute is not None:
            good = [(c, r) for c, r in priced if _within(r, max_error_ulp, max_error_absolute)]
            priced = [min(good, key=lambda pair: pair[0])] if good else []
        found += [_entry(row, price, unit) for price, row in priced]
    return sorted(found, key=lambda entry: (entry["transistor_operations"], entry["name"], entry["algorithm"]))


def _within(row: FunctionRow, ulp: float | None, absolute: float | None) -> bool:
    return (ulp is None or row.max_error_ulp <= ulp) and (absolute is None or row.max_error_absolute <= absolute)


def _entry(row: FunctionRow, transistor_operations: float, unit: float) -> dict[str, Any]:
    return {
        "name": row.name, "format": row.format, "internal_format": row.internal_format, "algorithm": row.algorithm,
        "alu_tasks": {f"{task} {in_format}": n / row.elements if row.elements > 1 else n
                      for (task, in_format), n in sorted(row.tasks.items())},
        "transistor_operations": transistor_operations, "relative_to_multiply": transistor_operations / unit,
        "depth": row.depth, "table_bit": row.table_bit, "max_error_ulp": row.max_error_ulp,
        "mean_error_ulp": row.mean_error_ulp, "max_error_absolute": row.max_error_absolute, "points": row.points,
        "domain": [_bound(end) for end in row.domain], "energy_joule": None, "row": row,
    }


def _bound(end: float) -> float | None:
    """A domain's end; None where it has none (JSON has no infinity)."""
    return end if abs(end) < float("inf") else None


def _add_device_energy(found: list[dict[str, Any]], device: Device, circuits: str) -> None:
    """Energy per element: a tensor of 2^20 elements is read, computed and written once on the device."""
    import tocompiler
    from tocompiler.costing import cost as priced
    from tocompiler.energy.prediction import predict
    from tocompiler.lowering import lower

    for entry in found:
        row = entry["row"]
        net = tocompiler.Network("activation")
        net.output(net.relu(net.input((1, _ELEMENTS), format=row.format)))
        program = lower(net, format=row.format)
        alu = replace(program, rows=(replace(program.rows[0], tasks=row.tasks * (_ELEMENTS // row.elements)),))
        entry["energy_joule"] = predict(priced(alu, circuits), device).energy_joule / _ELEMENTS


def _add_node_energy(found: list[dict[str, Any]], node: str) -> None:
    from hardware import technology

    process = technology.node(node)
    for entry in found:
        entry["energy_joule"] = process.energy_joule(entry["transistor_operations"])


def _as_text(found: list[Mapping[str, Any]] | list[dict[str, Any]]) -> str:
    from tabulate import tabulate

    energy = any(entry["energy_joule"] is not None for entry in found)
    rows = [
        (e["name"], e["algorithm"], e["internal_format"], f"{e['transistor_operations']:,.0f}",
         f"{e['relative_to_multiply']:.2f}", e["depth"], e["table_bit"], _error(e["max_error_ulp"]),
         _error(e["mean_error_ulp"]), f"{e['max_error_absolute']:.1e}",
         *([f"{e['energy_joule']:.2e}"] if energy else []))
        for e in found
    ]
    headers = ["function", "algorithm", "internal", "transistor ops", "x multiply", "depth", "table bit", "max ulp",
               "mean ulp", "max absolute", *(["joule/element"] if energy else [])]
    return tabulate(rows, headers=headers, disable_numparse=True,
                    colalign=("left", "left", "left", *["right"] * (len(headers) - 3)))


def _error(ulp: float) -> str:
    return f"{ulp:.3f}" if ulp < 100 else f"{ulp:.1e}"
