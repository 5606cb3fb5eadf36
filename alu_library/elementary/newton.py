"""Newton-Raphson and Goldschmidt iterations from a table seed, for quotients and roots without a divider.

Sources: M. Flynn, "On division by functional iteration" (1970); R. Goldschmidt (1964); for the reciprocal root
J.-M. Muller et al., "Handbook of Floating-Point Arithmetic", 2nd edition (2018), section 4.7.
"""

from __future__ import annotations

from collections.abc import Callable

from alu_library.elementary.programs import (
    Operand,
    exponent,
    has_bit,
    multiply_signs,
    pattern_index,
    scale,
    select,
    shift_right,
    significand,
    table,
)

__all__ = ["goldschmidt", "inverse", "inverse_root", "iterations", "quotient", "root_parts"]

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


def quotient(q: Operand, x: Operand, y: Operand) -> Operand:
    """The quotient of the significands of x and y with the exponent and the sign of x/y."""
    return multiply_signs(scale(q, exponent(x) - exponent(y)), x, y)


def goldschmidt(x: Operand, y: Operand, bits: float) -> Operand:
    """x/y: numerator and denominator are multiplied by the same factors 2 - d until the denominator is 1."""
    n, d = significand(x), significand(y)
    factor = _seed(d, lambda v: 1 / v)
    n, d = n * factor, d * factor
    for step in range(steps := iterations(bits)):
        factor = 2 - d
        n = n * factor
        if step + 1 < steps:  # the last denominator is not used
            d = d * factor
    return quotient(n, x, y)


def root_parts(x: Operand) -> tuple[Operand, Operand, Operand]:
    """(y, m, e): y a seed of 1/sqrt(m), and x = m 4^(e/2) with m in [1, 4)."""
    e, m = exponent(x), significand(x)
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
