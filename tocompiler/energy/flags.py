"""Flags: what a prediction says that its device cannot do, by its data sheet."""

from __future__ import annotations

from collections.abc import Iterator

from hardware.facts import Facts

__all__ = ["flags"]

_ABOVE = 1.2  # of the power at full load: meters read a board's converters too, and clocks boost for a while (assumed)


def flags(watt: float | None, parameter_byte: float, facts: Facts) -> Iterator[str]:
    """Mean power above full load or below rest, and parameters that do not fit, each in one line."""
    if watt is not None and facts.power_watt is not None and watt > _ABOVE * facts.power_watt:
        yield f"{watt:.4g} W on average, and the device takes {facts.power_watt:.4g} W at full load"
    if watt is not None and facts.idle_watt is not None and watt < facts.idle_watt:
        yield f"{watt:.4g} W on average, and the device takes {facts.idle_watt:.4g} W at rest"
    if facts.memory_byte is not None and parameter_byte > facts.memory_byte:
        yield (f"{parameter_byte / 1e9:.4g} GB of parameters, and the device has {facts.memory_byte / 1e9:.4g} GB of "
               "memory")
