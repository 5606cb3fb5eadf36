"""x / (1 + |x|)."""

from __future__ import annotations

from alu_library.elementary.operations import absolute, constant, copy_sign, is_infinite, select
from alu_library.elementary.programs import Operand
from alu_library.elementary.register import Function, composed

__all__ = ["FUNCTION", "softsign"]


def softsign(x: Operand) -> Operand:
    """One addition and one division; ±1 at the infinities."""
    return select(is_infinite(x), copy_sign(constant(x, 1), x), x / (1 + absolute(x)))


def _derivative(x: Operand) -> Operand:
    r = 1 / (1 + absolute(x))
    return r * r


FUNCTION = Function(
    name="softsign", composed=True, activation=True, algorithms=composed(softsign),
    limits=(-1.0, 1.0),
    formula=lambda s, x: x / (1 + s.Abs(x)),
    reference=lambda m, x: x / (1 + m.abs(x)),
    derivative=Function(
        name="softsign_derivative", composed=True, algorithms=composed(_derivative),
        formula=lambda s, x: 1 / (1 + s.Abs(x)) ** 2, reference=lambda m, x: 1 / ((1 + m.abs(x)) * (1 + m.abs(x)))),
)
