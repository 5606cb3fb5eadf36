"""GELU by a sigmoid (Hendrycks and Gimpel, "Gaussian error linear units", 2016)."""

from __future__ import annotations

import math
from typing import Any

from alu_library.elementary.functions.sigmoid import sigmoid
from alu_library.elementary.gating import exp_of_product, gated, held, vanishing
from alu_library.elementary.operations import maximum, minimum
from alu_library.elementary.programs import Operand
from alu_library.elementary.register import Function, Shape, composed

__all__ = ["FUNCTION", "SLOPE", "quick_gelu"]

SLOPE = 1.702


def quick_gelu(x: Operand) -> Operand:
    """x/(1 + e^(-1.702 x)), the exponent in two parts unless the format is wide."""
    limit = float(math.ceil(vanishing(x) / SLOPE))
    low = maximum(x, -limit)
    return low / (1 + exp_of_product(minimum(low, limit), -SLOPE))


def _derivative(x: Operand) -> Operand:
    v = held(x, math.ceil(vanishing(x) / SLOPE)) * SLOPE
    return gated(sigmoid(v), v)


def _slope(m: Any, x: Any) -> Any:
    v = SLOPE * m.minimum(m.maximum(x, -1e3), 1e3)  # 0 or 1 long before
    return m.expit(v) * (1 + v * m.expit(-v))


FUNCTION = Function(
    name="quick_gelu", composed=True, activation=True, algorithms=composed(quick_gelu), digits=True,
    tail=lambda t: t / SLOPE, shape=Shape((0.0, 0.5), (0.0, 1.0), left=(-0.0, 0.0)),
    limits=(-0.0, math.inf),
    formula=lambda s, x: x / (1 + s.exp(-s.Float(SLOPE, 40) * x)),
    reference=lambda m, x: x * m.expit(SLOPE * x),
    derivative=Function(
        name="quick_gelu_derivative", composed=True, algorithms=composed(_derivative), digits=True,
        tail=lambda t: t / SLOPE, limits=(0.0, 1.0),
        reference=_slope),
)
