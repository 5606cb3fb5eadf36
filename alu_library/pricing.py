"""The price of one ALU task: transistors and transistor operations of the circuit that a circuit set names for it.

Prices come from the shipped table ``data/characterised.json`` (:mod:`alu_library.circuits.characterisation` makes it);
a circuit set (:mod:`alu_library.circuit_sets`) says for each task and format which circuit prices it, and why.
A circuit in a format that the table does not have is characterised on the spot, which takes seconds, and kept on this
machine (:mod:`alu_library.circuits.kept`). The accounting basis is that of static counts; transistor operations are
always those of ``static_cmos``, which is simulated.

- Between zeros. Successive operands are independent, and each is zero with a given probability, so the expected
  switching between two operations is a polynomial of degree 2 in the probability of each operand: three points an axis
  (0, 1/2, 1) hold the whole surface. Each row of the table carries the largest relative deviation that simulation
  showed at points between them.
- Streams. Where an array holds one operand, switching is that of an operation that changes only the other, and once in
  a while that of one that changes both; the table has grids for either.
- Load. Beside transistor operations stands their load-weighted sum (:mod:`alu_library.circuits.load`).
- Table reads have a closed form in :mod:`alu_library.circuits.read_only_memory`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from alu_library.circuit_sets import chosen_circuit, stream
from alu_library.circuits.cells import BASES
from alu_library.circuits.read_only_memory import read_only_memory
from alu_library.formats import FLUSHED, parse

__all__ = [
    "DEFAULT", "DEFAULT_BASIS", "DISTRIBUTIONS", "HELD", "PAIRS", "STREAMS", "Operand", "Operands", "Price", "Row",
    "add_row", "chosen_circuit", "price", "row_of", "rows",
]

_DATA = Path(__file__).parent / "data"

DISTRIBUTIONS = ("uniform", "normal", "relu")
"""How the operands that are not zero are distributed: uniform, N(0, 1), or |N(0, 1)|, what a ReLU lets through."""

PAIRS = ("uniform/uniform", "normal/normal", "normal/relu", "relu/relu")
"""Distributions of two operands that are characterised together."""

DEFAULT_BASIS = "static_cmos"
"""What static transistors are counted on unless said otherwise, here and by the compiler: the gates that are
simulated."""

STREAMS = ("output", "weight", "input", "row")
"""What an array holds: the running sum, while both operands change (``output``, which is how everything else is
priced); operand a, a weight, or b, an input, for some operations, each of which meets the sum of another output; or a
row of weights in turn (``row``: Chen, Emer, Sze, ISCA 2016), which adds that many products to a sum before the next."""

HELD = "abc"
"""Grids of streams: only b changes (a is held), only a changes, both change but the sums are of other outputs."""


@dataclass(frozen=True)
class Operand:
    """Statistics of one operand: the distribution of what is not zero, and the probability of zero."""

    distribution: str = "normal"
    zeros: float = 0.0

    def __post_init__(self) -> None:
        if self.distribution not in DISTRIBUTIONS:
            raise ValueError(f"unknown operand distribution {self.distribution!r}: use {', '.join(DISTRIBUTIONS)}")
        if not 0 <= self.zeros <= 1:
            raise ValueError(f"the fraction of zeros is between 0 and 1, not {self.zeros}")


@dataclass(frozen=True)
class Operands:
    """Statistics of both operands; operations on one operand use ``a``. ``stream`` is one of :data:`STREAMS` (empty:
    what the circuit set says, else ``output``) and ``hold`` for how many operations something is held."""

    a: Operand = field(default_factory=Operand)
    b: Operand = field(default_factory=Operand)
    stream: str = ""
    hold: int = 64

    def __post_init__(self) -> None:
        if self.stream and self.stream not in STREAMS:
            raise ValueError(f"unknown operand stream {self.stream!r}: use {', '.join(STREAMS)}")
        if self.hold < 1:
            raise ValueError(f"an operand is held for one operation or more, not {self.hold}")


DEFAULT = Operands(Operand("normal"), Operand("relu", 0.5))
"""Weights N(0, 1) and activations N(0, 1) of which a ReLU has set half to zero."""


@dataclass(frozen=True)
class Price:
    """What one task costs on one circuit.

    ``transistors`` is the static count on the basis asked for; ``transistor_operations`` the expected transistor gate
    terminals that change value per operation (zero delay); ``glitch_factor`` what inertial delays would multiply that
    by. ``error`` is the largest relative error that interpolation was seen to make; ``load`` the same transistor
    operations weighted by the load on each.
    """

    circuit: str
    transistors: int
    transistor_operations: float
    glitch_factor: float
    error: float = 0.0
    load: float = 0.0


@dataclass(frozen=True)
class Row:
    """One characterised circuit: ``switching`` maps pairs of distributions (``"normal/relu"``) to transistor operations
    over zeros of a (0, 1/2, 1) and, for two operands, zeros of b, fastest; ``load`` to their load-weighted sums; and
    ``held`` does so for streams (``"normal/relu a"``, by :data:`HELD`) where a circuit has any."""

    circuit: str
    format: str
    textbook: int
    static_cmos: int
    depth: int
    glitch_factor: float
    error: float
    switching: Mapping[str, tuple[float, ...]]
    load: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    held: Mapping[str, tuple[float, ...]] = field(default_factory=dict)

    def transistors(self, basis: str) -> int:
        """Static transistors on a basis of :data:`alu_library.circuits.cells.BASES`; ValueError for another name."""
        _check(basis)
        return self.textbook if basis == "textbook" else self.static_cmos

    def transistor_operations(self, operands: Operands) -> float:
        """Expected transistor operations per operation; ValueError if the pair of distributions is not in the table."""
        pair, swapped = self._pair(operands)
        free = _at(self.switching[pair], operands, swapped)
        if not self.held or operands.stream in ("", "output"):
            return free
        other = _at(self.held[f"{pair} c"], operands, swapped) if f"{pair} c" in self.held else free
        if operands.stream == "row":
            return free + (other - free) / operands.hold
        which = "a" if (operands.stream == "weight") != swapped else "b"
        held = _at(self.held[f"{pair} {which}"], operands, swapped)
        return held + (other - held) / operands.hold

    def load_weighted(self, operands: Operands) -> float:
        """Load-weighted switching per operation, of operands that nothing holds; 0 where it was not measured."""
        pair, swapped = self._pair(operands)
        return _at(self.load[pair], operands, swapped) if self.load else 0.0

    def _pair(self, operands: Operands) -> tuple[str, bool]:
        """The grid of a pair of distributions, and whether it is that of the operands exchanged."""
        a, b = operands.a.distribution, operands.b.distribution
        for key, swapped in ((f"{a}/{b}", False), (a, False), (f"{b}/{a}", True)):
            if key in self.switching:
                return key, swapped
        raise ValueError(
            f"{self.circuit} {self.format} is not characterised for {a}/{b} operands: use {', '.join(self.switching)}"
        )


def _at(grid: tuple[float, ...], operands: Operands, swapped: bool) -> float:
    """A grid at the operands' shares of zeros."""
    first, second = (operands.b, operands.a) if swapped else (operands.a, operands.b)
    along_a, along_b = _weights(first.zeros), _weights(second.zeros)
    if len(grid) == len(along_a):
        return sum(w * g for w, g in zip(along_a, grid, strict=True))
    return sum(wa * wb * grid[3 * i + j] for i, wa in enumerate(along_a) for j, wb in enumerate(along_b))


def _check(basis: str) -> None:
    if basis not in BASES:
        raise ValueError(f"unknown accounting basis {basis!r}: use one of {', '.join(BASES)}")


def _weights(zeros: float) -> tuple[float, float, float]:
    """Lagrange weights of the points 0, 1/2 and 1 at ``zeros``."""
    return 2 * (zeros - 0.5) * (zeros - 1), 4 * zeros * (1 - zeros), 2 * zeros * (zeros - 0.5)


@lru_cache(maxsize=4096)
def price(
    task: str, format: str, operands: Operands = DEFAULT, circuits: str = "default",
    basis: str = DEFAULT_BASIS,
) -> Price:
    """Price one ALU task in one number format with the circuits of one set.

    ``circuits`` is the name of a set that ships or the path of a TOML file like those. A ``multiply_accumulate`` is a
    multiply and an addition to a running sum in the accumulator's format, unless the set names a fused circuit for it.
    A flushed format is priced by the circuits that the set names for it, which flush only where their names say so.
    ValueError with one line for a task, format, set, basis or pair of operand distributions that has no price.
    """
    if task == "table_read":
        _check(basis)
        memory = read_only_memory(format)  # the same on every basis: it has none of the cells that they differ in
        return Price(f"table/{format}", memory.transistors, memory.transistor_operations, 1.0)
    if parse(format).block and task != "multiply_accumulate":
        raise ValueError(f"{format} stores the operands of products: {task} has no circuit in it, name its element's")
    if not operands.stream:
        operands = replace(operands, **stream(circuits))
    if task == "multiply_accumulate" and chosen_circuit(task, format, circuits) is None:
        parts = [price(t, format, operands, circuits, basis) for t in ("multiply", "accumulate")]
        return _sum(parts[0], parts[1])
    circuit = chosen_circuit(task, format, circuits)
    if circuit is None:
        raise ValueError(f"circuit set {circuits!r} has no circuit for {task} in {format}")
    row = _row(circuit, format)
    return Price(
        circuit, row.transistors(basis), max(0.0, row.transistor_operations(operands)), row.glitch_factor, row.error,
        max(0.0, row.load_weighted(operands)),
    )


def _sum(multiply: Price, add: Price) -> Price:
    switched = multiply.transistor_operations + add.transistor_operations
    glitched = sum(p.transistor_operations * p.glitch_factor for p in (multiply, add))
    return Price(
        f"{multiply.circuit} + {add.circuit}", multiply.transistors + add.transistors, switched,
        glitched / switched if switched else 1.0, max(multiply.error, add.error), multiply.load + add.load,
    )


@cache
def _text() -> str:
    return (_DATA / "characterised.json").read_text(encoding="utf-8")


@cache
def _lines() -> list[str]:
    return _text().splitlines()


@cache
def _characterised(circuit: str) -> Mapping[str, Row]:
    """A circuit's rows by format. The table has a row a line, and only the lines asked for are parsed."""
    start = f"[{json.dumps(circuit)},"
    shipped = (row_of(json.loads(line.rstrip(","))) for line in _lines() if line.startswith(start))
    return {row.format: row for row in (*shipped, *_ADDED.get(circuit, ()))}


_ADDED: dict[str, list[Row]] = {}


def add_row(row: Row) -> None:
    """Price with a circuit that is not in the shipped table, as ``characterise`` gives its row; for its circuit and
    format it takes the place of a row that is."""
    _ADDED.setdefault(row.circuit, []).append(row)
    for cached in (_characterised, _row, price):
        cached.cache_clear()


def row_of(fields: list[Any]) -> Row:
    """A row of a table: fields in the order of :class:`Row`, the grids of all pairs, or of single operands, without
    their names."""
    circuit, format, textbook, static_cmos, depth, glitch_factor, error, grids, loads, held = fields
    pairs = PAIRS if len(grids) == len(PAIRS) else DISTRIBUTIONS
    of_streams = HELD[:len(held) // len(PAIRS)]
    return Row(circuit, format, textbook, static_cmos, depth, glitch_factor, error, _named(pairs, grids),
               _named(pairs, loads), _named([f"{pair} {which}" for pair in PAIRS for which in of_streams], held))


def _named(names: Iterable[str], grids: list[list[float]]) -> dict[str, tuple[float, ...]]:
    return {name: tuple(grid) for name, grid in zip(names, grids, strict=True)}


@cache
def rows() -> tuple[Row, ...]:
    """Every row of the shipped table."""
    return tuple(row_of(fields) for fields in json.loads(_text())["rows"])


@cache
def _row(circuit: str, format: str) -> Row:
    """The row of a circuit in a format, simulated now if the table has none. A flushed format has the circuits of the
    full one unless their names flush; truth values and bare exponents are words of 8 bits."""
    format = {"bool": "uint8", "e8m0": "uint8"}.get(format, format.removesuffix(FLUSHED))
    known = _characterised(circuit).get(format)
    if known is not None:
        return known
    from alu_library.circuits.kept import characterised  # brings numpy and the simulator

    return characterised(circuit, format)
