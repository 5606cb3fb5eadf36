"""The search behind the default circuits: a declared space of architectures, held against published energies.

One architecture is chosen for each kind of operation (integer add, integer multiply, floating-point add,
floating-point multiply), the same at every width, with one treatment of subnormals for both floating-point units. The
choice is the one whose switching has the highest log R² on the eight 45 nm energies, with one constant; the 7 nm
energies take no part in it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, dataclass
from functools import cache
from itertools import product
from zlib import crc32

from alu_library import parse
from alu_library.circuits import ADDERS, MULTIPLIERS, build, draw, operands_at, transistor_operations
from hardware import PublishedEnergy
from tocompiler import NodeFit
from tocompiler import fit_node as fit

__all__ = ["Choice", "best", "costs", "dense_switching", "energies_of", "space"]

PAIR = "uniform/uniform"

Measure = Callable[[str, str], float]
"""Cost of a circuit in a format."""


@dataclass(frozen=True)
class Choice:
    """An architecture for each kind of operation, as circuit names."""

    integer_add: str
    integer_multiply: str
    float_add: str
    float_multiply: str

    def circuit(self, energy: PublishedEnergy) -> str:
        """The circuit that stands for a published energy."""
        kind = "float" if parse(energy.format).is_float else "integer"
        return str(getattr(self, f"{kind}_{energy.operation}"))


def space() -> list[Choice]:
    """Every declared choice: 5 adders, 4 multipliers with 5 final adders, full or flushed subnormals."""
    multipliers = [f"{kind}:{final}" for kind, final in product(MULTIPLIERS, ADDERS)]
    return [
        Choice(f"adder/{integer}", f"multiplier/{whole}", f"floating_point/add:{adder},{subnormals}",
               f"floating_point/multiply:{significand.replace(':', ',')},{subnormals}")
        for integer, whole, subnormals, adder, significand in product(
            ADDERS, multipliers, ("full", "flushed"), ADDERS, multipliers)
    ]


@cache
def dense_switching(circuit: str, format: str, pair: str = PAIR) -> float:
    """Transistor operations without zeros, from the operands that characterisation draws."""
    netlist = build(circuit, format)
    drawn = draw(parse(format), pair, crc32(f"{circuit} {format} {pair}".encode()))
    return transistor_operations(netlist, [operands_at(netlist, drawn, 0.0, 0.0)])[0]


def energies_of(energies: Sequence[PublishedEnergy]) -> dict[str, float]:
    """Energies in picojoule by ``"multiply fp32"``."""
    return {f"{e.operation} {e.format}": e.energy_picojoule for e in energies}


def costs(choice: Choice, energies: Sequence[PublishedEnergy], measure: Measure = dense_switching) -> dict[str, float]:
    """Cost of every published operation under a choice."""
    return {f"{e.operation} {e.format}": measure(choice.circuit(e), e.format) for e in energies}


def best(energies: Sequence[PublishedEnergy], measure: Measure = dense_switching) -> tuple[Choice, NodeFit]:
    """The choice with the highest log R², which is the smallest spread of log cost about log energy.

    With logs of cost over energy, the spread is Σ log² - (Σ log)²/n, and each kind adds its own terms to both sums.
    """
    published = energies_of(energies)
    sums = _sums(energies, published, measure)

    def spread(choice: Choice) -> float:
        parts = [sums[c] for c in astuple(choice)]
        return sum(p[1] for p in parts) - sum(p[0] for p in parts) ** 2 / len(energies)
    choice = min(space(), key=spread)
    return choice, fit(costs(choice, energies, measure), published)


def _sums(
    energies: Sequence[PublishedEnergy], published: Mapping[str, float], measure: Measure
) -> dict[str, tuple[float, float]]:
    """For every circuit of the space, Σ log(cost / energy) and Σ log² over the energies it stands for."""
    found: dict[str, tuple[float, float]] = {}
    for choice in space():
        for circuit in astuple(choice):
            if circuit in found:
                continue
            logs = [
                math.log(measure(circuit, e.format) / published[f"{e.operation} {e.format}"])
                for e in energies if choice.circuit(e) == circuit
            ]
            found[circuit] = sum(logs), sum(v * v for v in logs)
    return found
