"""Facts: what a data sheet tells of a device, from which a prior over its coefficients follows."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources

__all__ = ["KINDS", "Facts", "facts_of", "known_facts"]

KINDS = ("cpu", "board_cpu", "gpu", "board_gpu", "accelerator", "microcontroller")

_NEEDED = ("node_nm", "power_watt", "product_per_second", "byte_per_second")


@dataclass(frozen=True)
class Facts:
    """What is known of a device; None where it is not.

    kind: one of KINDS (a ``board``'s meter reads more than the chip)
    node_nm: silicon process
    power_watt: at full load: thermal design power, the limit of a power mode, or a board's
    product_per_second: peak multiply-accumulates in ``format``
    byte_per_second: bandwidth of the memory beyond the last cache; of a microcontroller, of its flash
    format: number format of the peak rate
    units: peak multiply-accumulates per second of each unit (tensor cores, CUDA cores, SIMD lanes, an array) by number
    format: what it executes natively; anything else is emulated
    idle_watt: at rest, with what the meter covers; memory_byte: that a network must fit in (no prior follows them)
    chip: devices of the same chip share one: none is in another's prior
    """

    kind: str | None = None
    node_nm: float | None = None
    power_watt: float | None = None
    product_per_second: float | None = None
    byte_per_second: float | None = None
    format: str = "fp32"
    chip: str = ""
    source: str = ""
    idle_watt: float | None = None
    memory_byte: float | None = None
    units: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.kind is not None and self.kind not in KINDS:
            raise ValueError(f"kind '{self.kind}': use one of {', '.join(KINDS)}")
        for name in (*_NEEDED, "idle_watt", "memory_byte"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ValueError(f"{name} is {value}: give a positive number")
        for unit, rates in self.units.items():
            for format, rate in rates.items():
                if not rate > 0:
                    raise ValueError(f"{unit} executes {rate} {format} products a second: give a positive number")

    @property
    def native(self) -> frozenset[str]:
        """Formats that some unit executes; empty where no unit is known."""
        return frozenset(format for rates in self.units.values() for format in rates)

    @property
    def unknown(self) -> list[str]:
        """What a prior follows and is not known."""
        return [name for name in ("kind", *_NEEDED) if getattr(self, name) is None]

    @property
    def complete(self) -> bool:
        """Whether nothing is unknown that a prior follows."""
        return not self.unknown


@cache
def known_facts() -> Mapping[str, Facts]:
    """Facts of every device and board of the shipped and the adapted tables, by table name."""
    text = resources.files("hardware").joinpath("data/facts.toml").read_text(encoding="utf-8")
    return {name: Facts(chip=entry.pop("chip", name), **entry) for name, entry in tomllib.loads(text).items()}


def facts_of(table: str) -> Facts:
    """Facts of a table's device, by its name or the beginning of it (``mcu_u575_st_v10``: ``mcu_u575``); unknown ones
    where there are none."""
    parts = table.split("_")
    names = ("_".join(parts[:count]) for count in range(len(parts), 0, -1))
    return next((known_facts()[name] for name in names if name in known_facts()), Facts())
