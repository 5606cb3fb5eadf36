"""asinh x."""

from __future__ import annotations

import math

from alu_library.elementary.programs import Operand, absolute, copy_sign, sqrt
from alu_library.elementary.register import Function, composed

__all__ = ["FUNCTION", "asinh"]


def asinh(x: Operand) -> Operand:
    """asinh |x| = log1p(|x| + x^2/(1 + sqrt(x^2 + 1)))."""
    a = absolute(x)
    square = a * a
    return copy_sign(x.reading.call("log1p", a + square / (1 + sqrt(square + 1))), x)


FUNCTION = Function(
    name="asinh", composed=True, algorithms=composed(asinh), growth=lambda t: math.exp(t / 2),
    formula=lambda s, x: s.asinh(x),
    reference=lambda m, x: m.arcsinh(x),
    derivative=Function(
        name="asinh_derivative", composed=True, algorithms=composed(lambda x: 1 / sqrt(1 + x * x)),
        growth=lambda t: math.exp(t / 2), reference=lambda m, x: 1 / m.sqrt(1 + x * x)),
)
