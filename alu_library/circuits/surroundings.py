"""What surrounds an operation: registers, their clock, isolation and the choice of a result, term by term.

A circuit that computes stands between registers. Each flip-flop is the transmission-gate cell of
:mod:`alu_library.circuits.cells`: its data nodes switch with the data (simulated in the pipelined netlist), and the
eight gates on its clock switch twice a cycle whatever the data are (Weste and Harris, CMOS VLSI Design, section 10.3).
A unit for several formats hands a word of one width to a slice for each format: per bit of the word and operand an AND
that keeps other slices at rest, and per bit of the result one multiplexer for each group of operations it may come from
(Mach, Schuiki, Zaruba, Benini, "FPnew", IEEE TVLSI 29(4), 2021, section III: five formats, four groups). A word that
holds several narrow operands shares all of that, and the registers at its ends, between them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil

from alu_library.circuits.catalogue import build
from alu_library.circuits.cells import CELLS
from alu_library.circuits.own import drawn_operands
from alu_library.circuits.pipelining import pipelined
from alu_library.circuits.simulation import switchings
from alu_library.formats import parse
from alu_library.pricing import DEFAULT, Operands

__all__ = ["ProcessingElement", "processing_element"]

_CLOCK_EDGES = 2
_GROUPS = 4
"""Groups of operations that share a result port (FPnew: multiply-add, divide, compare, convert)."""


@dataclass(frozen=True)
class ProcessingElement:
    """Transistor operations per operation, by what they belong to, and the transistors of all of it."""

    terms: Mapping[str, float]
    transistors: int

    @property
    def transistor_operations(self) -> float:
        """All terms together."""
        return sum(self.terms.values())


def processing_element(circuit: str, format: str, stages: int = 3, word_bits: int | None = None, formats: int = 1,
                       operands: Operands = DEFAULT, vectors: int = 1025) -> ProcessingElement:
    """One operation of a circuit in ``stages`` pipeline stages between registers.

    Words of ``word_bits`` (default: one operand's) carry as many operands as fit, each with a circuit of its own, to
    slices for ``formats`` formats. ValueError for a word that holds no operand.
    """
    netlist, kind = build(circuit, format), parse(format)
    word = word_bits or kind.bits
    lanes = word // kind.bits
    if lanes < 1 or stages < 1:
        raise ValueError(f"a word of {word} bits holds no {format}" if lanes < 1 else "a circuit has one stage or more")
    drawn = drawn_operands(netlist, kind, operands, vectors)
    plain = switchings(netlist, drawn)
    staged = pipelined(netlist, ceil(netlist.depth / stages))
    inside = staged.counts.get("REGISTER", 0)
    at_ends = sum(map(len, (*netlist.inputs.values(), *netlist.outputs.values())))
    register = CELLS["REGISTER"]
    data, clock = sum(n for node, n in register.terminals.items() if node != "clock"), register.terminals["clock"]
    flips_at_ends = sum(int(plain.nets[n]) for bus in (*netlist.inputs.values(), *netlist.outputs.values())
                        for n in bus) / plain.operations
    flips_in = sum(int(plain.nets[n]) for bus in netlist.inputs.values() for n in bus) / plain.operations
    flips_out = flips_at_ends - flips_in
    and_gates, mux = CELLS["AND2"], CELLS["MUX2"]
    several = formats > 1
    terms = {
        "arithmetic": plain.transistor_operations,
        "pipeline registers": switchings(staged, drawn).transistor_operations - plain.transistor_operations,
        "operand and result registers": data * flips_at_ends,
        "clock": float(_CLOCK_EDGES * clock * (inside + at_ends)),
        # Every slice's AND sees the word at one input; only the slice in use lets it through.
        "isolation": several * flips_in * (and_gates.terminals["a"] * formats + and_gates.terminals["n"]),
        "choice of a result": several * flips_out * _GROUPS * (mux.terminals["a"] + mux.terminals["n"]),
    }
    transistors = netlist.transistors("static_cmos") + register.static_cmos * (inside + at_ends)
    return ProcessingElement(terms, transistors)
