"""1/sqrt x."""

from __future__ import annotations

import math

from alu_library.elementary.newton import as_root, inverse_root
from alu_library.elementary.operations import scale, sqrt
from alu_library.elementary.programs import Operand
from alu_library.elementary.register import Function, composed, with_bits

__all__ = ["FUNCTION", "rsqrt", "rsqrt_newton"]


def rsqrt(x: Operand) -> Operand:
    """1/sqrt x by the circuits for root and division."""
    return 1 / sqrt(x)


def rsqrt_newton(x: Operand, bits: float) -> Operand:
    """1/sqrt m, scaled back by half the exponent."""
    y, _, h = inverse_root(x, bits)
    return as_root(x, scale(y, -h), math.inf, 0.0)


FUNCTION = Function(
    name="rsqrt", algorithms={"digit_recurrence": lambda bits: rsqrt, "newton": with_bits(rsqrt_newton)},
    domain=(0.0, math.inf),
    formula=lambda s, x: 1 / s.sqrt(x),
    reference=lambda m, x: 1 / m.sqrt(x),
    derivative=Function(
        name="rsqrt_derivative", composed=True, of_result=True, algorithms=composed(lambda y: y * y * (y * -0.5)),
        domain=(0.0, math.inf), formula=lambda s, y: -(y**3) / 2, reference=lambda m, y: -(y * y * y) / 2),
)
