"""The price of one ALU task: transistors and transistor operations of the circuit that a circuit set names for it.

Prices come from the shipped table ``data/characterised.json`` alone (:mod:`alu_library.circuits.characterisation` makes
it), and a circuit set is a file ``data/circuits_NAME.toml`` that says for each task and format which circuit prices it,
and why. Nothing here builds or simulates a circuit. The accounting basis is that of static counts; transistor
operations are always those of ``static_cmos``, which is simulated.

Interpolation:

- Between zeros. Successive operands are independent, and each is zero with a given probability, so the expected
  switching between two operations is a polynomial of degree 2 in the probability of each operand: three points an axis
  (0, 1/2, 1) hold the whole surface. Each row of the table carries the largest relative deviation that simulation
  showed at points between them.
- Between formats. A format that is not in the table is priced from its neighbours of the same circuit, linearly in the
  logarithms of cost and of width (of the significand where floats are multiplied or divided, else of the word).
- Table reads have a closed form in :mod:`alu_library.circuits.read_only_memory`.
"""

from __future__ import annotations

import json
import math
import tomllib
from bisect import bisect
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from alu_library.circuits.cells import BASES
from alu_library.circuits.read_only_memory import read_only_memory
from alu_library.formats import Format, parse

__all__ = [
    "BETWEEN_FORMATS", "DEFAULT", "DEFAULT_BASIS", "DISTRIBUTIONS", "PAIRS", "Operand", "Operands", "Price", "Row",
    "add_row", "chosen_circuit", "price", "rows",
]

_DATA = Path(__file__).parent / "data"

DISTRIBUTIONS = ("uniform", "normal", "relu")
"""How the operands that are not zero are distributed: uniform, N(0, 1), or |N(0, 1)|, what a ReLU lets through."""

PAIRS = ("uniform/uniform", "normal/normal", "normal/relu", "relu/relu")
"""Distributions of two operands that are characterised together."""

DEFAULT_BASIS = "static_cmos"
"""What static transistors are counted on unless said otherwise, here and by the compiler: the gates that are
simulated."""

BETWEEN_FORMATS = 0.19
"""Largest relative error seen of a price between formats, against simulation: conversions and multiplications at
formats unlike any in the table (e4m6). Additions, comparisons and divisions stay below 0.09, multiplications with 5 or
8 exponent bits below 0.13."""


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
    """Statistics of both operands; operations on one operand use ``a``."""

    a: Operand = field(default_factory=Operand)
    b: Operand = field(default_factory=Operand)


DEFAULT = Operands(Operand("normal"), Operand("relu", 0.5))
"""Weights N(0, 1) and activations N(0, 1) of which a ReLU has set half to zero."""


@dataclass(frozen=True)
class Price:
    """What one task costs on one circuit.

    ``transistors`` is the static count on the basis asked for; ``transistor_operations`` the expected transistor gate
    terminals that change value per operation (zero delay); ``glitch_factor`` what inertial delays would multiply that
    by. ``error`` is the largest relative error that interpolation was seen to make.
    """

    circuit: str
    transistors: int
    transistor_operations: float
    glitch_factor: float
    error: float = 0.0


@dataclass(frozen=True)
class Row:
    """One characterised circuit: ``switching`` maps pairs of distributions (``"normal/relu"``) to transistor operations
    over zeros of a (0, 1/2, 1) and, for two operands, zeros of b, fastest."""

    circuit: str
    format: str
    textbook: int
    static_cmos: int
    depth: int
    glitch_factor: float
    error: float
    switching: Mapping[str, tuple[float, ...]]

    def transistors(self, basis: str) -> int:
        """Static transistors on a basis of :data:`alu_library.circuits.cells.BASES`; ValueError for another name."""
        _check(basis)
        return self.textbook if basis == "textbook" else self.static_cmos

    def transistor_operations(self, operands: Operands) -> float:
        """Expected transistor operations per operation; ValueError if the pair of distributions is not in the table."""
        grid, swapped = self._grid(operands.a.distribution, operands.b.distribution)
        first, second = (operands.b, operands.a) if swapped else (operands.a, operands.b)
        along_a, along_b = _weights(first.zeros), _weights(second.zeros)
        if len(grid) == len(along_a):
            return sum(w * g for w, g in zip(along_a, grid, strict=True))
        return sum(wa * wb * grid[3 * i + j] for i, wa in enumerate(along_a) for j, wb in enumerate(along_b))

    def _grid(self, a: str, b: str) -> tuple[tuple[float, ...], bool]:
        """The grid of a pair of distributions, and whether it is that of the operands exchanged."""
        for key, swapped in ((f"{a}/{b}", False), (a, False), (f"{b}/{a}", True)):
            if key in self.switching:
                return self.switching[key], swapped
        raise ValueError(
            f"{self.circuit} {self.format} is not characterised for {a}/{b} operands: use {', '.join(self.switching)}"
        )


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
    parse(format)
    if task == "multiply_accumulate" and chosen_circuit(task, format, circuits) is None:
        parts = [price(t, format, operands, circuits, basis) for t in ("multiply", "accumulate")]
        return _sum(parts[0], parts[1])
    circuit = chosen_circuit(task, format, circuits)
    if circuit is None:
        raise ValueError(f"circuit set {circuits!r} has no circuit for {task} in {format}")
    row = _row(circuit, format)
    return Price(
        circuit, row.transistors(basis), max(0.0, row.transistor_operations(operands)), row.glitch_factor, row.error
    )


def _sum(multiply: Price, add: Price) -> Price:
    switched = multiply.transistor_operations + add.transistor_operations
    glitched = sum(p.transistor_operations * p.glitch_factor for p in (multiply, add))
    return Price(
        f"{multiply.circuit} + {add.circuit}", multiply.transistors + add.transistors, switched,
        glitched / switched if switched else 1.0, max(multiply.error, add.error),
    )


def chosen_circuit(task: str, format: str, circuits: str = "default") -> str | None:
    """The circuit that a set names for a task and format (its first entry that matches), or None."""
    for choice in _set(circuits):
        if task in choice["tasks"] and any(fnmatchcase(format, pattern) for pattern in choice["formats"]):
            return str(choice["circuit"])
    return None


@cache
def _set(name: str) -> list[dict[str, Any]]:
    source = Path(name) if name.endswith(".toml") else _DATA / f"circuits_{name}.toml"
    if not source.is_file():
        known = sorted(f.stem.removeprefix("circuits_") for f in _DATA.glob("circuits_*.toml"))
        raise ValueError(f"unknown circuit set {name!r}: use one of {', '.join(known)}, or the path of a TOML file")
    try:
        choices: list[dict[str, Any]] = tomllib.loads(source.read_text(encoding="utf-8")).get("circuit", [])
    except ValueError as error:
        raise ValueError(f"{source}: is not a TOML file in UTF-8 ({error})") from None
    for choice in choices:
        for key, kind in (("tasks", list), ("formats", list), ("circuit", str)):
            if not isinstance(choice.get(key), kind):
                raise ValueError(f"{source}: each [[circuit]] needs tasks = [...], formats = [...] and circuit = '...'")
    return choices


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
    shipped = (_as_row(json.loads(line.rstrip(","))) for line in _lines() if line.startswith(start))
    return {row.format: row for row in (*shipped, *_ADDED.get(circuit, ()))}


_ADDED: dict[str, list[Row]] = {}


def add_row(row: Row) -> None:
    """Price with a circuit that is not in the shipped table, as ``characterise`` gives its row; for its circuit and
    format it takes the place of a row that is."""
    _ADDED.setdefault(row.circuit, []).append(row)
    for cached in (_characterised, _row, price):
        cached.cache_clear()


def _as_row(fields: list[Any]) -> Row:
    """Fields in the order of :class:`Row`; the grids of all pairs, or of single operands, in the table's order."""
    circuit, format, textbook, static_cmos, depth, glitch_factor, error, grids = fields
    pairs = PAIRS if len(grids) == len(PAIRS) else DISTRIBUTIONS
    switching = {pair: tuple(grid) for pair, grid in zip(pairs, grids, strict=True)}
    return Row(circuit, format, textbook, static_cmos, depth, glitch_factor, error, switching)


@cache
def rows() -> tuple[Row, ...]:
    """Every row of the shipped table."""
    return tuple(_as_row(fields) for fields in json.loads(_text())["rows"])


_BY_SIGNIFICAND = ("floating_point/multiply", "floating_point/multiply_add", "floating_point/divide",
                   "floating_point/sqrt")


def _log_width(circuit: str, format: Format) -> float:
    """What a circuit's cost is followed along: the significand's width where products and quotients are formed, else
    the word's."""
    digits = format.is_float and circuit.partition(":")[0] in _BY_SIGNIFICAND
    return math.log(format.mantissa_bits + 1 if digits else format.bits)


@cache
def _row(circuit: str, format: str) -> Row:
    """The row of a circuit in a format, interpolated between its neighbours if the table has none."""
    table = _characterised(circuit)
    if format in table:
        return table[format]
    wanted = parse(format)
    known = [parse(name) for name in table]
    alike = [f for f in known if f.kind == wanted.kind] or [f for f in known if f.is_float == wanted.is_float]
    if not alike:
        raise ValueError(f"{circuit} is not characterised for {format} or formats like it")
    # Of formats with one width (fp16 and tf32) the one with the nearest exponent stands for it.
    by_width = {
        _log_width(circuit, f): f for f in sorted(alike, key=lambda f: -abs(f.exponent_bits - wanted.exponent_bits))
    }
    widths, x = sorted(by_width), _log_width(circuit, wanted)
    if x in by_width or len(widths) == 1:
        return replace(table[by_width.get(x, alike[0]).name], format=format)
    above = min(max(bisect(widths, x), 1), len(widths) - 1)
    low, high = widths[above - 1], widths[above]
    return _between((low, table[by_width[low].name]), (high, table[by_width[high].name]), x, format)


def _between(low: tuple[float, Row], high: tuple[float, Row], x: float, format: str) -> Row:
    """A row at log width ``x`` on the line through two rows in logarithms, extended if x is outside."""
    share = (x - low[0]) / (high[0] - low[0])

    def mix(a: float, b: float) -> float:
        return math.exp((1 - share) * math.log(max(a, 1e-9)) + share * math.log(max(b, 1e-9)))

    first, second = low[1], high[1]
    switching = {
        k: tuple(mix(a, b) for a, b in zip(v, second.switching[k], strict=True))
        for k, v in first.switching.items() if k in second.switching
    }
    return Row(
        first.circuit, format, round(mix(first.textbook, second.textbook)),
        round(mix(first.static_cmos, second.static_cmos)), round(mix(first.depth, second.depth)),
        mix(first.glitch_factor, second.glitch_factor), max(first.error, second.error, BETWEEN_FORMATS), switching,
    )
