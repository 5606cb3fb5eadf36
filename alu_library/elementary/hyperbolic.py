"""Hyperbolic functions and their inverses as programs over exp, expm1 and log1p."""

from __future__ import annotations

from alu_library.elementary.programs import Operand, absolute, copy_sign, minimum, scale, sqrt

__all__ = ["acosh", "asinh", "atanh", "cosh", "sinh", "tanh"]

_TANH_IS_ONE = 40.0  # 1 - tanh 20 < 2^-56: beyond, e^(2 |x|) - 1 need not grow


def sinh(x: Operand) -> Operand:
    """sinh |x| = (m + m/(m + 1))/2 with m = e^|x| - 1."""
    m = x.reading.call("expm1", absolute(x))
    return copy_sign(scale(m + m / (m + 1), -1), x)


def cosh(x: Operand) -> Operand:
    """cosh x = (e + 1/e)/2 with e = e^|x|."""
    e = x.reading.call("exp", absolute(x))
    return scale(e + 1 / e, -1)


def tanh(x: Operand) -> Operand:
    """tanh |x| = m/(m + 2) with m = e^(2 |x|) - 1."""
    m = x.reading.call("expm1", minimum(scale(absolute(x), 1), _TANH_IS_ONE))
    return copy_sign(m / (m + 2), x)


def asinh(x: Operand) -> Operand:
    """asinh |x| = log1p(|x| + x^2/(1 + sqrt(x^2 + 1)))."""
    a = absolute(x)
    square = a * a
    return copy_sign(x.reading.call("log1p", a + square / (1 + sqrt(square + 1))), x)


def acosh(x: Operand) -> Operand:
    """acosh x = log1p(t + sqrt(2 t + t^2)) with t = x - 1."""
    t = x - 1
    return x.reading.call("log1p", t + sqrt(scale(t, 1) + t * t))


def atanh(x: Operand) -> Operand:
    """atanh |x| = log1p(2 |x| / (1 - |x|))/2."""
    a = absolute(x)
    return copy_sign(scale(x.reading.call("log1p", scale(a, 1) / (1 - a)), -1), x)
