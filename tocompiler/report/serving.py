"""What serving costs, as a table, as JSON and as a plot over the batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tocompiler.extras import needs
from tocompiler.report.columns import columns
from tocompiler.report.figures import save_figure
from tocompiler.report.units import si
from tocompiler.serving.cost import Energy, ServingCost

__all__ = ["Footprint", "as_json", "as_table", "draw"]

_JOULE_PER_KWH = 3.6e6


@dataclass(frozen=True, slots=True)
class Footprint:
    """A number of requests, the data centre's power usage effectiveness, and the grid's gram of CO2e a kWh."""

    requests: float = 1e6
    pue: float = 1.0
    gram_per_kwh: float | None = None

    def kwh(self, request: Energy) -> tuple[float, float, float]:
        """Expectation, low and high end for all requests, overhead of the data centre included."""
        scale = self.requests * self.pue / _JOULE_PER_KWH
        return request.joule * scale, request.low_joule * scale, request.high_joule * scale


def as_table(name: str, device: str, found: Sequence[ServingCost | ValueError], batches: Sequence[int],
             footprint: Footprint) -> str:
    """One line for each batch, and below what they mean."""
    costs = [cost for cost in found if not isinstance(cost, ValueError)]
    rows = [_line(batch, cost) for batch, cost in zip(batches, found, strict=True)]
    headers = ("batch", "J/request", "90 % interval", "J/prompt token", "J/output token", "90 % interval",
               "J/token served", "memory", "sent/request")
    lines = [_heading(name, device, costs), "", columns(rows, headers, left=0)]
    if costs:
        lines += ["", *_meaning(costs[-1], footprint)]
    return "\n".join(lines)


def _heading(name: str, device: str, costs: Sequence[ServingCost]) -> str:
    if not costs:
        return f"{name} · {device}"
    first = costs[0]
    w = first.workload
    return (f"{name} · {first.devices} x {device} · prompt {w.prompt}, output {w.output} tokens"
            + (f" · prefix of {w.prefix} cached" if w.prefix else "")
            + (f" · {w.speculate} drafted, {w.tokens_per_step:.2f} tokens a step" if w.speculate else ""))


def _line(batch: int, cost: ServingCost | ValueError) -> tuple[str, ...]:
    if isinstance(cost, ValueError):
        return (str(batch), *("-",) * 6, "does not fit", "-")
    request, output = cost.request, cost.output_token
    return (str(batch), _short(request.joule), _interval(request), _short(cost.prompt_token.joule),
            _short(output.joule), _interval(output), _short(cost.served_token.joule),
            f"{cost.memory.needed_byte / 1e9:.1f} GB", si(cost.sent.total_byte, "B"))


def _short(value: float) -> str:
    return f"{value:.3g}" if value < 1000 else f"{value:.0f}"


def _interval(energy: Energy) -> str:
    return f"{_short(energy.low_joule)}-{_short(energy.high_joule)}"


def _meaning(cost: ServingCost, footprint: Footprint) -> list[str]:
    lines = [f"Formats: {'; '.join(cost.notes)}."] if cost.notes else []
    middle, low, high = footprint.kwh(cost.request)
    text = (f"{footprint.requests:,.0f} requests at batch {cost.workload.batch} take {middle:.4g} kWh "
            f"(90 % interval {low:.4g} to {high:.4g})")
    if footprint.pue != 1:
        text += f", the data centre's overhead of {footprint.pue:g} included"
    if footprint.gram_per_kwh is not None:
        kilograms = [kwh * footprint.gram_per_kwh / 1000 for kwh in (middle, low, high)]
        text += (f", {kilograms[0]:.4g} kg CO2e ({kilograms[1]:.4g} to {kilograms[2]:.4g}) at "
                 f"{footprint.gram_per_kwh:g} g/kWh")
    lines.append(text + ".")
    if cost.pace is not None:
        lines.append(f"A prompt takes {si(cost.pace.prompt_second, 's')}, a step {si(cost.pace.step_second, 's')}: "
                     f"{cost.pace.tokens_per_second:,.0f} tokens/s.")
    if cost.idle_share:
        lines.append(f"Pipeline stages wait {100 * cost.idle_share:.0f} % of the time: fewer batches than stages.")
    if cost.memory.capacity_byte is None:
        lines.append("The device's memory is not known: whether this fits was not checked (--memory-gb).")
    if not cost.in_domain:
        lines.append("Take it as an extrapolation: some passes lie outside what was measured on this device.")
    return lines


def as_json(name: str, device: str, found: Sequence[ServingCost | ValueError], batches: Sequence[int],
            footprint: Footprint) -> dict[str, Any]:
    """Every figure, units in the key names; a batch that does not fit has its reason instead."""
    return {"model": name, "device": device, "requests": footprint.requests, "pue": footprint.pue,
            "carbon_gram_per_kwh": footprint.gram_per_kwh,
            "costs": [_figures(batch, cost, footprint) for batch, cost in zip(batches, found, strict=True)]}


def _figures(batch: int, cost: ServingCost | ValueError, footprint: Footprint) -> dict[str, Any]:
    if isinstance(cost, ValueError):
        return {"batch": batch, "reason": str(cost)}
    made: dict[str, Any] = {"batch": batch, "devices": cost.devices, "workload": asdict(cost.workload)}
    for key, energy in (("request", cost.request), ("prompt_token", cost.prompt_token),
                        ("output_token", cost.output_token), ("served_token", cost.served_token)):
        made |= _energy(key, energy)
    middle, low, high = footprint.kwh(cost.request)
    carbon = footprint.gram_per_kwh
    if cost.pace is not None:
        made |= asdict(cost.pace)
    made |= {"energy_kwh": middle, "energy_low_kwh": low, "energy_high_kwh": high,
             "carbon_kilogram": None if carbon is None else middle * carbon / 1000}
    return made | {"links_joule": cost.links_joule, "sent": asdict(cost.sent), "memory": asdict(cost.memory),
                   "idle_share": cost.idle_share, "in_domain": cost.in_domain, "notes": list(cost.notes)}


def _energy(key: str, energy: Energy) -> Mapping[str, float]:
    return {f"{key}_joule": energy.joule, f"{key}_low_joule": energy.low_joule, f"{key}_high_joule": energy.high_joule}


@needs("plot", "a figure")
def draw(found: Sequence[ServingCost | ValueError], path: str | Path, title: str) -> None:
    """Write J per output token over the batch, with its interval, and J per token served, to an image.

    ValueError where no batch fits.
    """
    costs = [cost for cost in found if not isinstance(cost, ValueError)]
    if not costs:
        raise ValueError("there is nothing to draw: no batch fits into memory")
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(8, 5))
    batches = [cost.workload.batch for cost in costs]
    output = [cost.output_token for cost in costs]
    axes.plot(batches, [e.joule for e in output], marker="o", label="output token")
    axes.fill_between(batches, [e.low_joule for e in output], [e.high_joule for e in output], alpha=0.2,
                      label="90 % interval")
    axes.plot(batches, [cost.served_token.joule for cost in costs], marker="s", label="output token, prompt included")
    axes.set(xscale="log", yscale="log", xlabel="batch", ylabel="energy [J]", title=title)
    axes.set_xscale("log", base=2)
    axes.legend()
    figure.tight_layout()
    save_figure(figure, path, dpi=150)
    plt.close(figure)
