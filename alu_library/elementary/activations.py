"""Activation functions, each written once over ALU tasks and elementary functions.

Formulas are those of the papers named beside them, rearranged so that nothing cancels and nothing overflows before
the result does. An activation with parameters has the defaults that PyTorch documents.
"""

from __future__ import annotations

import math

from alu_library.elementary.error import exact_product
from alu_library.elementary.programs import Operand, absolute, is_negative, maximum, minimum, scale, select
from alu_library.formats import parse

NAMES = (
    "celu", "elu", "gelu", "gelu_tanh", "glu", "hard_sigmoid", "hard_swish", "hard_tanh", "leaky_relu", "log_sigmoid",
    "mish", "prelu", "quick_gelu", "relu", "relu6", "selu", "sigmoid", "silu", "softplus", "softsign", "swiglu",
)
"""The activations; tanh is with the elementary functions."""

__all__ = [*NAMES, "NAMES", "exp", "gelu_from_erf", "held"]

GELU_TANH_SCALE = 2 * math.sqrt(2 / math.pi)  # Hendrycks and Gimpel, "Gaussian error linear units" (2016)
GELU_TANH_CUBIC = 0.044715  # the same
QUICK_GELU_SLOPE = 1.702  # the same: x sigmoid(1.702 x)
SELU_SCALE = 1.0507009873554804934193349852946  # Klambauer et al., "Self-normalizing neural networks" (2017)
SELU_ALPHA = 1.6732632423543772848170429916717  # the same
LEAKY_SLOPE = 0.01  # Maas et al. (2013); PyTorch's default


def exp(x: Operand) -> Operand:
    """e^x by the algorithm chosen for the reading."""
    return x.reading.call("exp", x)


def relu(x: Operand) -> Operand:
    """max(x, 0): one comparison."""
    return maximum(x, 0)


def relu6(x: Operand) -> Operand:
    """min(max(x, 0), 6)."""
    return minimum(maximum(x, 0), 6)


def hard_tanh(x: Operand) -> Operand:
    """min(max(x, -1), 1)."""
    return minimum(maximum(x, -1), 1)


def leaky_relu(x: Operand) -> Operand:
    """x, or 0.01 x where negative: the larger of the two."""
    return maximum(x, x * LEAKY_SLOPE)


def prelu(x: Operand, slope: Operand) -> Operand:
    """x, or slope · x where negative (He et al., 2015)."""
    return select(is_negative(x), x * slope, x)


def hard_sigmoid(x: Operand) -> Operand:
    """min(max(x/6 + 1/2, 0), 1) (Howard et al., "Searching for MobileNetV3", 2019)."""
    return minimum(maximum(x + 3, 0), 6) * (1 / 6)


def hard_swish(x: Operand) -> Operand:
    """x · hard_sigmoid(x) (the same paper)."""
    return x * hard_sigmoid(x)


def softsign(x: Operand) -> Operand:
    """x / (1 + |x|)."""
    return x / (1 + absolute(x))


def sigmoid(x: Operand) -> Operand:
    """1/(1 + e^-x)."""
    return 1 / (1 + exp(-x))


def silu(x: Operand) -> Operand:
    """x/(1 + e^-x) (Elfwing et al., 2017)."""
    return _over_one_plus_exp(x, exp(-x))


def glu(x: Operand, gate: Operand) -> Operand:
    """x sigmoid(gate) (Dauphin et al., 2016)."""
    return x / (1 + minimum(exp(-gate), parse(gate.format).maximum))


def swiglu(gate: Operand, y: Operand) -> Operand:
    """silu(gate) · y (Shazeer, "GLU variants improve transformer", 2020)."""
    return silu(gate) * y


def _over_one_plus_exp(x: Operand, e: Operand) -> Operand:
    return x / (1 + minimum(e, parse(x.format).maximum))


def quick_gelu(x: Operand) -> Operand:
    """x/(1 + e^(-1.702 x)), the exponent in two parts unless the format is wide."""
    return _over_one_plus_exp(x, _exp_of_product(held(x, 64), -QUICK_GELU_SLOPE))


def gelu_tanh(x: Operand) -> Operand:
    """x/2 (1 + tanh u) = x/(1 + e^(-2 u)), 2 u = x (c + c · 0.044715 x^2)."""
    near = held(x, 32)
    inner = near * near * (GELU_TANH_SCALE * GELU_TANH_CUBIC) + GELU_TANH_SCALE
    return _over_one_plus_exp(x, _exp_of_product(near, -inner))


def held(x: Operand, limit: float) -> Operand:
    """x within ±limit, beyond which the exponential is 0 or infinite anyway and its second part would be wrong."""
    return maximum(minimum(x, limit), -limit)


def _exp_of_product(x: Operand, y: Operand | float) -> Operand:
    if parse(x.format).mantissa_bits > 23:
        return exp(x * y)
    return x.reading.call("exp_sum", *exact_product(x, y))


def gelu(x: Operand) -> Operand:
    """x Phi(x) = max(x, 0) - |x| Q(|x|), without the cancellation of 1 + erf in the negative tail."""
    a = absolute(x)
    return maximum(x, 0) - a * a.reading.call("normal_tail", a)


def gelu_from_erf(x: Operand) -> Operand:
    """x/2 (1 + erf(x/sqrt 2)), as frameworks write it: the negative tail cancels."""
    return scale(x, -1) * (1 + x.reading.call("erf", x * math.sqrt(0.5)))


def softplus(x: Operand) -> Operand:
    """log(1 + e^x) = max(x, 0) + log1p(e^-|x|)."""
    return maximum(x, 0) + x.reading.call("log1p_unit", exp(-absolute(x)))


def log_sigmoid(x: Operand) -> Operand:
    """log sigmoid x = min(x, 0) - log1p(e^-|x|)."""
    return minimum(x, 0) - x.reading.call("log1p_unit", exp(-absolute(x)))


def mish(x: Operand) -> Operand:
    """x tanh(softplus x) = x w/(w + 2), w = e^x (e^x + 2) (Misra, 2019)."""
    e = exp(minimum(x, 30))  # e^30 squared is finite, and w/(w + 2) is 1 by then
    w = e * (e + 2)
    return x * (w / (w + 2))


def elu(x: Operand) -> Operand:
    """x, or e^x - 1 where negative (Clevert et al., 2015)."""
    return maximum(x, 0) + x.reading.call("expm1", minimum(x, 0))


def celu(x: Operand) -> Operand:
    """max(x, 0) + min(0, e^x - 1): with alpha 1 it is elu (Barron, 2017)."""
    return elu(x)


def selu(x: Operand) -> Operand:
    """scale · x, or scale · alpha (e^x - 1) where negative."""
    return select(is_negative(x), x.reading.call("expm1", minimum(x, 0)) * (SELU_SCALE * SELU_ALPHA), x * SELU_SCALE)
