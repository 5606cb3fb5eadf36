"""x held within ±1."""

from __future__ import annotations

from alu_library.elementary.common import within
from alu_library.elementary.operations import maximum, minimum
from alu_library.elementary.programs import Operand
from alu_library.elementary.register import Function, composed

__all__ = ["FUNCTION", "hard_tanh"]


def hard_tanh(x: Operand) -> Operand:
    """min(max(x, -1), 1)."""
    return minimum(maximum(x, -1), 1)


def _derivative(x: Operand) -> Operand:
    return within(x, 1, 1)


FUNCTION = Function(
    name="hard_tanh", composed=True, activation=True, algorithms=composed(hard_tanh),
    formula=lambda s, x: s.Min(s.Max(x, -1), 1),
    reference=lambda m, x: m.minimum(m.maximum(x, -1.0), 1.0),
    derivative=Function(
        name="hard_tanh_derivative", composed=True, algorithms=composed(_derivative),
        formula=lambda s, x: s.Piecewise((1, (x > -1) & (x < 1)), (0, True)),
        reference=lambda m, x: m.where(m.abs(x) < 1, 1.0, 0.0)),
)
