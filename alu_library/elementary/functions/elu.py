"""The exponential linear unit (Clevert et al., 2015)."""

from __future__ import annotations

import math

from alu_library.elementary.operations import maximum, minimum
from alu_library.elementary.programs import Operand
from alu_library.elementary.register import Function, composed

__all__ = ["FUNCTION", "SLOPE", "elu", "slope"]


def elu(x: Operand) -> Operand:
    """x, or e^x - 1 where negative."""
    return maximum(x, 0) + x.reading.call("expm1", minimum(x, 0))


def slope(y: Operand) -> Operand:
    """The derivative from the result: y + 1 where negative, 1 elsewhere."""
    return minimum(y, 0) + 1


SLOPE = Function(
    name="elu_derivative", composed=True, of_result=True, algorithms=composed(slope), domain=(-1.0, math.inf),
    formula=lambda s, y: s.Piecewise((y + 1, y < 0), (1, True)),
    reference=lambda m, y: m.minimum(y, 0.0) + 1,
)
FUNCTION = Function(
    name="elu", composed=True, activation=True, algorithms=composed(elu), derivative=SLOPE,
    formula=lambda s, x: s.Piecewise((s.exp(x) - 1, x < 0), (x, True)),
    reference=lambda m, x: m.where(x > 0, x, m.expm1(m.minimum(x, 0.0))),
)
