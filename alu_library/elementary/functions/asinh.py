"""asinh x."""

from __future__ import annotations

import math

from alu_library.elementary.operations import absolute, copy_sign, less, select, sqrt
from alu_library.elementary.programs import Operand
from alu_library.elementary.register import Function, composed
from alu_library.formats import parse

__all__ = ["FUNCTION", "asinh", "is_large"]


def is_large(a: Operand) -> Operand:
    """Whether a + 1 is a in the format of a, or a^2 might overflow."""
    f = parse(a.format)
    return less(2.0 ** min(f.mantissa_bits + 2, -f.minimum_exponent // 2), a)



def asinh(x: Operand) -> Operand:
    """asinh |x| = log1p(|x| + x^2/(1 + sqrt(x^2 + 1))), whose quotient is |x| for large ones."""
    a = absolute(x)
    square = a * a
    other = select(is_large(a), a, square / (1 + sqrt(square + 1)))
    return copy_sign(x.reading.call("log1p", a + other), x)


def _derivative(x: Operand) -> Operand:
    """1/sqrt(1 + x^2), whose root is |x| for large ones."""
    a = absolute(x)
    return 1 / select(is_large(a), a, sqrt(1 + x * x))


FUNCTION = Function(
    name="asinh", composed=True, algorithms=composed(asinh), growth=lambda t: math.exp(t / 2),
    formula=lambda s, x: s.asinh(x),
    reference=lambda m, x: m.arcsinh(x),
    derivative=Function(
        name="asinh_derivative", composed=True, algorithms=composed(_derivative),
        growth=lambda t: math.exp(t / 2), reference=lambda m, x: 1 / m.sqrt(1 + x * x)),
)
