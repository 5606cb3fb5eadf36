"""The self-normalising unit (Klambauer et al., "Self-normalizing neural networks", 2017)."""

from __future__ import annotations

import math
from typing import Any

from alu_library.elementary.operations import is_negative, less, minimum, select
from alu_library.elementary.programs import Operand
from alu_library.elementary.register import Function, composed

__all__ = ["ALPHA", "FUNCTION", "SCALE", "selu"]

SCALE = 1.0507009873554804934193349852946
ALPHA = 1.6732632423543772848170429916717


def selu(x: Operand) -> Operand:
    """scale · x, or scale · alpha (e^x - 1) where negative."""
    return select(is_negative(x), x.reading.call("expm1", minimum(x, 0)) * (SCALE * ALPHA), x * SCALE)


def _derivative(y: Operand) -> Operand:
    return select(less(y, 0), y + SCALE * ALPHA, SCALE)


def _formula(s: Any, x: Any) -> Any:
    return s.Float(SCALE, 40) * s.Piecewise((s.Float(ALPHA, 40) * (s.exp(x) - 1), x < 0), (x, True))


def _slope(s: Any, y: Any) -> Any:
    factor = s.Float(SCALE, 40)
    return s.Piecewise((y + s.Float(ALPHA, 40) * factor, y < 0), (factor, True))


FUNCTION = Function(
    name="selu", composed=True, activation=True, algorithms=composed(selu),
    formula=_formula,
    reference=lambda m, x: SCALE * m.where(x > 0, x, ALPHA * m.expm1(m.minimum(x, 0.0))),
    derivative=Function(
        name="selu_derivative", composed=True, of_result=True, algorithms=composed(_derivative),
        domain=(-SCALE * ALPHA, math.inf), formula=_slope,
        reference=lambda m, y: m.where(y < 0, y + ALPHA * SCALE, SCALE)),
)
