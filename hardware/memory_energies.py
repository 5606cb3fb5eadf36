"""Energy of one access to memory, by kind, size and node, from published tables (``data/memory_energies.csv``).

Between published sizes energy follows a power law in the capacity, between and beyond the two nodes one in the feature
size; what lies outside the published sizes takes the nearest line on. DRAM and HBM are off the chip: their energies are
those of the node they were published with, the nearer of the two.
"""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path

__all__ = ["AccessEnergy", "access_energy", "published_accesses"]


@dataclass(frozen=True)
class AccessEnergy:
    """One published access: ``capacity_byte`` is 0 for memories whose size does not matter; where a source gives a
    range, ``picojoule`` is its geometric mean."""

    node_nm: float
    memory: str
    capacity_byte: int
    bits: int
    picojoule: float
    obtained: str
    source: str


@cache
def published_accesses() -> tuple[AccessEnergy, ...]:
    """Every published access that ships, in the order of the file."""
    text = (Path(__file__).parent / "data" / "memory_energies.csv").read_text(encoding="utf-8")
    return tuple(
        AccessEnergy(float(r["node_nm"]), r["memory"], int(r["capacity_byte"] or 0), int(r["bits"]),
                     math.sqrt(float(r["low_picojoule"]) * float(r["high_picojoule"])), r["obtained"], r["source"])
        for r in csv.DictReader(text.splitlines())
    )


def access_energy(memory: str, node_nm: float, capacity_byte: float | None = None) -> float:
    """Joule per bit of an access to ``memory`` (``sram``, ``dram``, ``hbm2``) at a node; SRAM needs its capacity.

    >>> round(access_energy("sram", 45, 32768) * 64e12, 6)
    20.0

    ValueError for a memory that is not in the table, and for a size or node that is no positive number.
    """
    known = [a for a in published_accesses() if a.memory == memory]
    if not known:
        names = sorted({a.memory for a in published_accesses()})
        raise ValueError(f"no published energy of {memory!r}: there are {', '.join(names)}")
    for name, value in (("node_nm", node_nm), ("capacity_byte", capacity_byte)):
        if value is not None and not 0 < value < math.inf:
            raise ValueError(f"{name} is a positive number, not {value!r}")
    if memory != "sram":
        nearest = min(known, key=lambda a: abs(math.log(a.node_nm / node_nm)))
        return nearest.picojoule / nearest.bits * 1e-12
    if capacity_byte is None:
        raise ValueError("the energy of an SRAM depends on its capacity: give capacity_byte")
    nodes = sorted({a.node_nm for a in known})
    at_nodes = [(nm, _line([(a.capacity_byte, a.picojoule / a.bits) for a in known if a.node_nm == nm], capacity_byte))
                for nm in nodes]
    return _line(at_nodes, node_nm) * 1e-12


def _line(points: list[tuple[float, float]], x: float) -> float:
    """The power law through the two neighbours of ``x`` among points, the outermost two beyond them."""
    ordered = sorted(points)
    above = next((k for k, (p, _) in enumerate(ordered) if p >= x), len(ordered) - 1)
    (x0, y0), (x1, y1) = ordered[max(above, 1) - 1], ordered[max(above, 1)]
    return float(y0 * (y1 / y0) ** (math.log(x / x0) / math.log(x1 / x0)))
