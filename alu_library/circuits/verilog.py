"""Structural Verilog: every netlist writes itself as one, with a module for each kind of cell it uses.

Reading is in :mod:`alu_library.circuits.verilog_reader`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from alu_library.circuits.cells import CELLS, Cell
from alu_library.circuits.netlist import ONE, ZERO, Net, Netlist

__all__ = ["cell_module", "module_name", "to_verilog"]


def to_verilog(netlist: Netlist, cells: bool = True) -> str:
    """The netlist as a Verilog module (:func:`module_name`); with ``cells``, after the modules of the cells it uses.

    >>> from alu_library.circuits.adders import adder
    >>> print(to_verilog(adder("ripple_carry", 2), cells=False))
    module adder_ripple_carry_2(a, b, sum);
      input [1:0] a;
      input [1:0] b;
      output [2:0] sum;
      wire n6, n7, n8, n9;
      HALF_ADDER u0(.a(a[0]), .b(b[0]), .sum(n6), .carry(n7));
      FULL_ADDER_28 u1(.a(a[1]), .b(b[1]), .c(n7), .sum(n8), .carry(n9));
      assign sum = {n9, n8, n6};
    endmodule
    <BLANKLINE>
    """
    names = _names(netlist)
    inner = [names[n] for _, _, outputs in netlist.instances for n in outputs]
    lines = [f"module {module_name(netlist)}({', '.join((*netlist.inputs, *netlist.outputs))});"]
    lines += [f"  input [{len(bus) - 1}:0] {name};" for name, bus in netlist.inputs.items()]
    lines += [f"  output [{len(bus) - 1}:0] {name};" for name, bus in netlist.outputs.items()]
    lines += [f"  wire {', '.join(inner)};"] if inner else []
    for place, (kind, inputs, outputs) in enumerate(netlist.instances):
        cell = CELLS[kind]
        pins = zip(cell.inputs + cell.outputs, inputs + outputs, strict=True)
        lines.append(f"  {kind} u{place}({', '.join(f'.{pin}({names[net]})' for pin, net in pins)});")
    for name, bus in netlist.outputs.items():
        lines.append(f"  assign {name} = {_concatenation(bus, names)};")
    module = "\n".join([*lines, "endmodule", ""])
    return "\n".join([*map(cell_module, _used(netlist)), module]) if cells else module


def module_name(netlist: Netlist) -> str:
    """The netlist's name as a Verilog identifier."""
    return re.sub(r"\W", "_", netlist.name)


def cell_module(cell: Cell) -> str:
    """One cell as a Verilog module: its nodes as continuous assignments."""
    lines = [f"module {cell.name}({', '.join(cell.inputs + cell.outputs)});",
             f"  input {', '.join(cell.inputs)};", f"  output {', '.join(cell.outputs)};"]
    lines += [f"  wire {', '.join(cell.internal)};"] if cell.internal else []
    lines += [f"  assign {node} = {expression};" for node, expression in cell.nodes.items()]
    return "\n".join([*lines, "endmodule", ""])


def _used(netlist: Netlist) -> Iterable[Cell]:
    return (CELLS[kind] for kind in netlist.counts)


def _names(netlist: Netlist) -> Mapping[Net, str]:
    names = {ZERO: "1'b0", ONE: "1'b1"}
    for name, bus in netlist.inputs.items():
        names.update({net: f"{name}[{k}]" for k, net in enumerate(bus)})
    names.update({net: f"n{net}" for _, _, outputs in netlist.instances for net in outputs})
    return names


def _concatenation(bus: Sequence[Net], names: Mapping[Net, str]) -> str:
    return "{" + ", ".join(names[n] for n in reversed(bus)) + "}"
