"""Memory: the levels that data crosses on its way to the arithmetic, and what part of a working set overflows one."""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["MemoryLevel", "beyond"]


@dataclass(frozen=True)
class MemoryLevel:
    """One level: ``capacity_byte`` (None: holds everything) and, as a prior, energy per bit that crosses it."""

    name: str
    capacity_byte: int | None = None
    energy_joule_per_bit: float | None = None
    source: str = ""

    def __post_init__(self) -> None:
        if self.capacity_byte is not None and not 0 < self.capacity_byte < math.inf:
            raise ValueError(f"memory level {self.name}: capacity_byte must be positive, not {self.capacity_byte}")


def beyond(working_set_byte: float, capacity_byte: float | None) -> float:
    """Share of a working set's traffic that a cache of that capacity does not keep, between 0 and 1.

    A soft step, ``1 / (1 + (capacity / working set)^2)``: a half where they are equal. Replacement is not ideal,
    other data share the cache, and a hard step would make the energy of neighbouring sizes jump.

    >>> beyond(36e6, 36e6)
    0.5
    """
    if capacity_byte is None or working_set_byte <= 0:
        return 0.0
    return 1.0 / (1.0 + (capacity_byte / working_set_byte) ** 2)
