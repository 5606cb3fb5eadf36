"""What the functions are: formulas in sympy, and the same values in float64 for millions of points.

``formula`` is the definition: derivatives are differentiated from it, and mpmath evaluates it in 60 digits. The
float64 versions are written so that nothing cancels; the points where a program seems worst are checked by formula.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from typing import Any

import numpy as np

from alu_library.elementary.activations import (
    GELU_TANH_CUBIC,
    GELU_TANH_SCALE,
    LEAKY_SLOPE,
    QUICK_GELU_SLOPE,
    SELU_ALPHA,
    SELU_SCALE,
)
from alu_library.elementary.derivatives import FROM_RESULT
from alu_library.elementary.numeric import Array

__all__ = ["exactly", "formula", "in_float64"]

_DIGITS = 60


@cache
def _formulas() -> dict[str, Any]:
    import sympy as s

    x, y = s.symbols("x y", real=True)
    c, k = s.Float(GELU_TANH_SCALE, 40), s.Float(GELU_TANH_CUBIC, 40)
    phi = (1 + s.erf(x / s.sqrt(2))) / 2

    def negative(otherwise: Any, then: Any) -> Any:
        return s.Piecewise((then, x < 0), (otherwise, True))

    return {
        "reciprocal": 1 / x, "sqrt": s.sqrt(x), "rsqrt": 1 / s.sqrt(x), "divide": x / y, "pow": x**y,
        "exp": s.exp(x), "exp2": 2**x, "expm1": s.exp(x) - 1, "log": s.log(x), "log2": s.log(x) / s.log(2),
        "log10": s.log(x) / s.log(10), "log1p": s.log(1 + x), "sin": s.sin(x), "cos": s.cos(x), "tan": s.tan(x),
        "asin": s.asin(x), "acos": s.acos(x), "atan": s.atan(x), "sinh": s.sinh(x), "cosh": s.cosh(x),
        "tanh": s.tanh(x), "asinh": s.asinh(x), "acosh": s.acosh(x), "atanh": s.atanh(x), "erf": s.erf(x),
        "scaled_tail": s.exp(x**2 / 2) * s.erfc(x / s.sqrt(2)) / 2,
        "relu": s.Max(x, 0), "relu6": s.Min(s.Max(x, 0), 6), "hard_tanh": s.Min(s.Max(x, -1), 1),
        "leaky_relu": negative(x, s.Float(LEAKY_SLOPE, 40) * x), "prelu": negative(x, x * y),
        "hard_sigmoid": s.Min(s.Max(x + 3, 0), 6) / 6, "hard_swish": x * s.Min(s.Max(x + 3, 0), 6) / 6,
        "softsign": x / (1 + s.Abs(x)), "sigmoid": 1 / (1 + s.exp(-x)), "silu": x / (1 + s.exp(-x)),
        "glu": x / (1 + s.exp(-y)), "swiglu": x * y / (1 + s.exp(-x)),
        "quick_gelu": x / (1 + s.exp(-s.Float(QUICK_GELU_SLOPE, 40) * x)),
        "gelu_tanh": x / (1 + s.exp(-(c * x + c * k * x**3))), "gelu": x * phi,
        "softplus": s.log(1 + s.exp(x)), "log_sigmoid": -s.log(1 + s.exp(-x)),
        "mish": x * s.tanh(s.log(1 + s.exp(x))), "elu": negative(x, s.exp(x) - 1), "celu": negative(x, s.exp(x) - 1),
        "selu": s.Float(SELU_SCALE, 40) * negative(x, s.Float(SELU_ALPHA, 40) * (s.exp(x) - 1)),
    }


_OF_RESULT: Mapping[str, Callable[[Any], Any]] = {
    "sigmoid": lambda y: y * (1 - y), "tanh": lambda y: 1 - y * y, "exp": lambda y: y, "expm1": lambda y: 1 + y,
    "sqrt": lambda y: 1 / (2 * y), "reciprocal": lambda y: -y * y, "rsqrt": lambda y: -(y**3) / 2,
    "tan": lambda y: 1 + y * y,
}


@cache
def formula(name: str) -> Any:
    """The definition of a function, in sympy; a derivative from the result is a formula in that result."""
    import sympy as s

    if not name.endswith("_derivative"):
        return _formulas()[name]
    base = name.removesuffix("_derivative")
    x = s.Symbol("x", real=True)
    if base in FROM_RESULT:
        return _derivative_of_result(base, x)
    if base in ("relu", "relu6", "hard_tanh", "hard_sigmoid", "hard_swish", "leaky_relu", "prelu", "softsign"):
        return _derivative_by_pieces(base, x)
    return s.diff(_formulas()[base], x)


def _derivative_of_result(base: str, y: Any) -> Any:
    import sympy as s

    if base in _OF_RESULT:
        return _OF_RESULT[base](y)
    if base == "exp2":
        return y * s.log(2)
    alpha, factor = (1, 1) if base in ("elu", "celu") else (s.Float(SELU_ALPHA, 40), s.Float(SELU_SCALE, 40))
    return s.Piecewise((y + alpha * factor, y < 0), (factor, True))


def _derivative_by_pieces(base: str, x: Any) -> Any:
    """One-sided where there is a corner: the value frameworks use at it."""
    import sympy as s

    y = s.Symbol("y", real=True)
    return {
        "relu": s.Piecewise((1, x > 0), (0, True)), "relu6": s.Piecewise((1, (x > 0) & (x < 6)), (0, True)),
        "hard_tanh": s.Piecewise((1, (x > -1) & (x < 1)), (0, True)),
        "hard_sigmoid": s.Piecewise((s.Rational(1, 6), (x > -3) & (x < 3)), (0, True)),
        "hard_swish": s.Piecewise((0, x <= -3), (x / 3 + s.Rational(1, 2), x < 3), (1, True)),
        "leaky_relu": s.Piecewise((s.Float(LEAKY_SLOPE, 40), x < 0), (1, True)),
        "prelu": s.Piecewise((y, x < 0), (1, True)), "softsign": 1 / (1 + s.Abs(x)) ** 2,
    }[base]


@cache
def _evaluator(name: str) -> Callable[..., Any]:
    import sympy as s

    return s.lambdify(s.symbols("x y", real=True), formula(name), modules="mpmath")  # type: ignore[no-any-return]


@lru_cache(maxsize=1 << 16)
def exactly(name: str, x: float, y: float = 0.0) -> Any:
    """The function's value at one point, in mpmath with 60 digits more than the exponent of x costs; inf at a pole."""
    import mpmath

    # Terms like e^x against 1 need as many digits as they differ in.
    extra = int(min(abs(x), 800)) if name in _LARGE_EXPONENTS else 0
    with mpmath.workdps(_DIGITS + extra):
        try:
            return mpmath.mpf(_evaluator(name)(mpmath.mpf(x), mpmath.mpf(y)))
        except ZeroDivisionError:  # a pole
            return mpmath.inf


_LARGE_EXPONENTS = frozenset({
    "expm1", "sinh", "cosh", "tanh", "sigmoid", "silu", "softplus", "log_sigmoid", "mish", "gelu", "gelu_tanh", "erf",
    "quick_gelu", "glu", "swiglu", "gelu_derivative", "mish_derivative", "gelu_tanh_derivative", "silu_derivative",
    "quick_gelu_derivative", "softplus_derivative", "log_sigmoid_derivative",
})


def in_float64(name: str) -> Callable[..., Any]:
    """The function on arrays of float64, with a relative error far below 1e-12 except next to a root."""
    try:
        return _float64()[name]
    except KeyError:
        raise KeyError(f"no reference for {name}") from None


@cache
def _float64() -> dict[str, Callable[..., Any]]:
    from scipy import special as sp

    c, k = GELU_TANH_SCALE, GELU_TANH_CUBIC

    def mish(x: Array) -> Array:
        e = np.exp(np.minimum(x, 40.0))
        return np.asarray(x * (e * (e + 2) / (e * (e + 2) + 2)))

    def mish_slope(x: Array) -> Array:
        x = np.minimum(x, 40.0)  # 1 to the last bit from here on
        e = np.exp(x)
        d = e * (e + 2) + 2
        return np.asarray((e * (e + 2) + x * 4 * e * (e + 1) / d) / d)

    def gated(s: Callable[[Array], Array], slope: Callable[[Array], Array]) -> Callable[[Array], Array]:
        return lambda x: sp.expit(s(x)) * (1 + x * slope(x) * sp.expit(-s(x)))

    def cubic(x: Array) -> Array:
        return np.asarray(c * x * (1 + k * x * x))

    def selu(x: Array) -> Array:
        return np.asarray(SELU_SCALE * np.where(x > 0, x, SELU_ALPHA * np.expm1(np.minimum(x, 0))))

    def gelu_slope(x: Array) -> Array:
        return np.asarray(sp.ndtr(x) + x * np.exp(-x * x / 2) / math.sqrt(2 * math.pi))

    table: dict[str, Callable[..., Any]] = {
        "reciprocal": lambda x: 1 / x, "sqrt": np.sqrt, "rsqrt": lambda x: 1 / np.sqrt(x), "divide": np.divide,
        "pow": np.power, "exp": np.exp, "exp2": np.exp2, "expm1": np.expm1, "log": np.log, "log2": np.log2,
        "log10": np.log10, "log1p": np.log1p, "sin": np.sin, "cos": np.cos, "tan": np.tan, "asin": np.arcsin,
        "acos": np.arccos, "atan": np.arctan, "sinh": np.sinh, "cosh": np.cosh, "tanh": np.tanh, "asinh": np.arcsinh,
        "acosh": np.arccosh, "atanh": np.arctanh, "erf": sp.erf, "relu": lambda x: np.maximum(x, 0.0),
        "relu6": lambda x: np.minimum(np.maximum(x, 0), 6), "hard_tanh": lambda x: np.minimum(np.maximum(x, -1), 1),
        "leaky_relu": lambda x: np.where(x < 0, LEAKY_SLOPE * x, x), "prelu": lambda x, y: np.where(x < 0, x * y, x),
        "hard_sigmoid": lambda x: np.clip(x + 3, 0, 6) / 6, "hard_swish": lambda x: x * np.clip(x + 3, 0, 6) / 6,
        "softsign": lambda x: x / (1 + np.abs(x)), "sigmoid": sp.expit, "silu": lambda x: x * sp.expit(x),
        "glu": lambda x, y: x * sp.expit(y), "swiglu": lambda x, y: x * sp.expit(x) * y,
        "quick_gelu": lambda x: x * sp.expit(QUICK_GELU_SLOPE * x), "gelu_tanh": lambda x: x * sp.expit(cubic(x)),
        "gelu": lambda x: x * sp.ndtr(x), "softplus": lambda x: np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))),
        "log_sigmoid": lambda x: np.minimum(x, 0) - np.log1p(np.exp(-np.abs(x))), "mish": mish,
        "elu": lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))), "selu": selu,
        "relu_derivative": lambda x: (x > 0) * 1.0, "relu6_derivative": lambda x: ((x > 0) & (x < 6)) * 1.0,
        "hard_tanh_derivative": lambda x: (np.abs(x) < 1) * 1.0,
        "hard_sigmoid_derivative": lambda x: (np.abs(x) < 3) / 6,
        "hard_swish_derivative": lambda x: np.where(np.abs(x) < 3, x / 3 + 0.5, (x > 0) * 1.0),
        "leaky_relu_derivative": lambda x: np.where(x < 0, LEAKY_SLOPE, 1.0),
        "prelu_derivative": lambda x, y: np.where(x < 0, y, 1.0),
        "softsign_derivative": lambda x: (1 + np.abs(x)) ** -2.0,
        "elu_derivative": lambda y: np.where(y < 0, y + 1, 1.0),
        "selu_derivative": lambda y: np.where(y < 0, y + SELU_ALPHA * SELU_SCALE, SELU_SCALE),
        "exp2_derivative": lambda y: y * math.log(2), "softplus_derivative": sp.expit,
        "log_sigmoid_derivative": lambda x: sp.expit(-x), "silu_derivative": gated(lambda x: x, np.ones_like),
        "quick_gelu_derivative": gated(lambda x: QUICK_GELU_SLOPE * x, lambda x: QUICK_GELU_SLOPE + 0 * x),
        "gelu_tanh_derivative": gated(cubic, lambda x: c * (1 + 3 * k * np.minimum(x * x, 1e6))),
        "gelu_derivative": gelu_slope, "mish_derivative": mish_slope,
        "erf_derivative": lambda x: 2 / math.sqrt(math.pi) * np.exp(-x * x),
        "log_derivative": lambda x: 1 / x, "log2_derivative": lambda x: 1 / (x * math.log(2)),
        "log10_derivative": lambda x: 1 / (x * math.log(10)), "log1p_derivative": lambda x: 1 / (1 + x),
        "sin_derivative": np.cos, "cos_derivative": lambda x: -np.sin(x), "sinh_derivative": np.cosh,
        "cosh_derivative": np.sinh, "asin_derivative": lambda x: 1 / np.sqrt((1 - x) * (1 + x)),
        "acos_derivative": lambda x: -1 / np.sqrt((1 - x) * (1 + x)), "atan_derivative": lambda x: 1 / (1 + x * x),
        "asinh_derivative": lambda x: 1 / np.sqrt(1 + x * x),
        "acosh_derivative": lambda x: 1 / np.sqrt((x - 1) * (x + 1)),
        "atanh_derivative": lambda x: 1 / ((1 - x) * (1 + x)),
    }
    for base, slope in _OF_RESULT.items():
        table[f"{base}_derivative"] = slope
    table["tanh_derivative"] = lambda y: (1 - y) * (1 + y)
    table["celu"], table["celu_derivative"] = table["elu"], table["elu_derivative"]
    return table
