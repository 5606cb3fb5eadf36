"""x times the sigmoid of straight lines (Howard et al., "Searching for MobileNetV3", 2019)."""

from __future__ import annotations

import math

from alu_library.elementary.operations import absolute, is_negative, less, maximum, minimum, select
from alu_library.elementary.programs import Operand
from alu_library.elementary.register import Function, composed

__all__ = ["FUNCTION", "hard_swish"]


def hard_swish(x: Operand) -> Operand:
    """x · hard_sigmoid(x)."""
    x = maximum(x, -3)
    return x * (minimum(x + 3, 6) * (1 / 6))


def _derivative(x: Operand) -> Operand:
    inside = (x + 1.5) * (1 / 3)  # the sum is exact near the root
    return select(less(absolute(x), 3), inside, select(is_negative(x), x.reading.constant(0, x.format), 1))


FUNCTION = Function(
    name="hard_swish", composed=True, activation=True, algorithms=composed(hard_swish),
    limits=(-0.0, math.inf),
    formula=lambda s, x: x * s.Min(s.Max(x + 3, 0), 6) / 6,
    reference=lambda m, x: x * (m.minimum(m.maximum(x + 3, 0.0), 6.0) / 6),
    derivative=Function(
        name="hard_swish_derivative", composed=True, algorithms=composed(_derivative),
        formula=lambda s, x: s.Piecewise((0, x <= -3), (x / 3 + s.Rational(1, 2), x < 3), (1, True)),
        reference=lambda m, x: m.where(m.abs(x) < 3, x / 3 + 0.5, m.where(x < 0, 0.0, 1.0))),
)
