"""ReLU."""

from __future__ import annotations

from alu_library.elementary.operations import less, maximum, select
from alu_library.elementary.programs import Operand
from alu_library.elementary.register import Function, composed

__all__ = ["FUNCTION", "relu"]


def relu(x: Operand) -> Operand:
    """max(x, 0): one comparison."""
    return maximum(x, 0)


def _derivative(x: Operand) -> Operand:
    return select(less(0, x), x.reading.constant(1, x.format), 0)


FUNCTION = Function(
    name="relu", composed=True, activation=True, algorithms=composed(relu),
    formula=lambda s, x: s.Max(x, 0),
    reference=lambda m, x: m.maximum(x, 0.0),
    derivative=Function(
        name="relu_derivative", composed=True, algorithms=composed(_derivative),
        formula=lambda s, x: s.Piecewise((1, x > 0), (0, True)), reference=lambda m, x: m.where(x > 0, 1.0, 0.0)),
)
