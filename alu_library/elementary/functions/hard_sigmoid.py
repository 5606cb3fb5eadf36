"""A sigmoid of straight lines (Howard et al., "Searching for MobileNetV3", 2019)."""

from __future__ import annotations

from alu_library.elementary.common import within
from alu_library.elementary.operations import maximum, minimum
from alu_library.elementary.programs import Operand
from alu_library.elementary.register import Function, composed

__all__ = ["FUNCTION", "hard_sigmoid"]


def hard_sigmoid(x: Operand) -> Operand:
    """min(max(x/6 + 1/2, 0), 1)."""
    return minimum(maximum(x + 3, 0), 6) * (1 / 6)


def _derivative(x: Operand) -> Operand:
    return within(x, 3, 1 / 6)


FUNCTION = Function(
    name="hard_sigmoid", composed=True, activation=True, algorithms=composed(hard_sigmoid),
    formula=lambda s, x: s.Min(s.Max(x + 3, 0), 6) / 6,
    reference=lambda m, x: m.minimum(m.maximum(x + 3, 0.0), 6.0) / 6,
    derivative=Function(
        name="hard_sigmoid_derivative", composed=True, algorithms=composed(_derivative),
        formula=lambda s, x: s.Piecewise((s.Rational(1, 6), (x > -3) & (x < 3)), (0, True)),
        reference=lambda m, x: m.where(m.abs(x) < 3, 1 / 6, 0.0)),
)
