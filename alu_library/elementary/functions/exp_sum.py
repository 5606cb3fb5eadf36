"""e^(high + low), where low is too small to matter in the choice of the power of two."""

from __future__ import annotations

from alu_library.elementary.functions.exp import exp, exp_table
from alu_library.elementary.programs import Operand
from alu_library.elementary.register import Function, with_bits

__all__ = ["FUNCTION", "exp_sum", "exp_sum_table"]


def exp_sum(high: Operand, low: Operand, bits: float) -> Operand:
    """By the polynomial."""
    return exp(high, bits, low)


def exp_sum_table(high: Operand, low: Operand, bits: float) -> Operand:
    """By the table."""
    return exp_table(high, bits, low=low)


FUNCTION = Function(
    name="exp_sum", inner=True, arguments=2,
    algorithms={"polynomial": with_bits(exp_sum), "table_32": with_bits(exp_sum_table)},
    formula=lambda s, high, low: s.exp(high + low),
)
