"""Fused integer multiply-add: the addend is one more row of the multiplier's reduction, so that one carry-propagating
adder serves both."""

from __future__ import annotations

from alu_library.circuits.multipliers import REDUCTION_OF, product_rows, sum_rows
from alu_library.circuits.netlist import Builder, Bus, Netlist

__all__ = ["multiply_add", "multiply_adder"]


def multiply_add(b: Builder, kind: str, x: Bus, y: Bus, addend: Bus, signed: bool = False,
                 final_adder: str = "ripple_carry") -> Bus:
    """``x * y + addend`` modulo 2**len(addend)."""
    rows = product_rows(b, kind, x, y, signed, width=len(addend))
    return sum_rows(b, [addend, *rows], REDUCTION_OF[kind], final_adder)


def multiply_adder(kind: str, width: int, accumulator: int, signed: bool = False, final_adder: str = "ripple_carry",
                   full_adder_style: int = 28) -> Netlist:
    """A netlist for ``a * b + c``: ``a`` and ``b`` of ``width`` bits, ``c`` and ``sum`` of ``accumulator`` bits."""
    b = Builder(f"multiply_add_{kind}_{width}_{accumulator}{'_signed' if signed else ''}", full_adder_style)
    x, y, addend = b.input("a", width), b.input("b", width), b.input("c", accumulator)
    b.output("sum", multiply_add(b, kind, x, y, addend, signed, final_adder))
    return b.build()
