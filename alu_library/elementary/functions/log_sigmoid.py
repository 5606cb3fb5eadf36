"""log sigmoid x."""

from __future__ import annotations

import math

from alu_library.elementary.functions.sigmoid import sigmoid
from alu_library.elementary.operations import absolute, minimum
from alu_library.elementary.programs import Operand
from alu_library.elementary.register import Function, Shape, composed

__all__ = ["FUNCTION", "log_sigmoid"]


def log_sigmoid(x: Operand) -> Operand:
    """min(x, 0) - log1p(e^-|x|)."""
    return minimum(x, 0) - x.reading.call("log1p_unit", x.reading.call("exp", -absolute(x)))


FUNCTION = Function(
    name="log_sigmoid", composed=True, activation=True, algorithms=composed(log_sigmoid), digits=True,
    shape=Shape((-math.log(2), 0.5), (0.0, 0.0), left=(0.0, 1.0)),
    formula=lambda s, x: -s.log(1 + s.exp(-x)),
    reference=lambda m, x: m.minimum(x, 0.0) - m.log1p(m.exp(-m.abs(x))),
    derivative=Function(
        name="log_sigmoid_derivative", composed=True, algorithms=composed(lambda x: sigmoid(-x)), digits=True,
        reference=lambda m, x: m.expit(-x)),
)
