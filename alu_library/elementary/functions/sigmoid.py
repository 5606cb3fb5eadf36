"""The logistic function."""

from __future__ import annotations

from alu_library.elementary.programs import Operand
from alu_library.elementary.register import Function, Shape, composed

__all__ = ["FUNCTION", "sigmoid"]


def sigmoid(x: Operand) -> Operand:
    """1/(1 + e^-x)."""
    return 1 / (1 + x.reading.call("exp", -x))


FUNCTION = Function(
    name="sigmoid", composed=True, activation=True, algorithms=composed(sigmoid), digits=True,
    shape=Shape((0.5, 0.25), (1.0, 0.0)),
    formula=lambda s, x: 1 / (1 + s.exp(-x)),
    reference=lambda m, x: m.expit(x),
    derivative=Function(
        name="sigmoid_derivative", composed=True, of_result=True, algorithms=composed(lambda y: y * (1 - y)),
        domain=(0.0, 1.0), formula=lambda s, y: y * (1 - y), reference=lambda m, y: y * (1 - y)),
)
