"""Sines, cosines, tangents and their inverses as programs.

Sources: W. Cody and W. Waite, "Software Manual for the Elementary Functions" (1980); J.-M. Muller, "Elementary
Functions", 3rd edition (2016), chapter 11. The reduction subtracts multiples of pi/2 in three parts; it is good
while the count of quarter turns times the first part stays exact, which bounds the domain.
"""

from __future__ import annotations

import math

from alu_library.elementary.coefficients import polynomial, split
from alu_library.elementary.common import horner, wide_enough
from alu_library.elementary.programs import (
    Operand,
    absolute,
    copy_sign,
    has_bit,
    less,
    maximum,
    minimum,
    nearest_integer,
    scale,
    select,
    sqrt,
    to_float,
)
from alu_library.formats import parse

__all__ = ["acos", "asin", "atan", "cos", "quarter_turns", "sin", "tan"]

_QUARTER = (math.pi / 4) ** 2 * 1.0001


def quarter_turns(x: Operand) -> tuple[Operand, Operand]:
    """n = round(x / (pi/2)) and x - n pi/2, |.| <= pi/4."""
    f = parse(x.format)
    width = f.mantissa_bits // 2
    n = nearest_integer(x * (1 / split("half_pi")[0]))
    turns = to_float(n, x.format)
    for part in split("half_pi", width, width, f.mantissa_bits):
        x = x - turns * part
    return n, x


def _sin_cos(r: Operand, bits: float) -> tuple[Operand, Operand]:
    u = r * r
    sine = r + r * (u * horner(u, polynomial("sin", 0, _QUARTER, bits)))
    cosine = 1 - (scale(u, -1) - u * u * horner(u, polynomial("cos", 0, _QUARTER, bits)))
    return sine, cosine


def sin(x: Operand, bits: float) -> Operand:
    """sin x = ± sin r or ± cos r, by the two low bits of the number of quarter turns."""
    n, r = quarter_turns(x)
    sine, cosine = _sin_cos(r, bits)
    value = select(has_bit(n, 0), cosine, sine)
    return select(has_bit(n, 1), -value, value)


def cos(x: Operand, bits: float) -> Operand:
    """cos x = sin(x + pi/2): one quarter turn more."""
    n, r = quarter_turns(x)
    sine, cosine = _sin_cos(r, bits)
    value = select(has_bit(n, 0), sine, cosine)
    return select(has_bit(n + 1, 1), -value, value)


def tan(x: Operand, bits: float) -> Operand:
    """tan x = sin r / cos r, or -cos r / sin r after an odd number of quarter turns."""
    n, r = quarter_turns(x)
    sine, cosine = _sin_cos(r, bits)
    odd = has_bit(n, 0)
    return select(odd, -cosine, sine) / select(odd, sine, cosine)


def _asin_reduced(x: Operand, bits: float) -> tuple[Operand, Operand]:
    """Whether |x| > 1/2, and the asin that is left: of |x|, or beyond 1/2 of sqrt((1 - |x|)/2)."""
    magnitude = absolute(x)
    near = less(0.5, magnitude)
    u = select(near, scale(1 - magnitude, -1), magnitude * magnitude)
    a = select(near, sqrt(u), magnitude)
    return near, a + a * (u * horner(u, polynomial("asin", 0, 0.25, bits)))


def asin(x: Operand, bits: float) -> Operand:
    """asin x by its polynomial up to 1/2, and as pi/2 - 2 asin sqrt((1 - |x|)/2) beyond."""
    near, small = _asin_reduced(x, bits)
    high, rest = split("half_pi", parse(x.format).mantissa_bits)
    return copy_sign(select(near, high - (scale(small, 1) - rest), small), x)


def acos(x: Operand, bits: float) -> Operand:
    """acos x = pi/2 - asin x up to 1/2; 2 asin sqrt((1 - |x|)/2), or pi less that, beyond."""
    near, small = _asin_reduced(x, bits)
    high, rest = split("half_pi", parse(x.format).mantissa_bits)
    negative = less(x, 0)
    twice = scale(small, 1)
    beyond = select(negative, 2 * high - (twice - 2 * rest), twice)
    return select(near, beyond, high - (copy_sign(small, x) - rest))


def atan(x: Operand, bits: float) -> Operand:
    """atan |x| = atan t with t = |x| up to 1, and pi/2 - atan t with t = 1/|x| beyond: one division for both."""
    a = absolute(x)
    t = minimum(a, 1) / maximum(a, 1)
    u = t * t
    small = t + t * (u * horner(u, polynomial("atan", 0, 1, bits)))
    if wide_enough(x.format, bits):
        return copy_sign(select(less(1, a), split("half_pi")[0] - small, small), x)
    high, rest = split("half_pi", parse(x.format).mantissa_bits)
    return copy_sign(select(less(1, a), high - (small - rest), small), x)
