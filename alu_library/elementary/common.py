"""What the functions share: Horner's rule, and what is done about subnormal numbers, zeros, infinities and NaN."""

from __future__ import annotations

import math
from collections.abc import Sequence

from alu_library.elementary.operations import (
    absolute,
    convert,
    exponent,
    is_finite,
    is_negative,
    is_zero,
    less,
    scale,
    scale_gradually,
    select,
    significand,
)
from alu_library.elementary.programs import Operand
from alu_library.formats import parse

__all__ = ["as_logarithm", "fields", "horner", "rescaled", "small_as_is", "subnormals_are_normal", "wide_enough",
           "within"]

_GUARD = 6  # an exponent of 8 bits times the last place of a format, less the two bits an error of 4 ulp may cost


def horner(x: Operand, coefficients: Sequence[float]) -> Operand:
    """c0 + x (c1 + x (c2 + ...)): degree multiplications and additions."""
    *rest, last = coefficients
    total = x.reading.constant(last, x.format)
    for c in reversed(rest):
        total = total * x + c
    return total


def wide_enough(format: str, bits: float) -> bool:
    """Whether the format has bits to spare beyond a result of ``bits``: then constants need no second part."""
    return parse(format).mantissa_bits >= bits + _GUARD


def within(x: Operand, half_width: float, value: float) -> Operand:
    """``value`` where |x| < ``half_width``, 0 elsewhere: a comparison and a select."""
    return select(less(absolute(x), half_width), x.reading.constant(value, x.format), 0)


def subnormals_are_normal(x: Operand) -> bool:
    """Whether every number of the program's own format is normal in the format of x."""
    inner, source = parse(x.format), parse(x.reading.source or x.format)
    return inner.minimum_exponent <= source.minimum_exponent - source.mantissa_bits


def rescaled(x: Operand, n: Operand) -> Operand:
    """x · 2^n as a result: gradual below the smallest normal unless a conversion sees to that."""
    return scale(x, n) if subnormals_are_normal(x) else scale_gradually(x, n)


def fields(x: Operand) -> tuple[Operand, Operand]:
    """Exponent and significand of x != 0, of a subnormal one as well."""
    if subnormals_are_normal(x):
        return exponent(x), significand(x)
    f = parse(x.format)
    if f.exponent_bits < 11:
        wide = convert(x, f"e{f.exponent_bits + 1}m{f.mantissa_bits}")
        return exponent(wide), significand(wide, x.format)
    # No format has a wider exponent than fp64: its subnormal numbers are multiplied up.
    up = f.mantissa_bits + 2
    below = less(absolute(x), 2.0**f.minimum_exponent)
    x = select(below, x * 2.0**up, x)
    e = exponent(x)
    return select(below, e - up, e), significand(x)


def small_as_is(x: Operand, value: Operand) -> Operand:
    """x itself where f(x) = x + O(x^2) rounds to it: right for subnormal numbers and for the sign of zero."""
    return select(less(absolute(x), 2.0 ** -(parse(x.format).mantissa_bits + 2)), x, value)


def as_logarithm(u: Operand, value: Operand) -> Operand:
    """``value`` for a positive number; infinity and NaN as they are, -infinity at 0, NaN below (C99, F.9.3.7)."""
    value = select(is_finite(u), value, u)
    value = select(is_negative(u), u.reading.constant(math.nan, value.format), value)
    return select(is_zero(u), u.reading.constant(-math.inf, value.format), value)
