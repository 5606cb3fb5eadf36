"""Simulation, bit-parallel over numpy words: the values of a netlist, and the switchings of every node.

A word carries one net for 64 vectors (:mod:`alu_library.circuits.words`). Cells of one kind on one level are evaluated
together, over blocks of words that fit the cache.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from alu_library.circuits.cells import CELLS
from alu_library.circuits.netlist import ONE, Net, Netlist
from alu_library.circuits.words import Words, pack, unpack

__all__ = [
    "Group", "Operands", "Plan", "Switchings", "changes", "evaluate", "plan_of", "probe", "settled_rows", "switchings",
    "terminals",
]

Operands: TypeAlias = Mapping[str, npt.ArrayLike]
"""Arrays of integers by input bus."""

_GROUP_BYTES = 1 << 16  # what one pin of a typical group may take, so that a group stays in a second-level cache
_BLOCK_BYTES = 1 << 28  # what the values of all nets may take together


@dataclass(frozen=True)
class Switchings:
    """How often every node of a netlist changed value over a stream of operations.

    ``nets[n]`` counts the value changes of net n, ``cells[kind]`` those of the internal nodes of the cells of one
    kind (rows: cells in netlist order; columns: internal nodes in the order of ``CELLS[kind].internal``).
    """

    netlist: Netlist
    operations: int
    nets: npt.NDArray[np.int64]
    cells: Mapping[str, npt.NDArray[np.int64]]

    @cached_property
    def transistor_operations(self) -> float:
        """Expected transistor operations per operation: value changes weighted by gate terminals."""
        total = int(self.nets @ terminals(self.netlist))
        for kind, counts in self.cells.items():
            cell = CELLS[kind]
            gates = np.array([cell.terminals.get(n, 0) for n in cell.internal], dtype=np.int64)
            total += int(counts.sum(axis=0) @ gates)
        return total / self.operations

    def by_part(self) -> dict[str, float]:
        """Transistor operations per operation of each part of the circuit (``Netlist.parts``), which add up to all: a
        net's terminals count where the cells stand that they belong to."""
        found: dict[str, float] = defaultdict(float)
        place = dict.fromkeys(self.cells, 0)
        for (kind, inputs, outputs), part in zip(self.netlist.instances, self.netlist.parts, strict=True):
            cell = CELLS[kind]
            pins = zip(cell.inputs + cell.outputs, inputs + outputs, strict=True)
            switched = sum(cell.terminals.get(pin, 0) * int(self.nets[net]) for pin, net in pins)
            inner = zip(cell.internal, self.cells[kind][place[kind]], strict=True)
            found[part] += (switched + sum(cell.terminals.get(n, 0) * int(c) for n, c in inner)) / self.operations
            place[kind] += 1
        return dict(found)


def evaluate(netlist: Netlist, operands: Operands) -> dict[str, npt.NDArray[Any]]:
    """The values on the output buses for arrays of operands, one array per input bus, all of one length.

    Operands are integers; negative ones are taken modulo 2**width. Results are unsigned: uint64 up to 64 bits,
    Python integers (dtype object) above. KeyError if an input bus has no operands.
    """
    count, words = _pack_operands(netlist, operands, overlap=0)
    plan = plan_of(netlist)
    wanted = sorted({n for bus in netlist.outputs.values() for n in bus})
    settled = dict(zip(wanted, np.concatenate(_settle(plan, words, plan.row_of_net[wanted]), axis=1), strict=True))
    return {name: unpack([settled[n] for n in bus], count) for name, bus in netlist.outputs.items()}


def probe(netlist: Netlist, operands: Operands, nets: Sequence[Net]) -> npt.NDArray[np.uint8]:
    """The bits on chosen nets: an array of shape (nets, vectors)."""
    count, words = _pack_operands(netlist, operands, overlap=0)
    plan = plan_of(netlist)
    settled = np.concatenate(_settle(plan, words, plan.row_of_net[list(nets)]), axis=1)
    return np.array([unpack([row], count) for row in settled], dtype=np.uint8).reshape(len(nets), count)


def switchings(netlist: Netlist, operands: Operands) -> Switchings:
    """Settled (zero-delay) value changes of every node between successive vectors: n vectors are n - 1 operations.

    ValueError if there are fewer than two vectors.
    """
    count, words = _pack_operands(netlist, operands, overlap=1)
    if count < 2:
        raise ValueError(f"{netlist.name}: switchings need at least two vectors")
    plan = plan_of(netlist)
    rows = np.zeros(plan.rows, dtype=np.int64)
    inner = [np.zeros((len(g.members), len(CELLS[g.kind].internal)), dtype=np.int64) for g in plan.groups]
    for values in _blocks(plan, words, overlap=1):
        for group, count_inner in zip(plan.groups, inner, strict=True):
            results = group.evaluate(values)
            for k, result in enumerate(results[len(group.outputs):]):
                count_inner[:, k] += changes(result)
        rows += changes(values)
    return Switchings(netlist, count - 1, rows[plan.row_of_net], _by_kind(plan, inner))


def settled_rows(netlist: Netlist, operands: Operands) -> Words:
    """The settled words of all rows of the netlist's plan, with the overlap that steps between vectors need: vectors
    before a step are ``[:, :-1]``, those after it ``[:, 1:]``."""
    _, words = _pack_operands(netlist, operands, overlap=1)
    plan = plan_of(netlist)
    return np.concatenate(_settle(plan, words, np.arange(plan.rows)), axis=1)


def changes(values: Words) -> npt.NDArray[np.int64]:
    """Value changes between successive words of each row."""
    counted: npt.NDArray[np.int64] = np.bitwise_count(values[:, 1:] ^ values[:, :-1]).sum(axis=1, dtype=np.int64)
    return counted


def terminals(netlist: Netlist) -> npt.NDArray[np.int64]:
    """Transistor gate terminals on each net (those on internal nodes are in the cells), counted once and kept with the
    netlist; not to be written to."""
    if netlist not in _TERMINALS:
        counted = np.zeros(netlist.nets, dtype=np.int64)
        for kind, inputs, outputs in netlist.instances:
            cell = CELLS[kind]
            for pin, net in zip(cell.inputs + cell.outputs, inputs + outputs, strict=True):
                counted[net] += cell.terminals.get(pin, 0)
        counted.flags.writeable = False
        _TERMINALS[netlist] = counted
    return _TERMINALS[netlist]


_TERMINALS: WeakKeyDictionary[Netlist, npt.NDArray[np.int64]] = WeakKeyDictionary()


def _pack_operands(netlist: Netlist, operands: Operands, overlap: int) -> tuple[int, dict[Net, Words]]:
    arrays = {name: np.asarray(operands[name]) for name in netlist.inputs}
    lengths = {len(a) for a in arrays.values()}
    if len(lengths) != 1:
        raise ValueError(f"{netlist.name}: operand arrays differ in length: {sorted(lengths)}")
    if lengths == {0}:
        raise ValueError(f"{netlist.name}: no operands")
    words: dict[Net, Words] = {}
    for name, bus in netlist.inputs.items():
        words.update(zip(bus, pack(arrays[name], len(bus), overlap), strict=True))
    return lengths.pop(), words


# The plan: cells grouped by level and kind, over rows that make each group's outputs contiguous.


@dataclass(frozen=True)
class Group:
    """Cells of one kind on one level: rows of their input pins, slices of their output pins, places in the netlist."""

    kind: str
    members: tuple[int, ...]
    inputs: tuple[Any, ...]
    outputs: tuple[slice, ...]
    function: Callable[..., tuple[Words, ...]]

    def results(self, values: Words) -> list[Words]:
        """The outputs, then the internal nodes, that these values ask for."""
        return list(self.function(*[values[rows] for rows in self.inputs]))

    def evaluate(self, values: Words) -> list[Words]:
        """Write the outputs into ``values``; outputs and internal nodes are returned."""
        results = self.results(values)
        for where, result in zip(self.outputs, results, strict=False):
            values[where] = result
        return results


@dataclass(frozen=True)
class Plan:
    """How to evaluate a netlist: its groups in order, and the row of each net in the array of values."""

    groups: tuple[Group, ...]
    row_of_net: npt.NDArray[np.int64]
    rows: int

    @property
    def block_words(self) -> int:
        """Words per block: enough to outweigh the call overhead of small groups, few enough to stay in cache."""
        per_group = max(1, sum(len(g.members) for g in self.groups) // max(1, len(self.groups)))
        words = _GROUP_BYTES // 8 // per_group
        return max(64, min(words, _BLOCK_BYTES // 8 // self.rows))


def plan_of(netlist: Netlist) -> Plan:
    """The plan of a netlist, made once and kept with it."""
    if netlist not in _PLANS:
        _PLANS[netlist] = _make_plan(netlist)
    return _PLANS[netlist]


_PLANS: WeakKeyDictionary[Netlist, Plan] = WeakKeyDictionary()


def _make_plan(netlist: Netlist) -> Plan:
    gathered: dict[tuple[int, str], list[int]] = defaultdict(list)
    for place, instance in enumerate(netlist.instances):
        gathered[netlist.levels[instance.outputs[0]], instance.cell].append(place)
    # Nets that nothing drives share row 0 with the constant, so that counts of unused nets are zero.
    row_of_net = np.zeros(netlist.nets, dtype=np.int64)
    sources = [ONE, *(n for bus in netlist.inputs.values() for n in bus)]
    row_of_net[sources] = np.arange(1, len(sources) + 1)
    rows = len(sources) + 1
    groups = []
    for (_, kind), places in sorted(gathered.items()):
        members = [netlist.instances[p] for p in places]
        pins = np.array([m.inputs for m in members])
        inputs = tuple(_rows(row_of_net[pins[:, k]]) for k in range(pins.shape[1]))
        outputs = []
        for k in range(len(CELLS[kind].outputs)):
            row_of_net[[m.outputs[k] for m in members]] = np.arange(rows, rows + len(members))
            outputs.append(slice(rows, rows + len(members)))
            rows += len(members)
        groups.append(Group(kind, tuple(places), inputs, tuple(outputs), CELLS[kind].function))
    return Plan(tuple(groups), row_of_net, rows)


def _rows(rows: npt.NDArray[np.int64]) -> Any:
    """A slice where rows follow one another (no copy), else the rows."""
    first, last = int(rows[0]), int(rows[-1])
    if last - first + 1 == len(rows) and bool((np.diff(rows) == 1).all()):
        return slice(first, last + 1)
    return rows


def _blocks(plan: Plan, words: Mapping[Net, Words], overlap: int) -> Iterator[Words]:
    """Arrays of values with the inputs filled in, block after block; blocks share ``overlap`` words."""
    total = next(iter(words.values())).shape[0]
    step = plan.block_words
    inputs = plan.row_of_net[list(words)]
    packed = np.stack(list(words.values()))
    for start in range(0, total - overlap, step):
        part = packed[:, start:start + step + overlap]
        values = np.empty((plan.rows, part.shape[1]), dtype=np.uint64)
        values[0], values[1] = 0, ~np.uint64(0)
        values[inputs] = part
        yield values


def _settle(plan: Plan, words: Mapping[Net, Words], rows: npt.NDArray[np.int64]) -> list[Words]:
    """Settled words of chosen rows, block after block."""
    blocks = []
    for values in _blocks(plan, words, overlap=0):
        for group in plan.groups:
            group.evaluate(values)
        blocks.append(values[rows])
    return blocks


def _by_kind(plan: Plan, inner: Sequence[npt.NDArray[np.int64]]) -> dict[str, npt.NDArray[np.int64]]:
    """Counts of internal nodes gathered from groups to kinds, in netlist order."""
    found: dict[str, list[tuple[int, npt.NDArray[np.int64]]]] = defaultdict(list)
    for group, counts in zip(plan.groups, inner, strict=True):
        found[group.kind].extend(zip(group.members, counts, strict=True))
    return {kind: np.array([c for _, c in sorted(rows, key=lambda r: r[0])]) for kind, rows in sorted(found.items())}
