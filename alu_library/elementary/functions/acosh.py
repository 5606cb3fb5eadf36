"""acosh x."""

from __future__ import annotations

import math

from alu_library.elementary.functions.asinh import is_large
from alu_library.elementary.operations import constant, less, scale, select, sqrt
from alu_library.elementary.programs import Operand
from alu_library.elementary.register import Function, composed

__all__ = ["FUNCTION", "acosh"]


def acosh(x: Operand) -> Operand:
    """acosh x = log1p(t + sqrt(2 t + t^2)) with t = x - 1."""
    t = x - 1
    root = select(is_large(t), t, sqrt(scale(t, 1) + t * t))
    return select(less(x, 1), constant(x, math.nan), x.reading.call("log1p", t + root))


def _derivative(x: Operand) -> Operand:
    """1/sqrt((x - 1) (x + 1)), whose root is x for large ones."""
    return 1 / select(is_large(x), x, sqrt((x - 1) * (x + 1)))


FUNCTION = Function(
    name="acosh", composed=True, algorithms=composed(acosh), domain=(1.0, math.inf), growth=lambda t: math.exp(t / 2),
    formula=lambda s, x: s.acosh(x),
    reference=lambda m, x: m.arccosh(x),
    derivative=Function(
        name="acosh_derivative", composed=True, algorithms=composed(_derivative),
        domain=(1.0, math.inf), growth=lambda t: math.exp(t / 2),
        reference=lambda m, x: 1 / m.sqrt((x - 1) * (x + 1))),
)
