"""GELU by a sigmoid (Hendrycks and Gimpel, "Gaussian error linear units", 2016)."""

from __future__ import annotations

from alu_library.elementary.functions.sigmoid import sigmoid
from alu_library.elementary.gating import exp_of_product, gated, held, over_one_plus
from alu_library.elementary.programs import Operand
from alu_library.elementary.register import Function, Shape, composed

__all__ = ["FUNCTION", "SLOPE", "quick_gelu"]

SLOPE = 1.702


def quick_gelu(x: Operand) -> Operand:
    """x/(1 + e^(-1.702 x)), the exponent in two parts unless the format is wide."""
    return over_one_plus(x, exp_of_product(held(x, 64), -SLOPE))


def _derivative(x: Operand) -> Operand:
    v = held(x, 64) * SLOPE
    return gated(sigmoid(v), v)


FUNCTION = Function(
    name="quick_gelu", composed=True, activation=True, algorithms=composed(quick_gelu), digits=True,
    tail=lambda t: t / SLOPE, shape=Shape((0.0, 0.5), (0.0, 1.0)),
    formula=lambda s, x: x / (1 + s.exp(-s.Float(SLOPE, 40) * x)),
    reference=lambda m, x: x * m.expit(SLOPE * x),
    derivative=Function(
        name="quick_gelu_derivative", composed=True, algorithms=composed(_derivative), digits=True,
        tail=lambda t: t / SLOPE,
        reference=lambda m, x: m.expit(SLOPE * x) * (1 + x * SLOPE * m.expit(-SLOPE * x))),
)
