"""The error function and the tail of the normal distribution as programs.

The tail is written e^(-a^2) times a slowly varying factor, a polynomial in (3 - a)/(3 + a) (the transformation of
M. Shepherd and J. Laframboise, "Chebyshev approximation of (1 + 2x) exp(x^2) erfc x", 1981). The square is kept in
two parts, because an exponent of 80 magnifies its rounding 80 times.
"""

from __future__ import annotations

import math

from alu_library.elementary.coefficients import TAIL_CENTRE, polynomial
from alu_library.elementary.common import horner, wide_enough
from alu_library.elementary.programs import Operand, absolute, copy_sign, less, minimum, select, truncate
from alu_library.formats import parse

__all__ = ["erf", "exact_product", "gaussian", "normal_tail", "scaled_tail", "tail_and_density"]

_ERF_IS_ONE = {11: 2.7, 24: 4.0, 53: 6.0}  # bits of a significand: beyond, erfc is below half a unit of 1


def exact_product(x: Operand, y: Operand | float) -> tuple[Operand, Operand]:
    """x · y as a sum of two operands whose first is exact (but for the constant's own rounding)."""
    half = parse(x.format).mantissa_bits // 2
    x_high = truncate(x, half)
    if isinstance(y, Operand):
        y_high = truncate(y, half)
        return x_high * y_high, (x - x_high) * y + x_high * (y - y_high)
    y_high_value = float(math.ldexp(round(math.ldexp(y, half - math.frexp(y)[1])), math.frexp(y)[1] - half))
    return x_high * y_high_value, (x - x_high) * y + x_high * (y - y_high_value)


def gaussian(a: Operand, factor: float, bits: float) -> Operand:
    """e^(-factor a^2), a >= 0, with the exponent in two parts unless the format has bits to spare."""
    if wide_enough(a.format, bits):
        return a.reading.call("exp", -(a * a * factor) if factor != 1 else -(a * a))
    high = truncate(a, parse(a.format).mantissa_bits // 2)
    low = (a - high) * (a + high)
    if factor == 1:
        return a.reading.call("exp_sum", -(high * high), -low)
    return a.reading.call("exp_sum", high * high * -factor, low * -factor)


def normal_tail(a: Operand, bits: float) -> Operand:
    """Q(a) = erfc(a/sqrt 2)/2 for a >= 0, the probability that a normal variable exceeds a."""
    return tail_and_density(a, bits)[0]


def tail_and_density(a: Operand, bits: float) -> tuple[Operand, Operand]:
    """Q(a), and the e^(-a^2/2) it was made from; a is held where that is above the smallest number."""
    a = minimum(a, _tail_end(a.format))
    e = gaussian(a, 0.5, bits)
    return e * a.reading.call("scaled_tail", a), e


def _tail_end(format: str) -> float:
    f = parse(format)
    return 1.0 + math.sqrt(2 * math.log(2) * (f.mantissa_bits - f.minimum_exponent))


def scaled_tail(a: Operand, bits: float) -> Operand:
    """e^(a^2/2) Q(a) as a polynomial in t = (c - a)/(c + a)."""
    end = _tail_end(a.format)
    t = (TAIL_CENTRE - a) / (a + TAIL_CENTRE)
    return horner(t, polynomial("normal_tail", (TAIL_CENTRE - end) / (TAIL_CENTRE + end), 1, bits))


def erf(x: Operand, bits: float) -> Operand:
    """erf a = a p(a^2) up to 1; 1 - e^p(a) beyond, where p approximates log erfc, until it is 1."""
    a = absolute(x)
    f = parse(x.format)
    end = min(limit for width, limit in _ERF_IS_ONE.items() if min(f.mantissa_bits, bits) < width + 2)
    small = a * horner(a * a, polynomial("erf", 0, 1, bits))
    # the complement is at most 0.157, so it needs two bits fewer
    complement = x.reading.call("exp", horner(minimum(a, end) - 1, polynomial("log_erfc", 0, end - 1, bits - 2)))
    return copy_sign(select(less(a, 1), small, 1 - complement), x)
