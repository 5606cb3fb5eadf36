"""x / y: the divider, or multiplications from a seed."""

from __future__ import annotations

from alu_library.elementary.common import fields
from alu_library.elementary.newton import goldschmidt, inverse, quotient
from alu_library.elementary.programs import Operand
from alu_library.elementary.register import Function, with_bits

__all__ = ["FUNCTION", "divide", "divide_newton"]


def divide(x: Operand, y: Operand) -> Operand:
    """x/y by the divider."""
    return x / y


def divide_newton(x: Operand, y: Operand, bits: float) -> Operand:
    """q = m_x · (1/m_y), and one correction q + (1/m_y) (m_x - m_y q)."""
    (e_x, m_x), (e_y, m_y) = fields(x), fields(y)
    inverted = inverse(m_y, bits)
    q = m_x * inverted
    return quotient(q + inverted * (m_x - m_y * q), e_x - e_y, x, y)


FUNCTION = Function(
    name="divide", arguments=2,
    algorithms={"digit_recurrence": lambda bits: divide, "newton": with_bits(divide_newton),
                "goldschmidt": with_bits(goldschmidt)},
    formula=lambda s, x, y: x / y,
    reference=lambda m, x, y: x / y,
)
