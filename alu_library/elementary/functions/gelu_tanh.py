"""GELU by a hyperbolic tangent (Hendrycks and Gimpel, "Gaussian error linear units", 2016)."""

from __future__ import annotations

import math
from typing import Any

from alu_library.elementary.functions.sigmoid import sigmoid
from alu_library.elementary.gating import exp_of_product, gated, held, vanishing
from alu_library.elementary.operations import maximum, minimum
from alu_library.elementary.programs import Operand
from alu_library.elementary.register import Function, Shape, composed

__all__ = ["CUBIC", "FUNCTION", "SCALE", "gelu_tanh"]

SCALE = 2 * math.sqrt(2 / math.pi)
CUBIC = 0.044715


def gelu_tanh(x: Operand) -> Operand:
    """x/2 (1 + tanh u) = x/(1 + e^(-2 u)), 2 u = x (c + c · 0.044715 x^2)."""
    limit = float(math.ceil(_end(vanishing(x))))
    low = maximum(x, -limit)
    near = minimum(low, limit)
    inner = near * near * (SCALE * CUBIC) + SCALE
    return low / (1 + exp_of_product(near, -inner))


def _derivative(x: Operand) -> Operand:
    x = held(x, 32)
    cubic = x * x * (SCALE * CUBIC)
    return gated(sigmoid(x * (cubic + SCALE)), x * (cubic * 3 + SCALE))


def _end(t: float) -> float:
    """The root of the exponent, c x + c k x^3 = t, by Newton's method."""
    x = (t / (SCALE * CUBIC)) ** (1 / 3)
    for _ in range(20):
        x -= (SCALE * x + SCALE * CUBIC * x**3 - t) / (SCALE + 3 * SCALE * CUBIC * x * x)
    return float(x)


def _formula(s: Any, x: Any) -> Any:
    c, k = s.Float(SCALE, 40), s.Float(CUBIC, 40)
    return x / (1 + s.exp(-(c * x + c * k * x**3)))


def _slope(m: Any, x: Any) -> Any:
    x = m.minimum(m.maximum(x, -1e3), 1e3)  # 0 or 1 long before
    u = SCALE * x * (1 + CUBIC * x * x)
    return m.expit(u) * (1 + x * (SCALE * (1 + 3 * CUBIC * x * x)) * m.expit(-u))


FUNCTION = Function(
    name="gelu_tanh", composed=True, activation=True, algorithms=composed(gelu_tanh), digits=True, tail=_end,
    shape=Shape((0.0, 0.5), (0.0, 1.0), left=(-0.0, 0.0)),
    limits=(-0.0, math.inf),
    formula=_formula,
    reference=lambda m, x: x * m.expit(SCALE * x * (1 + CUBIC * x * x)),
    derivative=Function(
        name="gelu_tanh_derivative", composed=True, algorithms=composed(_derivative), digits=True, tail=_end,
        limits=(0.0, 1.0), reference=_slope),
)
