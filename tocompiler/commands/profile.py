"""``tocompiler profile``: energy of a model operator by operator, measured beside predicted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from tocompiler.commands.output import note, put, put_json
from tocompiler.report.units import si

if TYPE_CHECKING:
    from tocompiler.measuring.operators import Alone

__all__ = ["command"]


@click.command()
@click.argument("model")
@click.option("--batch", type=click.IntRange(min=1), default=1, show_default=True)
@click.option("--format", "format_name", default="fp32", show_default=True, help="Number format.")
@click.option("--runtime", default="onnxruntime", show_default=True, help="onnxruntime, torch, torch:cpu, torch:cuda.")
@click.option("--meter", "meter_name", default="auto", show_default=True, metavar="NAME[:ARGUMENT]",
              help="As for `tocompiler measure`.")
@click.option("--threads", type=click.IntRange(min=1), help="Threads of a CPU runtime; default: all.")
@click.option("--time-only", is_flag=True, help="Without a meter: seconds.")
@click.option("--device", help="A calibrated device by name, or its TOML file: its prediction beside each operator.")
@click.option("--json", "json_path", metavar="PATH", help="Write every figure as JSON; - is standard output.")
def command(model: str, batch: int, format_name: str, runtime: str, meter_name: str, threads: int | None,
            time_only: bool, device: str | None, json_path: str | None) -> int:
    """Run every operator of MODEL by itself, over and over, then the whole, with random weights and inputs.

    Operators that are alike are measured once. Alone, an operator finds its operands in the caches more often than in
    the network, and nothing is fused into it: the parts need not add up to the whole, which is printed beside them.

    \b
    Example: tocompiler profile model.onnx --device my-board.toml
    """
    import tocompiler
    from hardware.meters import MeterError
    from tocompiler.commands.measure import meter_for, no_meter
    from tocompiler.measuring.operators import measured_operators
    from tocompiler.measuring.runtimes import executor

    program = tocompiler.compile(tocompiler.load(model, batch=batch), format=format_name)
    predicted = _predicted(program, device)
    execute = executor(runtime, threads)
    try:
        meter = None if time_only else meter_for(execute, meter_name)
    except MeterError as error:
        return no_meter(error)
    found = []
    try:
        for one in measured_operators(program.network, execute, meter, format_name):
            note(f"{one.names[0]}: {one.reason or _figure(one)}")
            found.append(one)
    finally:
        if meter is not None:
            meter.close()
    entries = [_entry(one, predicted) for one in found]
    if not put_json({"model": model, "batch": batch, "format": format_name, "runtime": execute.versions,
                     "meter": None if meter is None else meter.scope, "operators": entries[:-1],
                     "whole": entries[-1]}, json_path):
        put(_as_text(entries))
    return 0


def _predicted(program: Any, device: str | None) -> dict[str, float]:
    if device is None:
        return {}
    from hardware.device import load_device
    from tocompiler.energy.prediction import predict

    found = predict(program, load_device(device))
    return {"whole": found.energy_joule, **{op.name: op.energy_joule for op in found.operators}}


def _figure(one: Alone) -> str:
    return si(one.second, "s") if one.joule is None else f"{si(one.joule, 'J')}, {si(one.second, 's')}"


def _entry(one: Alone, predicted: dict[str, float]) -> dict[str, Any]:
    """Of one kind of operator: joule and second of one, how many there are, and the prediction's mean over them."""
    values = [predicted[name] for name in one.names if name in predicted]
    return {"name": one.names[0], "names": list(one.names), "operator": one.operator, "count": len(one.names),
            "energy_joule": one.joule, "latency_second": one.second, "uncertainty": one.uncertainty,
            "predicted_joule": sum(values) / len(values) if values else None, "reason": one.reason}


def _as_text(entries: list[dict[str, Any]]) -> str:
    from tabulate import tabulate

    *parts, whole = entries
    rows = [_line(e, e["name"], e["count"]) for e in parts]
    rows.append(_line(_sum(parts), "sum of the operators", sum(e["count"] for e in parts)))
    rows.append(_line(whole, "the whole network", 1))
    return tabulate(rows, headers=("operator", "", "number", "measured", "±", "second", "predicted", "ratio", ""),
                    disable_numparse=True, colalign=("left", "left", *["right"] * 6, "left"))


def _line(e: dict[str, Any], name: str, count: int) -> tuple[str, ...]:
    measured, predicted = e["energy_joule"], e["predicted_joule"]
    ratio = f"{predicted / measured:.2f}" if measured and predicted else "-"
    sure = "-" if e["uncertainty"] is None else f"{100 * e['uncertainty']:.1f} %"
    return (name, e["operator"], str(count), si(measured, "J"), sure, si(e["latency_second"], "s"),
            si(predicted, "J"), ratio, e["reason"])


def _sum(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """All operators together, each as often as it occurs; nothing where one has no figure."""
    def total(key: str) -> float | None:
        values = [None if e[key] is None else e[key] * e["count"] for e in parts]
        return None if not values or None in values else sum(v for v in values if v is not None)

    return {"operator": "", "energy_joule": total("energy_joule"), "latency_second": total("latency_second"),
            "predicted_joule": total("predicted_joule"), "uncertainty": None, "reason": ""}
