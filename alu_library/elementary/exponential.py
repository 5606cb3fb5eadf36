"""Exponentials and logarithms as programs: range reduction, then a minimax polynomial or a table and a polynomial.

Sources: W. Cody and W. Waite, "Software Manual for the Elementary Functions" (1980), for the reduction with a
constant in two parts; P. Tang, "Table-driven implementation of the exponential function" (1989) and "... of the
logarithm function" (1990). ``bits`` is the accuracy asked of the approximation itself, in bits; rounding comes on top.
"""

from __future__ import annotations

import math

from alu_library.elementary.coefficients import polynomial, split
from alu_library.elementary.common import horner, wide_enough
from alu_library.elementary.programs import (
    Operand,
    absolute,
    exponent,
    less,
    low_bits,
    maximum,
    minimum,
    nearest_integer,
    scale,
    select,
    shift_right,
    significand,
    table,
    to_float,
    truncate,
)
from alu_library.formats import parse

__all__ = [
    "exp",
    "exp2",
    "exp_sum",
    "exp_table",
    "expm1",
    "log",
    "log1p",
    "log1p_unit",
    "log2",
    "log10",
    "log_divided",
]

_LN2 = math.log(2)
_LOW = 0.05
"""The largest second part of an exponent: 88 in two halves of fp32's 24 bits leaves 88 / 2^11."""


def _limited(x: Operand, one: float) -> Operand:
    """x held where e^x (``one`` = ln 2; 2^x with 1) is a number: what is beyond becomes 0 or infinity all the same."""
    f = parse(x.format)
    return maximum(minimum(x, (1 - f.minimum_exponent + 2) * one), (f.minimum_exponent - f.mantissa_bits - 2) * one)


def _without_multiples(x: Operand, n: Operand, name: str, share: float, bits: float) -> Operand:
    """x - n · share · VALUES[name]: the first part is so short that its product with n is exact."""
    f = parse(x.format)
    if wide_enough(x.format, bits):
        return x - n * (split(name)[0] * share)
    first, rest = split(name, f.mantissa_bits - f.exponent_bits - round(math.log2(1 / share)))
    return (x - n * (first * share)) - n * (rest * share)


def reduced(x: Operand, bits: float) -> tuple[Operand, Operand]:
    """(n, r): x = n ln 2 + r with n = round(x / ln 2), so |r| <= ln 2 / 2."""
    x = _limited(x, _LN2)
    n = nearest_integer(x * split("log2_e")[0])
    return n, _without_multiples(x, to_float(n, x.format), "ln2", 1, bits)


def exp(x: Operand, bits: float, low: Operand | None = None) -> Operand:
    """e^x = 2^n e^r; ``low`` is a small addend of x."""
    n, r = reduced(x, bits)
    end = _LN2 / 2 + (0.0 if low is None else _LOW)
    if low is not None:
        r = r + low
    p = polynomial("exp", -end, end, bits)
    return scale(1 + (r + r * r * horner(r, p)), n)


def exp_sum(high: Operand, low: Operand, bits: float) -> Operand:
    """e^(high + low), where low is too small to matter in the choice of the power of two."""
    return exp(high, bits, low)


def exp_table(x: Operand, bits: float, index_bits: int = 5, low: Operand | None = None) -> Operand:
    """e^x = 2^k 2^(j/N) e^r with a table of the N = 2^index_bits roots, |r| <= ln 2 / (2 N); ``low`` as for exp."""
    entries = 1 << index_bits
    x = _limited(x, _LN2)
    n = nearest_integer(x * (split("log2_e")[0] * entries))
    r = _without_multiples(x, to_float(n, x.format), "ln2", 1 / entries, bits)
    end = _LN2 / 2 / entries + (0.0 if low is None else _LOW)
    if low is not None:
        r = r + low
    root, = table(low_bits(n, index_bits), [[2 ** (j / entries)] for j in range(entries)], x.format)
    return scale(root + root * (r + r * r * horner(r, polynomial("exp", -end, end, bits))), shift_right(n, index_bits))


def exp_sum_table(high: Operand, low: Operand, bits: float) -> Operand:
    """e^(high + low) with the table."""
    return exp_table(high, bits, low=low)


def exp2(x: Operand, bits: float) -> Operand:
    """2^x = 2^n 2^r with n = round(x), so the reduction is exact."""
    x = _limited(x, 1)
    n = nearest_integer(x)
    r = x - to_float(n, x.format)
    return scale(1 + r * horner(r, polynomial("exp2", -0.5, 0.5, bits)), n)


def expm1(x: Operand, bits: float) -> Operand:
    """e^x - 1 = 2^n ((e^r - 1) + (1 - 2^-n)): exact in the small, because n is 0 there."""
    f = parse(x.format)
    x = maximum(minimum(x, (1 - f.minimum_exponent + 2) * _LN2), -(f.mantissa_bits + 3) * _LN2)
    n = nearest_integer(x * split("log2_e")[0])
    r = _without_multiples(x, to_float(n, x.format), "ln2", 1, bits)
    p = polynomial("expm1", -_LN2 / 2, _LN2 / 2, bits)
    tail = r + r * r * horner(r, p)
    missing = 1 - scale(x.reading.constant(1, x.format), -n)
    return scale(tail + missing, n)


def _parts(x: Operand) -> tuple[Operand, Operand]:
    """x = 2^e (1 + f) with 1 + f in [1/sqrt 2, sqrt 2): e as a float, and f."""
    e, m = exponent(x), significand(x)
    above = less(math.sqrt(2), m)
    return to_float(select(above, e + 1, e), x.format), select(above, scale(m, -1), m) - 1


def _log1p_tail(f: Operand, bits: float) -> Operand:
    """log(1 + f) - f = -f^2/2 + f^3 p(f) for 1 + f in [1/sqrt 2, sqrt 2)."""
    p = polynomial("log1p", math.sqrt(0.5) - 1, math.sqrt(2) - 1, bits)
    square = f * f
    return square * (f * horner(f, p) - 0.5)


def log(x: Operand, bits: float) -> Operand:
    """log x = e ln 2 + log(1 + f), the larger part of e ln 2 added last because it is exact."""
    e, f = _parts(x)
    tail = _log1p_tail(f, bits)
    if wide_enough(x.format, bits):
        return e * split("ln2")[0] + (f + tail)
    limits = parse(x.format)
    high, rest = split("ln2", limits.mantissa_bits - limits.exponent_bits)
    return e * high + (f + (tail + e * rest))


def log_divided(x: Operand, bits: float) -> Operand:
    """log x with log(1 + f) = log((1 + s)/(1 - s)), s = f/(2 + f): one division, half the polynomial."""
    e, f = _parts(x)
    s = f / (f + 2)
    u = s * s
    p = polynomial("atanh", 0, (3 - 2 * math.sqrt(2)) ** 2 * 1.0001, bits)
    # 2 s = f - s f, so that f itself enters without an error (Sun's fdlibm uses the same identity).
    tail = s * (u * horner(u, p) - f)
    if wide_enough(x.format, bits):
        return e * split("ln2")[0] + (f + tail)
    limits = parse(x.format)
    high, rest = split("ln2", limits.mantissa_bits - limits.exponent_bits)
    return e * high + (f + (tail + e * rest))


def _log_to_base(x: Operand, bits: float, factor: str, of_two: float) -> Operand:
    """e · of_two + factor · log(1 + f), the product with f made in two parts."""
    e, f = _parts(x)
    tail = _log1p_tail(f, bits)
    whole, = split(factor)
    if wide_enough(x.format, bits):
        return e * of_two + (f + tail) * whole
    high, rest = split(factor, parse(x.format).mantissa_bits // 2)
    f_high = truncate(f, parse(x.format).mantissa_bits // 2)
    low = f * rest + (f - f_high) * high + tail * whole
    return e * of_two + (f_high * high + low)


def log2(x: Operand, bits: float) -> Operand:
    """log2 x = e + log2(1 + f)."""
    return _log_to_base(x, bits, "log2_e", 1.0)


def log10(x: Operand, bits: float) -> Operand:
    """log10 x = e log10 2 + log10(1 + f)."""
    return _log_to_base(x, bits, "log10_e", split("log10_2")[0])


def log1p(x: Operand, bits: float) -> Operand:
    """log(1 + x) = log(u) + (x - (u - 1))/u with u = 1 + x rounded: what the rounding lost is put back."""
    u = x + 1
    lost = select(less(absolute(x), 1), x - (u - 1), 1 - (u - x))
    return log(u, bits) + lost / u


def log1p_unit(x: Operand, bits: float) -> Operand:
    """log(1 + x) for 0 <= x <= 1 as log((1 + s)/(1 - s)), s = x/(2 + x) <= 1/3."""
    s = x / (x + 2)
    u = s * s
    return scale(s, 1) + s * (u * horner(u, polynomial("atanh", 0, 1 / 9, bits)))
