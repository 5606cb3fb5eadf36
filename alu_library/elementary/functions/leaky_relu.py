"""Leaky ReLU (Maas et al., 2013)."""

from __future__ import annotations

from alu_library.elementary.operations import less, maximum, select
from alu_library.elementary.programs import Operand
from alu_library.elementary.register import Function, composed

__all__ = ["FUNCTION", "SLOPE", "leaky_relu"]

SLOPE = 0.01  # PyTorch's default


def leaky_relu(x: Operand) -> Operand:
    """x, or 0.01 x where negative: the larger of the two."""
    return maximum(x, x * SLOPE)


def _derivative(x: Operand) -> Operand:
    return select(less(x, 0), x.reading.constant(SLOPE, x.format), 1)


FUNCTION = Function(
    name="leaky_relu", composed=True, activation=True, algorithms=composed(leaky_relu),
    formula=lambda s, x: s.Piecewise((s.Float(SLOPE, 40) * x, x < 0), (x, True)),
    reference=lambda m, x: m.where(x < 0, SLOPE * x, x),
    derivative=Function(
        name="leaky_relu_derivative", composed=True, algorithms=composed(_derivative),
        formula=lambda s, x: s.Piecewise((s.Float(SLOPE, 40), x < 0), (1, True)),
        reference=lambda m, x: m.where(x < 0, SLOPE, 1.0)),
)
