"""Newton-Raphson and Goldschmidt iterations from a table seed, for quotients and roots without a divider.

Sources: M. Flynn, "On division by functional iteration" (1970); R. Goldschmidt (1964); for the reciprocal root
J.-M. Muller et al., "Handbook of Floating-Point Arithmetic", 2nd edition (2018), section 4.7.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from alu_library.elementary.common import fields, rescaled
from alu_library.elementary.operations import (
    constant,
    copy_sign,
    has_bit,
    is_finite,
    is_infinite,
    is_nan,
    is_negative,
    is_zero,
    multiply_signs,
    pattern_index,
    scale,
    select,
    shift_right,
    table,
)
from alu_library.elementary.programs import Operand

__all__ = ["as_root", "goldschmidt", "inverse", "inverse_root", "iterations", "quotient", "root_parts"]

SEED_BITS = 7
"""Leading fraction bits that address a seed table of 2^7 entries."""


def _seed(m: Operand, function: Callable[[float], float]) -> Operand:
    """function(m) for m in [1, 2) from a table, right in the middle of each of its pieces."""
    pieces = 1 << SEED_BITS
    index = pattern_index(m, 0, SEED_BITS)
    word, = table(index, [[function(1 + (i + 0.5) / pieces)] for i in range(pieces)], m.format)
    return word


def iterations(bits: float) -> int:
    """Doublings from the seed's accuracy, SEED_BITS + 1 bits, to ``bits``."""
    steps, reached = 0, float(SEED_BITS + 1)
    while reached < bits:
        steps, reached = steps + 1, 2 * reached
    return steps


def inverse(m: Operand, bits: float) -> Operand:
    """1/m for m in [1, 2) by y <- y + y (1 - m y)."""
    y = _seed(m, lambda v: 1 / v)
    for _ in range(iterations(bits)):
        y = y + y * (1 - m * y)
    return y


def quotient(q: Operand, e: Operand, x: Operand, y: Operand) -> Operand:
    """q 2^e with the sign of x/y, and what IEEE 754 says of zeros, infinities and NaN (7.2 and 7.3)."""
    nan, infinite, zero = (constant(q, value) for value in (math.nan, math.inf, 0.0))
    x_is_zero, y_is_infinite = is_zero(x), is_infinite(y)
    value = select(x_is_zero, zero, select(y_is_infinite, zero, rescaled(q, e)))
    value = select(is_zero(y), select(x_is_zero, nan, infinite), value)
    value = select(is_infinite(x), select(y_is_infinite, nan, infinite), value)
    value = select(is_nan(x), nan, select(is_nan(y), nan, value))
    return multiply_signs(value, x, y)


def goldschmidt(x: Operand, y: Operand, bits: float) -> Operand:
    """x/y: numerator and denominator are multiplied by the same factors 2 - d until the denominator is 1."""
    (e_x, n), (e_y, d) = fields(x), fields(y)
    factor = _seed(d, lambda v: 1 / v)
    n, d = n * factor, d * factor
    for step in range(steps := iterations(bits)):
        factor = 2 - d
        n = n * factor
        if step + 1 < steps:  # the last denominator is not used
            d = d * factor
    return quotient(n, e_x - e_y, x, y)


def root_parts(x: Operand) -> tuple[Operand, Operand, Operand]:
    """(y, m, e): y a seed of 1/sqrt(m), and x = m 4^(e/2) with m in [1, 4)."""
    e, m = fields(x)
    odd = has_bit(e, 0)
    seed = _seed(m, lambda v: v**-0.5)
    y = select(odd, seed * 0.5**0.5, seed)
    return y, select(odd, scale(m, 1), m), e


def inverse_root(x: Operand, bits: float) -> tuple[Operand, Operand, Operand]:
    """(y, m, h): y ~ 1/sqrt(m) by y <- y + y (1/2 - m/2 y^2), x = m 4^h with m in [1, 4)."""
    y, m, e = root_parts(x)
    half = scale(m, -1)
    for _ in range(iterations(bits)):
        y = y + y * (0.5 - half * (y * y))
    return y, m, shift_right(e, 1)


def as_root(x: Operand, value: Operand, at_zero: float, at_infinity: float) -> Operand:
    """``value`` for a positive number; ``at_zero`` with the sign of x (IEEE 754, 9.2.1), NaN for what is negative."""
    value = select(is_finite(x), value, select(is_nan(x), x, constant(x, at_infinity)))
    value = select(is_negative(x), constant(x, math.nan), value)
    return select(is_zero(x), copy_sign(constant(x, at_zero), x), value)
