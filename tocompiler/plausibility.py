"""Plausibility: what a table of measurements shows to be wrong with itself, before anything is fitted to it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median

from hardware.measurement import Measurement

__all__ = ["doubts"]

_JOULE_PER_PRODUCT = (2e-14, 1e-8)
"""Least energy of one multiply-accumulate over a table's rows: below the first is less than a bare 8-bit multiplier at
7 nm with its operands at hand; above the second is four times the dearest shipped device (an A53 emulating 2 bits)."""
_WATT = (1e-4, 2e4)
"""Mean power while a network runs, from a microcontroller at the wake-up clock to a rack of accelerators."""
_APART = 5.0
"""One program measured twice on one device differs by less."""


def doubts(measured: Sequence[Measurement]) -> Iterator[str]:
    """What is doubtful in a table, each in one line with what mends it: units, devices, networks."""
    yield from _units(measured)
    yield from _devices(measured)
    groups = {m.group or m.program.name for m in measured}
    if len(groups) == 1 and len(measured) > 1:
        yield (f"every row is of one network ({groups.pop()}): nothing can be held out, so that the errors below say "
               "nothing of other networks; measure at least four more, of other kinds and sizes")


def _units(measured: Sequence[Measurement]) -> Iterator[str]:
    products = [m.joule_per_execution / macs for m in measured
                if isinstance(macs := m.program.totals.multiply_accumulates, int) and macs > 1e5]
    watts = [m.joule_per_execution / m.latency_second for m in measured if m.latency_second]
    low, high = _JOULE_PER_PRODUCT
    if products and not low < min(products) < high:
        yield (f"the rows take {min(products):.2g} joule per multiply-accumulate at the least, which no device does: "
               f"is the energy in {_other(min(products) > high)}? Or is the column executions missing?")
    elif watts and not _WATT[0] < median(watts) < _WATT[1]:
        yield (f"energy over latency is {median(watts):.3g} watt in the middle row, which no device takes: is the "
               f"energy in {_other(median(watts) > _WATT[1])}? Or is the column executions missing?")


def _other(too_much: bool) -> str:
    return ("millijoule (rename the column energy_mJ)" if too_much else
            "kilojoule or watt-hours (rename the column energy_kJ or energy_Wh)")


def _devices(measured: Sequence[Measurement]) -> Iterator[str]:
    seen: dict[tuple[object, ...], tuple[int, float]] = {}
    for i, m in enumerate(measured, 1):
        key = (id(m.program), tuple(sorted((k, v) for k, v in m.conditions.items() if k in ("runtime", "attention"))))
        first, energy = seen.setdefault(key, (i, m.joule_per_execution))
        ratio = max(m.joule_per_execution / energy, energy / m.joule_per_execution)
        if ratio > _APART:
            yield (f"measurements {first} and {i} are of the same program ({m.program.name}) and differ "
                   f"{ratio:.3g}-fold: two devices in one table? Add a column device and choose with "
                   "--where device=NAME")
            return
