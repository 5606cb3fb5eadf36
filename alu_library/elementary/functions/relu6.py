"""ReLU held at 6."""

from __future__ import annotations

from alu_library.elementary.operations import less, maximum, minimum, select
from alu_library.elementary.programs import Operand
from alu_library.elementary.register import Function, composed

__all__ = ["FUNCTION", "relu6"]


def relu6(x: Operand) -> Operand:
    """min(max(x, 0), 6)."""
    return minimum(maximum(x, 0), 6)


def _derivative(x: Operand) -> Operand:
    return select(less(0, x), select(less(x, 6), x.reading.constant(1, x.format), 0), 0)


FUNCTION = Function(
    name="relu6", composed=True, activation=True, algorithms=composed(relu6),
    formula=lambda s, x: s.Min(s.Max(x, 0), 6),
    reference=lambda m, x: m.minimum(m.maximum(x, 0.0), 6.0),
    derivative=Function(
        name="relu6_derivative", composed=True, algorithms=composed(_derivative),
        formula=lambda s, x: s.Piecewise((1, (x > 0) & (x < 6)), (0, True)),
        reference=lambda m, x: m.where((x > 0) & (x < 6), 1.0, 0.0)),
)
