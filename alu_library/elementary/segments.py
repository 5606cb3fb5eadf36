"""Any smooth function from one table: pieces as wide as their binade demands, a short polynomial in each.

The leading bits of the argument's own bit pattern (exponent and some fraction bits) address the table, so pieces
near zero are narrow and a relative accuracy is kept there (the float-indexed tables of Tang, 1991, and of graphics
hardware: Oberman and Siu, 2005). One row below the first binade holds the tangent at zero, one beyond the last holds
the asymptote. A piecewise-linear look-up table is the case of degree 1.
"""

from __future__ import annotations

import math
from functools import cache

from alu_library.elementary.operations import (
    absolute,
    bit_pattern,
    constant,
    copy_sign,
    is_infinite,
    is_negative,
    maximum,
    minimum,
    pattern_index,
    select,
    table,
)
from alu_library.elementary.programs import EXPONENT, Operand
from alu_library.elementary.register import Shape, find
from alu_library.formats import decode, parse

__all__ = ["LARGEST_TABLE", "WIDEST", "fraction_bits", "lookup", "segments"]

LARGEST_TABLE = 1024
"""Entries beyond which a table is no algorithm."""

WIDEST = 40
"""Fraction bits of the widest internal format: coefficients are kept in float64, and a guard remains."""


def _shape(name: str) -> Shape:
    shape = find(name).shape
    if shape is None:
        raise ValueError(f"{name} does not become a straight line on both sides: it has no table of pieces")
    return shape


def fraction_bits(name: str, bits: float, degree: int) -> int | None:
    """Pieces for each binade, as a power of two, that a polynomial of ``degree`` needs for ``bits``; None if the table
    would have more than LARGEST_TABLE entries. By the remainder of Chebyshev interpolation on a piece of relative
    width w: 2 (w/4)^(degree + 1)/(degree + 1)!, derivatives of order one assumed (the table is measured anyway)."""
    shape = _shape(name)
    for cut in range(1, 8):
        remainder = 2 * (2.0**-cut / 4) ** (degree + 1) / math.factorial(degree + 1)
        if remainder <= 2.0**-bits:
            pieces = (shape.highest - _lowest(bits)) << cut
            return cut if (pieces + 2) * shape.halves <= LARGEST_TABLE else None
    return None


def _lowest(bits: float) -> int:
    """The tangent serves below 2^lowest: there the second-order term is below 2^-bits."""
    return -math.ceil(bits / 2)


def lookup(x: Operand, name: str) -> Operand:
    """The function of a word of at most 8 bits: a table of its value for every bit pattern, each correctly rounded."""
    word, = table(bit_pattern(x), _words(name, x.format), x.format)
    return word


@cache
def _words(name: str, format: str) -> list[list[float]]:
    return [[_value(name, float(x))] for x in decode(format, range(1 << parse(format).bits))]


def _value(name: str, x: float) -> float:
    """The function at x, rounded to float64; NaN where it has no real value."""
    import numpy as np

    from alu_library.elementary.references import exactly, in_float64

    try:
        value = float(exactly(name, x)) if math.isfinite(x) else math.inf
        with np.errstate(all="ignore"):  # zero has no sign in mpmath, nor has a pole, and the ends have no value
            return value if math.isfinite(value) and value else float(in_float64(name)(np.float64(x)))
    except (TypeError, ValueError):  # a complex result, or an argument that mpmath refuses
        return math.nan


def segments(x: Operand, name: str, bits: float, degree: int) -> Operand:
    """The function called ``name`` by one table read and a polynomial in the distance from its piece's middle."""
    shape, cut = _shape(name), fraction_bits(name, bits, degree)
    if cut is None:
        raise ValueError(f"{name} to {bits} bits by pieces of degree {degree} needs more than {LARGEST_TABLE} entries")
    if parse(x.format).mantissa_bits > WIDEST:
        raise ValueError(f"pieces are kept in float64: use an internal format of at most {WIDEST} fraction bits")
    rows = _rows(name, _lowest(bits), cut, degree)
    half = len(rows) // shape.halves
    a = absolute(x) if shape.odd else x
    index = minimum(maximum(pattern_index(x, _lowest(bits), cut) + 1, 0), half - 1)
    if shape.halves == 2:  # the sign bit chooses the half of the table
        index = select(is_negative(x), index + x.reading.constant(half, EXPONENT), index)
    middle, *c = table(index, rows, x.format)
    d = a - middle
    value = c[-1]
    for column in reversed(c[:-1]):
        value = value * d + column
    value = select(is_infinite(x), _beyond(x, shape), value)
    return copy_sign(value, x) if shape.odd else value


def _beyond(x: Operand, shape: Shape) -> Operand:
    """The value at infinity of either sign: an asymptote's own, or infinite."""
    right, left = (constant(x, math.inf * sign if slope else value)
                   for (value, slope), sign in ((shape.right, 1), (shape.left, -1)))
    return select(is_negative(x), left, right) if shape.halves == 2 else right


@cache
def _rows(name: str, lowest: int, cut: int, degree: int) -> list[list[float]]:
    shape = _shape(name)
    signs = (1.0, -1.0)[: shape.halves]
    return [row for sign in signs for row in _half(name, shape, sign, lowest, cut, degree)]


def _half(name: str, shape: Shape, sign: float, lowest: int, cut: int, degree: int) -> list[list[float]]:
    """Rows (middle, c0, c1, ...) for one sign: the tangent at zero, the pieces, the asymptote."""
    def line(value: float, slope: float) -> list[float]:
        return [0.0, value, slope, *[0.0] * (degree - 1)]

    pieces = [
        _piece(name, sign * start, sign * (start + 2.0 ** (binade - cut)), degree)
        for binade in range(lowest, shape.highest) for start in
        (2.0**binade + i * 2.0 ** (binade - cut) for i in range(1 << cut))
    ]
    value, slope = shape.at_zero
    # a function that is 0 there keeps the sign of zero
    return [line(value or math.copysign(value, sign), slope), *pieces, line(*(shape.right if sign > 0 else shape.left))]


def _piece(name: str, start: float, end: float, degree: int) -> list[float]:
    """Coefficients about the middle of [start, end], by interpolation at Chebyshev nodes (divided differences)."""
    from alu_library.elementary.references import exactly

    middle, half = (start + end) / 2, abs(end - start) / 2
    nodes = [half * math.cos(math.pi * (k + 0.5) / (degree + 1)) for k in range(degree + 1)]
    import mpmath

    values = [exactly(name, middle + d) for d in nodes]
    for order in range(1, degree + 1):
        for k in range(degree, order - 1, -1):
            values[k] = (values[k] - values[k - 1]) / (mpmath.mpf(nodes[k]) - nodes[k - order])
    c = [values[degree]]
    for k in range(degree - 1, -1, -1):  # Newton's form, expanded
        c = [values[k] - c[0] * nodes[k], *(c[i - 1] - c[i] * nodes[k] for i in range(1, len(c))), c[-1]]
    return [middle, *(float(v) for v in c)]
