"""1/x: the divider, or multiplications from a seed."""

from __future__ import annotations

import math

from alu_library.elementary.common import fields
from alu_library.elementary.newton import goldschmidt, inverse, quotient
from alu_library.elementary.operations import constant
from alu_library.elementary.programs import Operand
from alu_library.elementary.register import Function, composed, with_bits

__all__ = ["FUNCTION", "reciprocal", "reciprocal_goldschmidt", "reciprocal_newton"]


def reciprocal(x: Operand) -> Operand:
    """1/x by the divider."""
    return 1 / x


def reciprocal_newton(x: Operand, bits: float) -> Operand:
    """1/m for the significand, scaled back by the exponent."""
    e, m = fields(x)
    return quotient(inverse(m, bits), -e, constant(x, 1), x)


def reciprocal_goldschmidt(x: Operand, bits: float) -> Operand:
    """1/x by Goldschmidt's division."""
    return goldschmidt(constant(x, 1), x, bits)


FUNCTION = Function(
    name="reciprocal", growth=lambda t: math.exp(t) * 0.999,
    algorithms={"digit_recurrence": lambda bits: reciprocal, "newton": with_bits(reciprocal_newton),
                "goldschmidt": with_bits(reciprocal_goldschmidt)},
    formula=lambda s, x: 1 / x,
    reference=lambda m, x: 1 / x,
    derivative=Function(
        name="reciprocal_derivative", composed=True, of_result=True, algorithms=composed(lambda y: -(y * y)),
        formula=lambda s, y: -y * y, reference=lambda m, y: -y * y),
)
