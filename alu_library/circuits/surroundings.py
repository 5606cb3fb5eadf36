"""What surrounds an operation: registers, clock, control, isolation, wires, leakage, term by term.

A circuit that computes stands between registers. Each flip-flop is the transmission-gate cell of
:mod:`alu_library.circuits.cells`: its data nodes switch with the data (simulated in the pipelined netlist), and the
eight gates on its clock switch twice a cycle whatever the data are (Weste and Harris, CMOS VLSI Design, section 10.3).
A unit for several formats hands a word of one width to a slice for each format: per bit of the word and operand an AND
that keeps other slices at rest, and per bit of the result one multiplexer for each group of operations it may come from
(Mach, Schuiki, Zaruba, Benini, "FPnew", IEEE TVLSI 29(4), 2021, section III: five formats, four groups). A word that
holds several narrow operands shares all of that, and the registers at its ends, between them.

What depends on the size of the whole unit, in gate equivalents of four transistors:

- Wires. Buses of operands and results pass the unit once, whose side is the root of its area. A gate equivalent is .798
  um2 at 45 nm (NAND2_X1 of the NanGate FreePDK45 library), a wire .2 fF/um (Weste and Harris, section 6.2), and the
  .28 fJ that a transistor operation takes at 45 nm and .9 V charge .69 fF (E = C V2/2, ``hardware.technology``).
- Leakage. .0105 uW/um2 at 40 nm, the middle of the adders, multipliers and registers of Aladdin's table (Shao, Reagen,
  Wei, Brooks, ISCA 2014; harvard-acc/ALADDIN, common/power_func.h), against .262 fJ a transistor operation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil, sqrt

from alu_library.circuits.catalogue import build
from alu_library.circuits.cells import CELLS
from alu_library.circuits.own import drawn_operands
from alu_library.circuits.pipelining import pipelined
from alu_library.circuits.simulation import switchings
from alu_library.formats import parse
from alu_library.pricing import DEFAULT, Operands

__all__ = ["ProcessingElement", "Surroundings", "processing_element"]

_CLOCK_EDGES = 2
_GROUPS = 4
"""Groups of operations that share a result port (FPnew: multiply-add, divide, compare, convert)."""

_GATE_SQUARE_MICROMETRE = 0.798
_WIRE = 0.2 * sqrt(_GATE_SQUARE_MICROMETRE) / (2 * 0.28 / 0.9**2)
"""Terminals that load a wire as long as the side of one gate equivalent."""
_LEAKAGE_PER_SECOND = 0.0105e-6 * _GATE_SQUARE_MICROMETRE * (40 / 45) ** 2 / 0.262e-15
"""Transistor operations' worth of leakage of one gate equivalent in a second."""


@dataclass(frozen=True)
class ProcessingElement:
    """Transistor operations per operation, by what they belong to, and the transistors of all of it."""

    terms: Mapping[str, float]
    transistors: int

    @property
    def transistor_operations(self) -> float:
        """All terms together."""
        return sum(self.terms.values())


@dataclass(frozen=True)
class Surroundings:
    """Where an operation stands: ``stages`` of a pipeline between registers, with ``control_bits`` beside the operands
    in each; in words of ``word_bits`` (default: one operand's) that carry as many operands as fit, each with a circuit
    of its own, to slices for ``formats`` formats; in a unit of ``gate_equivalents`` in all, a word every
    ``cycle_second``."""

    stages: int = 3
    word_bits: int | None = None
    formats: int = 1
    control_bits: int = 0
    gate_equivalents: float = 0.0
    cycle_second: float = 0.0

    def __post_init__(self) -> None:
        if self.stages < 1:
            raise ValueError("a circuit has one stage or more")
        if min(self.formats, self.control_bits + 1, self.gate_equivalents + 1, self.cycle_second + 1) < 1:
            raise ValueError("an operation has one format or more; control bits, gates and a cycle are not negative")


def processing_element(circuit: str, format: str, around: Surroundings | None = None, *, operands: Operands = DEFAULT,
                       vectors: int = 1025) -> ProcessingElement:
    """One operation of a circuit between what surrounds it. ValueError for a word that holds no operand.

    >>> alone = processing_element("multiplier/dadda:ripple_carry", "int8", Surroundings(stages=1))
    >>> alone.terms["clock"]  # two edges, eight gates a register, 32 registers
    512.0
    """
    around = around or Surroundings()
    netlist, kind = build(circuit, format), parse(format)
    word = around.word_bits or kind.bits
    lanes = word // kind.bits
    if lanes < 1:
        raise ValueError(f"a word of {word} bits holds no {format}")
    drawn = drawn_operands(netlist, kind, operands, vectors)
    plain = switchings(netlist, drawn)
    staged = pipelined(netlist, ceil(netlist.depth / around.stages))
    inside = staged.counts.get("REGISTER", 0)
    at_ends = sum(map(len, (*netlist.inputs.values(), *netlist.outputs.values())))
    register = CELLS["REGISTER"]
    data, clock = sum(n for node, n in register.terminals.items() if node != "clock"), register.terminals["clock"]
    flips_at_ends = sum(int(plain.nets[n]) for bus in (*netlist.inputs.values(), *netlist.outputs.values())
                        for n in bus) / plain.operations
    flips_in = sum(int(plain.nets[n]) for bus in netlist.inputs.values() for n in bus) / plain.operations
    flips_out = flips_at_ends - flips_in
    and_gates, mux = CELLS["AND2"], CELLS["MUX2"]
    several = around.formats > 1
    terms = {
        "arithmetic": plain.transistor_operations,
        "pipeline registers": switchings(staged, drawn).transistor_operations - plain.transistor_operations,
        "operand and result registers": data * flips_at_ends,
        "clock": float(_CLOCK_EDGES * clock * (inside + at_ends)),
        "control": float(_CLOCK_EDGES * clock * around.control_bits * around.stages),
        # Every slice's AND sees the word at one input; only the slice in use lets it through.
        "isolation": several * flips_in * (and_gates.terminals["a"] * around.formats + and_gates.terminals["n"]),
        "choice of a result": several * flips_out * _GROUPS * (mux.terminals["a"] + mux.terminals["n"]),
        "wires": flips_at_ends * _WIRE * sqrt(around.gate_equivalents),
        "leakage": around.gate_equivalents * around.cycle_second * _LEAKAGE_PER_SECOND / lanes,
    }
    registers = inside + at_ends + around.control_bits * around.stages
    transistors = netlist.transistors("static_cmos") + register.static_cmos * registers
    return ProcessingElement(terms, transistors)
