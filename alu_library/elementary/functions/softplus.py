"""log(1 + e^x)."""

from __future__ import annotations

import math

from alu_library.elementary.functions.sigmoid import sigmoid
from alu_library.elementary.operations import absolute, maximum
from alu_library.elementary.programs import Operand
from alu_library.elementary.register import Function, Shape, composed

__all__ = ["FUNCTION", "softplus"]


def softplus(x: Operand) -> Operand:
    """max(x, 0) + log1p(e^-|x|)."""
    return maximum(x, 0) + x.reading.call("log1p_unit", x.reading.call("exp", -absolute(x)))


FUNCTION = Function(
    name="softplus", composed=True, activation=True, algorithms=composed(softplus), digits=True,
    shape=Shape((math.log(2), 0.5), (0.0, 1.0)),
    formula=lambda s, x: s.log(1 + s.exp(x)),
    reference=lambda m, x: m.maximum(x, 0.0) + m.log1p(m.exp(-m.abs(x))),
    derivative=Function(
        name="softplus_derivative", composed=True, algorithms=composed(sigmoid), digits=True,
        shape=Shape((0.5, 0.25), (1.0, 0.0)), reference=lambda m, x: m.expit(x)),
)
