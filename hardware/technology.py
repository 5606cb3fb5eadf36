"""Technology nodes: how much energy one transistor operation takes in a silicon process.

Two nodes are fitted to published energies of arithmetic operations (``data/published_energies.csv``); the fit is made
by ``python -m tocompiler.technology_fit`` and stored with its error in ``data/technology.toml``. Every other
node follows from those two by a power law in the feature size, and says so. A user's own node is a file::

    nm = 22
    femtojoule_per_transistor_operation = 0.16
    at_volt = 0.8          # the voltage of that energy
    volt = 0.65            # the voltage in use: energy goes with its square
    source = "characterised by us, 2026"
"""

from __future__ import annotations

import csv
import math
import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

__all__ = ["PublishedEnergy", "TechnologyNode", "fitted_nodes", "node", "published_energies"]

_DATA = Path(__file__).parent / "data"


@dataclass(frozen=True)
class PublishedEnergy:
    """One published energy of one arithmetic operation; ``obtained`` is ``published`` or ``second-hand``."""

    node_nm: float
    operation: str
    format: str
    energy_picojoule: float
    obtained: str
    source: str
    year: int


@dataclass(frozen=True)
class TechnologyNode:
    """A silicon process.

    ``obtained`` is ``fitted``, ``interpolated`` (between fitted nodes), ``extrapolated`` (beyond them) or ``given`` (a
    user's file). ``r2_log`` and ``worst_ratio`` are the fit's coefficient of determination in logarithms and its
    largest factor of error over ``points`` published energies; other nodes carry the worse of the two fits' and no
    points of their own. ``femtojoule_per_load`` is the same constant for load-weighted switching, fitted to the same
    energies with the errors ``r2_log_load`` and ``worst_ratio_load``; 0 where it is not known.
    """

    nm: float
    femtojoule_per_transistor_operation: float
    obtained: str
    r2_log: float
    worst_ratio: float
    points: int
    source: str
    femtojoule_per_load: float = 0.0
    r2_log_load: float = 0.0
    worst_ratio_load: float = 0.0

    @property
    def name(self) -> str:
        """``45nm``."""
        return f"{self.nm:g}nm"

    def energy_joule(self, transistor_operations: float) -> float:
        """Energy of a number of transistor operations."""
        return transistor_operations * self.femtojoule_per_transistor_operation * 1e-15


    def energy_joule_of_load(self, load: float) -> float:
        """Energy of load-weighted switching."""
        return load * self.femtojoule_per_load * 1e-15


@cache
def published_energies() -> tuple[PublishedEnergy, ...]:
    """Every published energy that ships, in the order of the file."""
    text = (_DATA / "published_energies.csv").read_text(encoding="utf-8")
    return tuple(
        PublishedEnergy(float(r["node_nm"]), r["operation"], r["format"], float(r["energy_picojoule"]), r["obtained"],
                        r["source"], int(r["year"]))
        for r in csv.DictReader(text.splitlines())
    )


@cache
def fitted_nodes() -> tuple[TechnologyNode, ...]:
    """The nodes whose energy per transistor operation was fitted, largest first."""
    text = (_DATA / "technology.toml").read_text(encoding="utf-8")
    nodes = [TechnologyNode(obtained="fitted", **n) for n in tomllib.loads(text)["node"]]
    return tuple(sorted(nodes, key=lambda n: -n.nm))


@cache
def node(name: str) -> TechnologyNode:
    """The node of a feature size such as ``45nm``, ``28nm`` or ``7nm``.

    Between and beyond the fitted nodes energy per transistor operation is taken as (feature size)^p with p from the two
    of them. Names of processes have not been lengths since about 22 nm, so this is an assumption, and the further from
    a fitted node the weaker. The path of a TOML file is a node of one's own. ValueError for a name that is not a size
    from 2 to 250 nm, and for a file that is not as the module says.
    """
    if name.endswith(".toml"):
        return _given(Path(name))
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*nm", name)
    if not match or not 2 <= float(match[1]) <= 250:
        raise ValueError(f"a technology node is written as a size from 2nm to 250nm, such as 45nm, not {name!r}")
    nm = float(match[1])
    known = fitted_nodes()
    for fitted in known:
        if fitted.nm == nm:
            return fitted
    coarse, fine = known[0], known[-1]
    power = math.log(
        coarse.femtojoule_per_transistor_operation / fine.femtojoule_per_transistor_operation
    ) / math.log(coarse.nm / fine.nm)
    energy = fine.femtojoule_per_transistor_operation * (nm / fine.nm) ** power
    of_load = math.log(coarse.femtojoule_per_load / fine.femtojoule_per_load) / math.log(coarse.nm / fine.nm)
    return TechnologyNode(
        nm, energy, "interpolated" if fine.nm < nm < coarse.nm else "extrapolated",
        min(coarse.r2_log, fine.r2_log), max(coarse.worst_ratio, fine.worst_ratio), 0,
        f"power law of exponent {power:.2f} through {fine.name} and {coarse.name}",
        fine.femtojoule_per_load * (nm / fine.nm) ** of_load, min(coarse.r2_log_load, fine.r2_log_load),
        max(coarse.worst_ratio_load, fine.worst_ratio_load),
    )


_NUMBERS = ("nm", "femtojoule_per_transistor_operation", "at_volt", "volt", "femtojoule_per_load")


def _given(path: Path) -> TechnologyNode:
    """A node from a user's file."""
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"cannot read the technology node {path}: {error}") from None
    unknown = sorted(set(found) - {*_NUMBERS, "source"})
    if unknown or not {*_NUMBERS[:2], "source"} <= set(found):
        raise ValueError(f"{path}: a technology node has nm, femtojoule_per_transistor_operation, source, and may have "
                         f"femtojoule_per_load, at_volt and volt{', but not ' if unknown else ''}{', '.join(unknown)}")
    for key in _NUMBERS:
        value = found.get(key, 1.0)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
            raise ValueError(f"{path}: {key} is a positive number, not {value!r}")
    if ("volt" in found) != ("at_volt" in found):
        raise ValueError(f"{path}: volt needs at_volt, the voltage that the energy was taken at, and conversely")
    scale = (found.get("volt", 1.0) / found.get("at_volt", 1.0)) ** 2
    return TechnologyNode(float(found["nm"]), found["femtojoule_per_transistor_operation"] * scale, "given", 0.0, 0.0,
                          0, str(found["source"]), found.get("femtojoule_per_load", 0.0) * scale)
