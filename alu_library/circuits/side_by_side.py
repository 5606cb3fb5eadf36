"""Switchings of several operand streams in one pass over a netlist: what characterisation spends its time on.

A deep circuit has thousands of small groups of cells, and visiting them costs more than evaluating them. Streams laid
side by side share the visits; each word's switchings are weighted with gate terminals and summed over the cells, and
words are handed back to their streams at the end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from alu_library.circuits.cells import CELLS
from alu_library.circuits.netlist import Netlist
from alu_library.circuits.simulation import Group, Operands, plan_of, terminals
from alu_library.circuits.words import Words, pack

__all__ = ["transistor_operations"]

_BLOCK_BYTES = 1 << 27  # what the values of all nets may take together


def transistor_operations(netlist: Netlist, streams: Sequence[Operands]) -> list[float]:
    """Transistor operations per operation of each stream (zero delay), all of one length of at least two vectors.

    The same figures as ``switchings(netlist, stream).transistor_operations`` for each of the streams.
    """
    plan = plan_of(netlist)
    operations = len(np.asarray(next(iter(streams[0].values())))) - 1
    words_each = _words_of(netlist, streams[0]).shape[1]
    together = max(1, _BLOCK_BYTES // (8 * plan.rows * words_each))
    found: list[float] = []
    for start in range(0, len(streams), together):
        part = streams[start:start + together]
        packed = np.concatenate([_words_of(netlist, s) for s in part], axis=1)
        found += [total / operations for total in _block(netlist, packed, len(part))]
    return found


def _words_of(netlist: Netlist, operands: Operands) -> Words:
    """All input buses as words, one row per net, each lane with the first vector of the next after its own."""
    return np.concatenate([pack(operands[name], len(bus), overlap=1) for name, bus in netlist.inputs.items()])


def _block(netlist: Netlist, packed: Words, streams: int) -> list[float]:
    """Transistor operations of all steps of each stream."""
    plan, on_nets = plan_of(netlist), terminals(netlist)
    values = np.empty((plan.rows, packed.shape[1]), dtype=np.uint64)
    values[0], values[1] = 0, ~np.uint64(0)
    sources = [n for bus in netlist.inputs.values() for n in bus]
    values[plan.row_of_net[sources]] = packed
    switched = _weighted(packed, on_nets[sources])
    for group in plan.groups:
        weights = _weights(netlist, group, on_nets)
        for result, weight in zip(group.evaluate(values), weights, strict=True):
            switched += _weighted(result, weight)
    # A step from the last word of one stream to the first of the next is no operation.
    return [float(t) for t in np.append(switched, 0.0).reshape(streams, -1)[:, :-1].sum(axis=1)]


def _weights(netlist: Netlist, group: Group, on_nets: npt.NDArray[np.int64]) -> list[npt.NDArray[np.int64]]:
    """Gate terminals of every member's outputs, then internal nodes."""
    cell: Mapping[str, int] = CELLS[group.kind].terminals
    outputs = np.array([netlist.instances[place].outputs for place in group.members]).T
    inner = [np.full(len(group.members), cell.get(n, 0), dtype=np.int64) for n in CELLS[group.kind].internal]
    return [*(on_nets[nets] for nets in outputs), *inner]


def _weighted(values: Words, weights: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Gate terminals that change at each step from word to word. Sums stay below 2**24, exact in single precision."""
    flips = np.bitwise_count(values[:, 1:] ^ values[:, :-1]).astype(np.float32)
    return np.asarray(weights.astype(np.float32) @ flips, dtype=np.float64)
