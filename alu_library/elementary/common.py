"""What the elementary functions share."""

from __future__ import annotations

from collections.abc import Sequence

from alu_library.elementary.programs import Operand, absolute, less, select
from alu_library.formats import parse

__all__ = ["horner", "wide_enough", "within"]

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
