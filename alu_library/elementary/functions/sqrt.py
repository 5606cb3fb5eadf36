"""Square root: the circuit for it, or multiplications from a seed."""

from __future__ import annotations

import math

from alu_library.elementary.newton import as_root, inverse_root, iterations, root_parts
from alu_library.elementary.operations import scale, shift_right, sqrt
from alu_library.elementary.programs import Operand
from alu_library.elementary.register import Function, composed, with_bits

__all__ = ["FUNCTION", "root", "sqrt_goldschmidt", "sqrt_newton"]


def root(x: Operand) -> Operand:
    """sqrt x by the circuit for it."""
    return sqrt(x)


def sqrt_newton(x: Operand, bits: float) -> Operand:
    """sqrt m = m y with y = 1/sqrt m, and one correction s + y/2 (m - s^2)."""
    y, m, h = inverse_root(x, bits)
    s = m * y
    return as_root(x, scale(s + scale(y, -1) * (m - s * s), h), 0.0, math.inf)


def sqrt_goldschmidt(x: Operand, bits: float) -> Operand:
    """g -> sqrt m and h -> 1/(2 sqrt m) together: g <- g + g r, h <- h + h r with r = 1/2 - g h."""
    y, m, e = root_parts(x)
    g, h = m * y, scale(y, -1)
    for step in range(steps := iterations(bits)):
        r = 0.5 - g * h
        g = g + g * r
        if step + 1 < steps:
            h = h + h * r
    return as_root(x, scale(g, shift_right(e, 1)), 0.0, math.inf)


FUNCTION = Function(
    name="sqrt", domain=(0.0, math.inf),
    algorithms={"digit_recurrence": lambda bits: root, "newton": with_bits(sqrt_newton),
                "goldschmidt": with_bits(sqrt_goldschmidt)},
    formula=lambda s, x: s.sqrt(x),
    reference=lambda m, x: m.sqrt(x),
    derivative=Function(
        name="sqrt_derivative", composed=True, of_result=True, algorithms=composed(lambda y: 0.5 / y),
        domain=(0.0, math.inf), formula=lambda s, y: 1 / (2 * y), reference=lambda m, y: 0.5 / y),
)
