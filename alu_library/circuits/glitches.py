"""Glitches: what a netlist switches before its values settle, as a factor on its settled switching.

Every node of a cell has a delay: its number of inverting stages from the cell's inputs (``Cell.delays``), in gate
delays. All inputs, and the outputs of all pipeline registers, change at time 0; registers stop the glitches of the
stage before them. Two models of a node with delay d:

- ``inertial``: the node takes a value once the cell has asked for it during d steps without a break, so that shorter
  pulses die in the cell (the inertial delay of VHDL, IEEE 1076);
- ``transport``: every pulse passes, d steps later. An upper bound, which counts pulses that no gate could follow.

The glitch factor is the transistor operations counted that way over those of the settled values. It is reported as a
sensitivity beside the zero-delay count, never mixed into it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from alu_library.circuits.cells import CELLS
from alu_library.circuits.netlist import Netlist
from alu_library.circuits.simulation import Group, Operands, plan_of, settled_rows, switchings, terminals
from alu_library.circuits.words import Words

__all__ = ["MODELS", "glitch_factor"]

MODELS = ("inertial", "transport")
"""Delay models."""


@dataclass
class _Nodes:
    """The nodes of one group of cells over time: the values that stand, and those asked for in the last steps."""

    group: Group
    delays: tuple[int, ...]
    weights: tuple[npt.NDArray[np.int64], ...]  # per node, gate terminals by cell
    standing: list[Words]
    asked: list[list[Words]]

    @property
    def memory(self) -> int:
        return max(self.delays)

    def ask(self, values: Words) -> None:
        """Note what the cells ask for, given the values of this moment."""
        self.asked = [*self.asked[1:], self.group.results(values)]

    def move(self, inertial: bool) -> int:
        """Let the nodes change; the gate terminals that did."""
        switched = 0
        for k, delay in enumerate(self.delays):
            requests = [moment[k] for moment in self.asked[-delay:]]
            moved = _agreed(requests, self.standing[k]) if inertial else requests[0]
            changes = moved ^ self.standing[k]
            if changes.any():
                switched += int(np.bitwise_count(changes).sum(axis=1, dtype=np.int64) @ self.weights[k])
                self.standing[k] = moved
        return switched


def _agreed(requests: list[Words], otherwise: Words) -> Words:
    """The request where all are one, else the value that stands."""
    if len(requests) == 1:
        return requests[0]
    differ = np.zeros_like(otherwise)
    for other in requests[1:]:
        differ |= other ^ requests[0]
    return (requests[0] & ~differ) | (otherwise & differ)


def glitch_factor(netlist: Netlist, operands: Operands, model: str = "inertial") -> float:
    """Switching with delays over settled switching, both weighted by gate terminals; 1.0 where there are no glitches.

    Costs up to one evaluation per gate delay of the circuit's depth: some thousand vectors are enough. ValueError for
    an unknown model, or where nothing switches at all.
    """
    if model not in MODELS:
        raise ValueError(f"unknown delay model {model!r}: use one of {', '.join(MODELS)}")
    counted = switchings(netlist, operands)
    total = counted.transistor_operations * counted.operations
    if total == 0:
        raise ValueError(f"{netlist.name}: nothing switches, so there is no glitch factor")
    settled = settled_rows(netlist, operands)
    before, after = settled[:, :-1].copy(), settled[:, 1:]
    moving = [_at_rest(netlist, g, before) for g in plan_of(netlist).groups if not CELLS[g.kind].sequential]
    quiet = sum(_settled_switching(nodes, after) for nodes in moving)
    sources = np.ones(len(settled), dtype=bool)
    for nodes in moving:
        for where in nodes.group.outputs:
            sources[where] = False
    before[sources] = after[sources]
    return (total - quiet + _run(before, sources, moving, model == "inertial")) / total


def _at_rest(netlist: Netlist, group: Group, values: Words) -> _Nodes:
    cell = CELLS[group.kind]
    nodes = (*cell.outputs, *cell.internal)
    delays = tuple(cell.delays[n] for n in nodes)
    on_nets = terminals(netlist)
    members = [netlist.instances[place] for place in group.members]
    weights = [on_nets[[m.outputs[k] for m in members]] for k in range(len(cell.outputs))]
    weights += [np.full(len(members), cell.terminals.get(n, 0), dtype=np.int64) for n in cell.internal]
    standing = group.results(values)
    return _Nodes(group, delays, tuple(weights), standing, [standing.copy() for _ in range(max(delays))])


def _settled_switching(nodes: _Nodes, after: Words) -> int:
    """Gate terminals that change from the values that stand to the settled ones."""
    return sum(int(np.bitwise_count(new ^ old).sum(axis=1, dtype=np.int64) @ weights) for new, old, weights
               in zip(nodes.group.results(after), nodes.standing, nodes.weights, strict=True))


def _run(values: Words, sources: npt.NDArray[np.bool_], moving: list[_Nodes], inertial: bool) -> int:
    """Step until nothing moves; the gate terminals that switched. Groups whose inputs rest are skipped."""
    changed_at = np.where(sources, 0, -(1 << 30))
    switched, step = 0, 0
    while True:
        step += 1
        active = [nodes for nodes in moving
                  if step - max(int(changed_at[rows].max()) for rows in nodes.group.inputs) <= nodes.memory]
        if not active:
            return switched
        for nodes in active:  # all look at the values of the same moment
            nodes.ask(values)
        for nodes in active:
            switched += nodes.move(inertial)
            for where, value in zip(nodes.group.outputs, nodes.standing, strict=False):
                changed_at[where][(values[where] != value).any(axis=1)] = step
                values[where] = value
