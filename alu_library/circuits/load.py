"""Load: what a switching gate terminal costs depends on where it stands, as published power shows.

A transistor operation counts every gate terminal alike. Power does not: of 991 synthesised 8-bit adders and multipliers
(EvoApprox8b, Mrazek et al., DATE 2017, doi 10.23919/DATE.2017.7926993, 45 nm) a terminal on a net that a cell drives
costs most, with the wire that it stands for; one on a primary input costs a quarter of that, because its driver is not
the circuit's; and nodes inside cells, which have no wire, cost nothing that can be seen beside them. The weights are
fitted on one half of the circuits and held against the other (``benchmarks/silicon.py``).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from alu_library.circuits.cells import CELLS
from alu_library.circuits.netlist import Netlist
from alu_library.circuits.simulation import Switchings, terminals

__all__ = ["WEIGHTS", "by_place", "load_weighted", "net_weights"]

WEIGHTS: Mapping[str, float] = {"input": 0.27, "net": 1.0, "internal": 0.0}
"""Load of one switching gate terminal by place: on a primary input, on a net inside the circuit, inside a cell."""


def by_place(found: Switchings) -> dict[str, float]:
    """Transistor operations per operation on primary inputs, on nets and inside cells: they add up to all."""
    on_nets = found.nets * terminals(found.netlist)
    inputs = int(on_nets[_inputs(found.netlist)].sum())
    inner = 0
    for kind, counts in found.cells.items():
        gates = np.array([CELLS[kind].terminals.get(n, 0) for n in CELLS[kind].internal], dtype=np.int64)
        inner += int(counts.sum(axis=0) @ gates)
    total = {"input": inputs, "net": int(on_nets.sum()) - inputs, "internal": inner}
    return {place: n / found.operations for place, n in total.items()}


def load_weighted(found: Switchings) -> float:
    """Load-weighted switching per operation: transistor operations by place, each with its weight."""
    return sum(WEIGHTS[place] * n for place, n in by_place(found).items())


def net_weights(netlist: Netlist) -> npt.NDArray[np.float64]:
    """The load on each net when it switches: its gate terminals by the weight of its place."""
    weights: npt.NDArray[np.float64] = terminals(netlist).astype(np.float64) * WEIGHTS["net"]
    inputs = _inputs(netlist)
    weights[inputs] *= WEIGHTS["input"] / WEIGHTS["net"]
    return weights


def _inputs(netlist: Netlist) -> list[int]:
    return [n for bus in netlist.inputs.values() for n in bus]
