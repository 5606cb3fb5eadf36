"""Pipelining: registers put into a netlist so that no stage is deeper than a given number of cells.

It serves the glitch factor: glitches start afresh at every register, so how many there are depends on how deep the
stages of a circuit are, and that is a choice of whoever builds it. A net that crosses into a later stage passes one
register, whatever the number of stages between; a pipeline that keeps successive operations apart needs one for each.
"""

from __future__ import annotations

from collections.abc import Mapping

from alu_library.circuits.glitches import glitch_factor
from alu_library.circuits.netlist import Instance, Net, Netlist
from alu_library.circuits.simulation import Operands, switchings

__all__ = ["STAGE", "pipelined", "stage_glitch_factor"]

STAGE = 24
"""Cells on the longest path of a stage: about the depth of a 32-bit multiplier (17) with rounding behind it."""


def pipelined(netlist: Netlist, stage: int = STAGE) -> Netlist:
    """The netlist with a register wherever a net is read in a later stage of ``stage`` cells than it is driven in."""
    if netlist.depth <= stage:
        return netlist
    stage_of = {net: (level - 1) // stage for net, level in netlist.levels.items()}
    crossing = {
        net for _, inputs, outputs in netlist.instances for net in inputs
        if net in stage_of and stage_of[net] < stage_of[outputs[0]]
    }
    registered: dict[Net, Net] = {net: netlist.nets + k for k, net in enumerate(sorted(crossing))}
    instances: list[Instance] = []
    for kind, inputs, outputs in netlist.instances:
        instances.append(Instance(kind, _behind(inputs, outputs[0], stage_of, registered), outputs))
        instances += [Instance("REGISTER", (net,), (registered[net],)) for net in outputs if net in registered]
    return Netlist(netlist.name, netlist.nets + len(registered), netlist.inputs, netlist.outputs, tuple(instances))


def _behind(inputs: tuple[Net, ...], output: Net, stage_of: Mapping[Net, int], registered: Mapping[Net, Net]
            ) -> tuple[Net, ...]:
    """The inputs of a cell, taken from the register where one lies between."""
    own = stage_of[output]
    return tuple(registered[n] if n in registered and stage_of[n] < own else n for n in inputs)


def stage_glitch_factor(netlist: Netlist, operands: Operands, stage: int = STAGE) -> float:
    """Inertial switching over settled switching of the netlist's own cells, in stages of at most ``stage`` cells."""
    staged = pipelined(netlist, stage)
    factor = glitch_factor(staged, operands)
    if staged is netlist:
        return factor
    with_registers = switchings(staged, operands).transistor_operations
    return 1 + (factor - 1) * with_registers / switchings(netlist, operands).transistor_operations
