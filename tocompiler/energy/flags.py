"""Flags: what a prediction says that its device cannot do, by its data sheet and by what was measured on it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hardware.device import Device

__all__ = ["flags"]

_APART = 1.2  # clocks boost for a while, and a run of another kind may take a little more than any measured (assumed)


def flags(watt: float | None, parameter_byte: float, formats: Iterable[str], device: Device) -> Iterator[str]:
    """Mean power above full load or below rest, parameters that do not fit, and products in ``formats`` that no unit
    executes, each in one line.

    Where meters read more than a data sheet's chip, or less, what was measured counts.
    """
    facts, (least, most) = device.facts, device.measured_watt or (float("inf"), 0.0)
    if watt is not None and facts.power_watt is not None and watt > _APART * (full := max(facts.power_watt, most)):
        yield f"{watt:.4g} W on average, and the device takes {full:.4g} W at full load"
    if watt is not None and facts.idle_watt is not None and watt < min(facts.idle_watt, least) / _APART:
        yield f"{watt:.4g} W on average, and the device takes {facts.idle_watt:.4g} W at rest"
    if facts.memory_byte is not None and parameter_byte > facts.memory_byte:
        yield (f"{parameter_byte / 1e9:.4g} GB of parameters, and the device has {facts.memory_byte / 1e9:.4g} GB of "
               "memory")
    units = "; ".join(f"{unit.replace('_', ' ')}: {', '.join(rates)}" for unit, rates in facts.units.items())
    for format in sorted(formats):
        if facts.native and format not in facts.native:
            yield (f"products in {format}, which no unit of the device executes ({units}): they are emulated, and "
                   "priced by the ratio of the circuits alone")
