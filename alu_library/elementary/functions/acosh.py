"""acosh x."""

from __future__ import annotations

import math

from alu_library.elementary.programs import Operand, scale, sqrt
from alu_library.elementary.register import Function, composed

__all__ = ["FUNCTION", "acosh"]


def acosh(x: Operand) -> Operand:
    """acosh x = log1p(t + sqrt(2 t + t^2)) with t = x - 1."""
    t = x - 1
    return x.reading.call("log1p", t + sqrt(scale(t, 1) + t * t))


FUNCTION = Function(
    name="acosh", composed=True, algorithms=composed(acosh), domain=(1.0, math.inf), growth=lambda t: math.exp(t / 2),
    formula=lambda s, x: s.acosh(x),
    reference=lambda m, x: m.arccosh(x),
    derivative=Function(
        name="acosh_derivative", composed=True, algorithms=composed(lambda x: 1 / sqrt((x - 1) * (x + 1))),
        domain=(1.0, math.inf), growth=lambda t: math.exp(t / 2),
        reference=lambda m, x: 1 / m.sqrt((x - 1) * (x + 1))),
)
