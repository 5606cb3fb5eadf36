"""Derivatives that training needs, as programs: f'(x), without the product with the incoming gradient.

Each takes what frameworks keep for the backward pass: the result y = f(x) where the derivative is cheaper from it
(``FROM_RESULT``), the argument x elsewhere.
"""

from __future__ import annotations

import math

from alu_library.elementary.activations import (
    GELU_TANH_CUBIC,
    GELU_TANH_SCALE,
    LEAKY_SLOPE,
    QUICK_GELU_SLOPE,
    SELU_ALPHA,
    SELU_SCALE,
    exp,
    held,
    sigmoid,
)
from alu_library.elementary.error import gaussian, tail_and_density
from alu_library.elementary.hyperbolic import cosh, sinh
from alu_library.elementary.programs import Operand, Program, absolute, is_negative, less, minimum, scale, select, sqrt

__all__ = ["FROM_RESULT", "derivative_programs"]

FROM_RESULT = frozenset({
    "sigmoid", "tanh", "elu", "celu", "selu", "exp", "exp2", "expm1", "sqrt", "reciprocal", "rsqrt", "tan",
})
"""Functions whose derivative is a program of the result y; all others take the argument x."""


def _within(x: Operand, half_width: float, value: float) -> Operand:
    return select(less(absolute(x), half_width), x.reading.constant(value, x.format), 0)


def _relu(x: Operand) -> Operand:
    return select(less(0, x), x.reading.constant(1, x.format), 0)


def _relu6(x: Operand) -> Operand:
    return select(less(0, x), select(less(x, 6), x.reading.constant(1, x.format), 0), 0)


def _leaky_relu(x: Operand) -> Operand:
    return select(less(x, 0), x.reading.constant(LEAKY_SLOPE, x.format), 1)


def _prelu(x: Operand, slope: Operand) -> Operand:
    return select(less(x, 0), slope, 1)


def _hard_tanh(x: Operand) -> Operand:
    return _within(x, 1, 1)


def _hard_sigmoid(x: Operand) -> Operand:
    return _within(x, 3, 1 / 6)


def _hard_swish(x: Operand) -> Operand:
    inside = (x + 1.5) * (1 / 3)  # the sum is exact near the root
    return select(less(absolute(x), 3), inside, select(is_negative(x), x.reading.constant(0, x.format), 1))


def _softsign(x: Operand) -> Operand:
    r = 1 / (1 + absolute(x))
    return r * r


def _sigmoid(y: Operand) -> Operand:
    return y * (1 - y)


def _tanh(y: Operand) -> Operand:
    return (1 - y) * (1 + y)


def _elu(y: Operand) -> Operand:
    return minimum(y, 0) + 1


def _selu(y: Operand) -> Operand:
    return select(less(y, 0), y + SELU_SCALE * SELU_ALPHA, SELU_SCALE)


def _silu(x: Operand) -> Operand:
    return _gated(sigmoid(x), x)


def _gated(s: Operand, slope_times_x: Operand) -> Operand:
    """s (1 + v (1 - s)): the derivative of x s, where v = x times the derivative of what the sigmoid is of."""
    return s * (1 + slope_times_x * (1 - s))


def _quick_gelu(x: Operand) -> Operand:
    v = held(x, 64) * QUICK_GELU_SLOPE
    return _gated(sigmoid(v), v)


def _gelu_tanh(x: Operand) -> Operand:
    x = held(x, 32)
    cubic = x * x * (GELU_TANH_SCALE * GELU_TANH_CUBIC)
    return _gated(sigmoid(x * (cubic + GELU_TANH_SCALE)), x * (cubic * 3 + GELU_TANH_SCALE))


def gelu(x: Operand, bits: float) -> Operand:
    """Phi(x) + x phi(x): Q(a) - a phi(a) for x = -a, one less that for x = a."""
    a = absolute(x)
    q, e = tail_and_density(a, bits)
    d = q - a * (e * math.sqrt(0.5 / math.pi))
    return select(is_negative(x), d, 1 - d)


def _mish(x: Operand) -> Operand:
    """w/d + x 4 e (e + 1)/d^2, w = e (e + 2), d = w + 2, e = e^x."""
    x = minimum(x, 22)  # the derivative is 1 by then, and (w + 2)^2 still finite
    e = exp(x)
    w = e * (e + 2)
    r = 1 / (w + 2)
    return w * r + x * (scale(e * (e + 1), 2) * (r * r))


def _log_sigmoid(x: Operand) -> Operand:
    return sigmoid(-x)


def erf(x: Operand, bits: float) -> Operand:
    """2/sqrt(pi) e^(-x^2)."""
    return gaussian(minimum(absolute(x), 27.5), 1, bits) * (2 / math.sqrt(math.pi))


def _call(name: str) -> Program:
    return lambda x: x.reading.call(name, x)


def derivative_programs() -> dict[str, Program]:
    """X_derivative for every activation and unary elementary function X; two more take ``bits``: gelu and erf."""
    programs: dict[str, Program] = {
        "relu": _relu, "relu6": _relu6, "leaky_relu": _leaky_relu, "prelu": _prelu, "hard_tanh": _hard_tanh,
        "hard_sigmoid": _hard_sigmoid, "hard_swish": _hard_swish, "softsign": _softsign, "sigmoid": _sigmoid,
        "tanh": _tanh, "elu": _elu, "celu": _elu, "selu": _selu, "silu": _silu, "quick_gelu": _quick_gelu,
        "gelu_tanh": _gelu_tanh, "mish": _mish, "softplus": sigmoid, "log_sigmoid": _log_sigmoid,
        "exp": lambda y: y, "exp2": lambda y: y * math.log(2), "expm1": lambda y: y + 1, "sqrt": lambda y: 0.5 / y,
        "reciprocal": lambda y: -(y * y), "rsqrt": lambda y: y * y * (y * -0.5), "tan": lambda y: 1 + y * y,
        "log": lambda x: 1 / x, "log2": lambda x: (1 / math.log(2)) / x, "log10": lambda x: (1 / math.log(10)) / x,
        "log1p": lambda x: 1 / (1 + x), "sin": _call("cos"), "cos": lambda x: -x.reading.call("sin", x),
        "asin": lambda x: 1 / sqrt((1 - x) * (1 + x)), "acos": lambda x: -(1 / sqrt((1 - x) * (1 + x))),
        "atan": lambda x: 1 / (1 + x * x), "sinh": cosh, "cosh": sinh,
        "asinh": lambda x: 1 / sqrt(1 + x * x), "acosh": lambda x: 1 / sqrt((x - 1) * (x + 1)),
        "atanh": lambda x: 1 / ((1 - x) * (1 + x)),
    }
    return {f"{name}_derivative": program for name, program in programs.items()}
