"""Switchings of several operand streams in one pass over a netlist: what characterisation spends its time on.

A deep circuit has thousands of small groups of cells, and visiting them costs more than evaluating them. Streams laid
side by side share the visits; each word's switchings are weighted with gate terminals and summed over the cells, and
words are handed back to their streams at the end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from alu_library.circuits.cells import CELLS
from alu_library.circuits.load import WEIGHTS, net_weights
from alu_library.circuits.netlist import Netlist
from alu_library.circuits.simulation import Group, Operands, plan_of, terminals
from alu_library.circuits.words import Words, pack

__all__ = ["Switched", "switched", "transistor_operations"]

_BLOCK_BYTES = 1 << 27  # what the values of all nets may take together


class Switched(NamedTuple):
    """Per operation: transistor operations, and their load-weighted sum."""

    transistor_operations: float
    load: float


def switched(netlist: Netlist, streams: Sequence[Operands]) -> list[Switched]:
    """What each stream switches per operation (zero delay); all are of one length of at least two vectors.

    The same figures as those of ``switchings(netlist, stream)`` for each of the streams.
    """
    plan = plan_of(netlist)
    operations = len(np.asarray(next(iter(streams[0].values())))) - 1
    words_each = _words_of(netlist, streams[0]).shape[1]
    together = max(1, _BLOCK_BYTES // (8 * plan.rows * words_each))
    found: list[Switched] = []
    for start in range(0, len(streams), together):
        part = streams[start:start + together]
        packed = np.concatenate([_words_of(netlist, s) for s in part], axis=1)
        found += [Switched(*(total / operations).tolist()) for total in _block(netlist, packed, len(part)).T]
    return found


def transistor_operations(netlist: Netlist, streams: Sequence[Operands]) -> list[float]:
    """Transistor operations per operation of each stream."""
    return [each.transistor_operations for each in switched(netlist, streams)]


def _words_of(netlist: Netlist, operands: Operands) -> Words:
    """All input buses as words, one row per net, each lane with the first vector of the next after its own."""
    return np.concatenate([pack(operands[name], len(bus), overlap=1) for name, bus in netlist.inputs.items()])


Weights = npt.NDArray[np.float32]
"""Of each node: its gate terminals, and its load. Shape (2, nodes)."""


def _block(netlist: Netlist, packed: Words, streams: int) -> npt.NDArray[np.float64]:
    """Both sums over all steps of each stream: shape (2, streams)."""
    plan = plan_of(netlist)
    on_nets = np.stack([terminals(netlist), net_weights(netlist)]).astype(np.float32)
    values = np.empty((plan.rows, packed.shape[1]), dtype=np.uint64)
    values[0], values[1] = 0, ~np.uint64(0)
    sources = [n for bus in netlist.inputs.values() for n in bus]
    values[plan.row_of_net[sources]] = packed
    total = _weighted(packed, on_nets[:, sources])
    for group in plan.groups:
        weights = _weights(netlist, group, on_nets)
        for result, weight in zip(group.evaluate(values), weights, strict=True):
            total += _weighted(result, weight)
    # A step from the last word of one stream to the first of the next is no operation.
    whole = np.append(total, np.zeros((2, 1)), axis=1)
    return np.asarray(whole.reshape(2, streams, -1)[:, :, :-1].sum(axis=2))


def _weights(netlist: Netlist, group: Group, on_nets: Weights) -> list[Weights]:
    """Weights of every member's outputs, then internal nodes."""
    cell: Mapping[str, int] = CELLS[group.kind].terminals
    outputs = np.array([netlist.instances[place].outputs for place in group.members]).T
    each = np.array([[1.0], [WEIGHTS["internal"]]], dtype=np.float32)
    inner = [np.repeat(cell.get(n, 0) * each, len(group.members), axis=1) for n in CELLS[group.kind].internal]
    return [*(on_nets[:, nets] for nets in outputs), *inner]


def _weighted(values: Words, weights: Weights) -> npt.NDArray[np.float64]:
    """Weights of what changes at each step from word to word. Gate terminals sum to less than 2**24, exact in single
    precision."""
    flips = np.bitwise_count(values[:, 1:] ^ values[:, :-1]).astype(np.float32)
    return np.asarray(weights @ flips, dtype=np.float64)
