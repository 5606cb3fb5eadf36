"""Reciprocals, quotients and roots without a divider: Newton-Raphson and Goldschmidt from a table seed.

Sources: M. Flynn, "On division by functional iteration" (1970); R. Goldschmidt (1964); for the reciprocal root
J.-M. Muller et al., "Handbook of Floating-Point Arithmetic", 2nd edition (2018), section 4.7. Digit recurrence is
the circuit behind the tasks ``divide`` and ``sqrt``.
"""

from __future__ import annotations

from collections.abc import Callable

from alu_library.elementary.programs import (
    Operand,
    constant,
    copy_sign,
    exponent,
    has_bit,
    multiply_signs,
    pattern_index,
    scale,
    select,
    shift_right,
    significand,
    sqrt,
    table,
)

__all__ = [
    "divide", "divide_goldschmidt", "divide_newton", "iterations", "pow", "reciprocal", "reciprocal_goldschmidt",
    "reciprocal_newton", "root", "rsqrt", "rsqrt_newton", "sqrt_goldschmidt", "sqrt_newton",
]

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


def _reciprocal_of_significand(m: Operand, bits: float) -> Operand:
    y = _seed(m, lambda v: 1 / v)
    for _ in range(iterations(bits)):
        y = y + y * (1 - m * y)
    return y


def reciprocal(x: Operand, bits: float = 0) -> Operand:
    """1/x by the divider."""
    return 1 / x


def reciprocal_newton(x: Operand, bits: float) -> Operand:
    """1/m for the significand by y <- y + y (1 - m y), scaled back by the exponent."""
    y = _reciprocal_of_significand(significand(x), bits)
    return copy_sign(scale(y, -exponent(x)), x)


def divide(x: Operand, y: Operand, bits: float = 0) -> Operand:
    """x/y by the divider."""
    return x / y


def divide_newton(x: Operand, y: Operand, bits: float) -> Operand:
    """q = m_x · (1/m_y), and one correction q + (1/m_y) (m_x - m_y q)."""
    m_x, m_y = significand(x), significand(y)
    inverse = _reciprocal_of_significand(m_y, bits)
    q = m_x * inverse
    return _quotient(q + inverse * (m_x - m_y * q), x, y)


def _quotient(q: Operand, x: Operand, y: Operand) -> Operand:
    return multiply_signs(scale(q, exponent(x) - exponent(y)), x, y)


def divide_goldschmidt(x: Operand, y: Operand, bits: float) -> Operand:
    """Numerator and denominator are multiplied by the same factors 2 - d until the denominator is 1."""
    n, d = significand(x), significand(y)
    factor = _seed(d, lambda v: 1 / v)
    n, d = n * factor, d * factor
    for step in range(steps := iterations(bits)):
        factor = 2 - d
        n = n * factor
        if step + 1 < steps:  # the last denominator is not used
            d = d * factor
    return _quotient(n, x, y)


def reciprocal_goldschmidt(x: Operand, bits: float) -> Operand:
    """1/x by Goldschmidt's division."""
    return divide_goldschmidt(constant(x, 1), x, bits)


def _rsqrt_parts(x: Operand, bits: float) -> tuple[Operand, Operand, Operand]:
    """(y, m, h): y ~ 1/sqrt(m), x = m 4^h with m in [1, 4)."""
    e, m = exponent(x), significand(x)
    odd = has_bit(e, 0)
    seed = _seed(m, lambda v: v**-0.5)
    y = select(odd, seed * 0.5**0.5, seed)
    m = select(odd, scale(m, 1), m)
    half = scale(m, -1)
    for _ in range(iterations(bits)):
        y = y + y * (0.5 - half * (y * y))
    return y, m, shift_right(e, 1)


def rsqrt(x: Operand, bits: float = 0) -> Operand:
    """1/sqrt x by the circuits for root and division."""
    return 1 / sqrt(x)


def rsqrt_newton(x: Operand, bits: float) -> Operand:
    """1/sqrt m by y <- y + y (1/2 - m/2 y^2), scaled back by half the exponent."""
    y, _, h = _rsqrt_parts(x, bits)
    return scale(y, -h)


def root(x: Operand, bits: float = 0) -> Operand:
    """sqrt x by the circuit for it."""
    return sqrt(x)


def sqrt_newton(x: Operand, bits: float) -> Operand:
    """sqrt m = m y with y = 1/sqrt m, and one correction s + y/2 (m - s^2)."""
    y, m, h = _rsqrt_parts(x, bits)
    s = m * y
    return scale(s + scale(y, -1) * (m - s * s), h)


def sqrt_goldschmidt(x: Operand, bits: float) -> Operand:
    """g -> sqrt m and h -> 1/(2 sqrt m) together: g <- g + g r, h <- h + h r with r = 1/2 - g h."""
    e, m = exponent(x), significand(x)
    odd = has_bit(e, 0)
    seed = _seed(m, lambda v: v**-0.5)
    y = select(odd, seed * 0.5**0.5, seed)
    m = select(odd, scale(m, 1), m)
    g, h = m * y, scale(y, -1)
    for step in range(steps := iterations(bits)):
        r = 0.5 - g * h
        g = g + g * r
        if step + 1 < steps:
            h = h + h * r
    return scale(g, shift_right(e, 1))


def pow(x: Operand, y: Operand) -> Operand:
    """x^y = 2^(y log2 x) for x > 0. The product's rounding is magnified by the size of the exponent."""
    return x.reading.call("exp2", y * x.reading.call("log2", x))
