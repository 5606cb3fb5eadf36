"""Netlists: circuits as named cells over numbered nets, and the builder that generators write them with.

Nets are integers. Net 0 is the constant 0 and net 1 the constant 1. A bus is a list of nets, least significant bit
first. Cells are stored in an order in which every cell comes after the cells that drive it.

>>> b = Builder("majority")
>>> x = b.input("x", 3)
>>> b.output("y", [b.or_(b.and_(x[0], x[1]), b.and_(x[2], b.or_(x[0], x[1])))])
>>> b.build().transistors("textbook")
24
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple, TypeAlias

from alu_library.circuits.cells import CELLS, FULL_ADDERS

__all__ = ["ONE", "ZERO", "Builder", "Bus", "Instance", "Net", "Netlist", "Reduction"]

Net: TypeAlias = int
Bus: TypeAlias = list[Net]

Reduction: TypeAlias = tuple[tuple[tuple[Net, ...], ...], ...]
"""A carry-save tree: columns of nets, stage by stage."""

ZERO: Net = 0
ONE: Net = 1


class Instance(NamedTuple):
    """One placed cell: the name of its kind and the nets on its inputs and outputs."""

    cell: str
    inputs: tuple[Net, ...]
    outputs: tuple[Net, ...]


@dataclass(frozen=True, eq=False)
class Netlist:
    """A finished circuit.

    ``inputs`` and ``outputs`` are named buses, ``instances`` the cells in topological order, ``nets`` how many net
    numbers exist. ``reductions`` holds, for each carry-save tree in the circuit, the columns of nets before its first
    and after each of its stages: ``reductions[tree][stage][column]``, where column k weighs 2**k. ``parts`` says of
    each instance which part of the circuit it belongs to, "" where nobody named one.
    """

    name: str
    nets: int
    inputs: Mapping[str, tuple[Net, ...]]
    outputs: Mapping[str, tuple[Net, ...]]
    instances: tuple[Instance, ...]
    reductions: tuple[Reduction, ...] = ()
    parts: tuple[str, ...] = ()

    @cached_property
    def counts(self) -> Mapping[str, int]:
        """How many cells of each kind, in alphabetical order."""
        return dict(sorted(Counter(i.cell for i in self.instances).items()))

    def transistors(self, basis: str = "textbook") -> int:
        """Transistors on an accounting basis of :data:`alu_library.circuits.cells.BASES`."""
        return sum(n * CELLS[kind].transistors(basis) for kind, n in self.counts.items())

    @cached_property
    def levels(self) -> Mapping[Net, int]:
        """Cells on the longest path from the inputs to each net; registers are transparent and count as a cell."""
        level: dict[Net, int] = {}
        for _, inputs, outputs in self.instances:
            level.update(dict.fromkeys(outputs, 1 + max(level.get(n, 0) for n in inputs)))
        return level

    @property
    def depth(self) -> int:
        """Cells on the longest path from any input to any output."""
        return max((self.levels.get(n, 0) for bus in self.outputs.values() for n in bus), default=0)

    def width(self, bus: str) -> int:
        """Bits of a named input or output bus; KeyError if there is none of that name."""
        return len(self.inputs[bus] if bus in self.inputs else self.outputs[bus])


@dataclass
class Builder:
    """Writes a netlist cell by cell, and folds constants: a gate with a constant input becomes the simpler gate, a
    wire or a constant, so that generators need no special cases at the edges of an array.

    ``full_adder_style`` is the full adder style, by its transistors (a key of
    :data:`alu_library.circuits.cells.FULL_ADDERS`).
    """

    name: str
    full_adder_style: int = 28
    inputs: dict[str, tuple[Net, ...]] = field(default_factory=dict)
    outputs: dict[str, tuple[Net, ...]] = field(default_factory=dict)
    instances: list[Instance] = field(default_factory=list)
    reductions: list[Reduction] = field(default_factory=list)
    nets: int = 2
    _complements: dict[Net, Net] = field(default_factory=lambda: {ZERO: ONE, ONE: ZERO})
    _parts: list[str] = field(default_factory=list)
    _part: str = ""

    def __post_init__(self) -> None:
        if self.full_adder_style not in FULL_ADDERS:
            raise ValueError(f"no full adder of {self.full_adder_style} transistors: {sorted(FULL_ADDERS)}")

    # Buses and finishing.

    def input(self, name: str, width: int) -> Bus:
        """A new input bus of ``width`` bits."""
        self._claim(name)
        bus = list(range(self.nets, self.nets + width))
        self.nets += width
        self.inputs[name] = tuple(bus)
        return bus

    def output(self, name: str, bus: Sequence[Net]) -> None:
        """Name a bus as an output."""
        self._claim(name)
        self.outputs[name] = tuple(bus)

    def reduction(self, stages: Sequence[Sequence[Sequence[Net]]]) -> None:
        """Note the columns of a carry-save tree, stage by stage (``Netlist.reductions``)."""
        self.reductions.append(tuple(tuple(map(tuple, columns)) for columns in stages))

    def build(self) -> Netlist:
        """The finished netlist, without cells that no output depends on."""
        live = {n for bus in self.outputs.values() for n in bus}
        kept = []
        for instance, part in zip(reversed(self.instances), reversed(self._parts), strict=True):
            if not live.isdisjoint(instance.outputs):
                live.update(instance.inputs)
                kept.append((instance, part))
        instances, parts = zip(*reversed(kept), strict=True) if kept else ((), ())
        return Netlist(self.name, self.nets, dict(self.inputs), dict(self.outputs), instances,
                       tuple(self.reductions), parts)

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Cells placed inside belong to the part of this name."""
        before, self._part = self._part, name
        yield
        self._part = before

    def _claim(self, name: str) -> None:
        if name in self.inputs or name in self.outputs:
            raise ValueError(f"{self.name}: there is a bus named {name!r} already")

    # Cells.

    def cell(self, kind: str, *inputs: Net) -> tuple[Net, ...]:
        """Place one cell exactly as named, without folding; its output nets."""
        outputs = tuple(range(self.nets, self.nets + len(CELLS[kind].outputs)))
        self.nets += len(outputs)
        self.instances.append(Instance(kind, inputs, outputs))
        self._parts.append(self._part)
        return outputs

    def not_(self, a: Net) -> Net:
        """Complement; one inverter serves all readers of a net."""
        if a not in self._complements:
            y = self.cell("NOT", a)[0]
            self._complements[a], self._complements[y] = y, a
        return self._complements[a]

    def and_(self, *nets: Net) -> Net:
        """AND of any number of nets, as a balanced tree of AND2."""
        return self._tree("AND2", ZERO, ONE, nets)

    def or_(self, *nets: Net) -> Net:
        """OR of any number of nets, as a balanced tree of OR2."""
        return self._tree("OR2", ONE, ZERO, nets)

    def nand(self, a: Net, b: Net) -> Net:
        """Not both."""
        folded = self._pair(ZERO, ONE, a, b)
        return self.cell("NAND2", a, b)[0] if folded is None else self.not_(folded)

    def nor(self, a: Net, b: Net) -> Net:
        """Neither."""
        folded = self._pair(ONE, ZERO, a, b)
        return self.cell("NOR2", a, b)[0] if folded is None else self.not_(folded)

    def xor(self, *nets: Net) -> Net:
        """Parity of any number of nets, as a balanced tree of XOR2."""
        invert = sum(n == ONE for n in nets) % 2 == 1
        y = self._balanced("XOR2", [n for n in nets if n not in (ZERO, ONE)], ZERO)
        return self.not_(y) if invert else y

    def xnor(self, a: Net, b: Net) -> Net:
        """Equality."""
        if min(a, b) <= ONE or a == b:
            return self.not_(self.xor(a, b)) if a != b else ONE
        return self.cell("XNOR2", a, b)[0]

    def ao21(self, a: Net, b: Net, c: Net) -> Net:
        """``a & b | c``: the carry cell of prefix and lookahead adders."""
        if min(a, b, c) <= ONE:
            return self.or_(self.and_(a, b), c)
        return self.cell("AO21", a, b, c)[0]

    def mux(self, select: Net, low: Net, high: Net) -> Net:
        """``high`` where ``select`` is 1, else ``low``."""
        if low == high or select == ZERO:
            return low
        if select == ONE:
            return high
        if low in (ZERO, select):
            return self.and_(select, high)
        if high in (ONE, select):
            return self.or_(select, low)
        if high == ZERO:
            return self.and_(self.not_(select), low)
        if low == ONE:
            return self.or_(self.not_(select), high)
        return self.cell("MUX2", select, low, high)[0]

    def majority(self, a: Net, b: Net, c: Net) -> Net:
        """The carry of ``a + b + c`` alone."""
        if (constant := min(a, b, c)) <= ONE:
            a, b = _without((a, b, c), constant)
            return self.or_(a, b) if constant == ONE else self.and_(a, b)
        return self.cell("MAJORITY", a, b, c)[0]

    def half_adder(self, a: Net, b: Net) -> tuple[Net, Net]:
        """``(sum, carry)`` of two bits."""
        if min(a, b) <= ONE:
            return self.xor(a, b), self.and_(a, b)
        total, carry = self.cell("HALF_ADDER", a, b)
        return total, carry

    def full_adder(self, a: Net, b: Net, c: Net) -> tuple[Net, Net]:
        """``(sum, carry)`` of three bits; a half adder where one of them is 0."""
        if (constant := min(a, b, c)) <= ONE:
            a, b = _without((a, b, c), constant)
            return self.half_adder(a, b) if constant == ZERO else (self.xnor(a, b), self.or_(a, b))
        total, carry = self.cell(f"FULL_ADDER_{self.full_adder_style}", a, b, c)
        return total, carry

    def register(self, bus: Sequence[Net]) -> Bus:
        """Pipeline registers on a bus: transparent to settled values, a fresh start for glitches."""
        return [n if n <= ONE else self.cell("REGISTER", n)[0] for n in bus]

    # Folding.

    def _pair(self, dominant: Net, neutral: Net, a: Net, b: Net) -> Net | None:
        """What an AND (dominant 0) or OR (dominant 1) of two nets folds to, or None if it needs a gate."""
        if dominant in (a, b) or self._complements.get(a) == b:
            return dominant
        if a in (neutral, b):
            return b
        return a if b == neutral else None

    def _tree(self, kind: str, dominant: Net, neutral: Net, nets: Sequence[Net]) -> Net:
        if len(nets) == 2:
            folded = self._pair(dominant, neutral, *nets)
            return self.cell(kind, *nets)[0] if folded is None else folded
        if dominant in nets or any(self._complements.get(n) in nets for n in nets if n > ONE):
            return dominant
        return self._balanced(kind, list(dict.fromkeys(n for n in nets if n != neutral)), neutral)

    def _balanced(self, kind: str, nets: Sequence[Net], empty: Net) -> Net:
        """A tree over nets, pairing neighbours first."""
        layer = list(nets)
        while len(layer) > 1:
            pairs = [self.cell(kind, a, b)[0] for a, b in zip(layer[::2], layer[1::2], strict=False)]
            layer = pairs + layer[len(pairs) * 2:]
        return layer[0] if layer else empty


def _without(nets: Iterable[Net], one: Net) -> tuple[Net, Net]:
    """The other two of three nets."""
    rest = list(nets)
    rest.remove(one)
    return rest[0], rest[1]
