"""The normal density and tail, whose exponent is kept in two parts: one of 80 magnifies its rounding 80 times."""

from __future__ import annotations

import math

from alu_library.elementary.common import wide_enough
from alu_library.elementary.operations import truncate
from alu_library.elementary.programs import Operand
from alu_library.formats import parse

__all__ = ["gaussian", "gaussian_end", "tail_and_density", "tail_end"]


def gaussian(a: Operand, factor: float, bits: float) -> Operand:
    """e^(-factor a^2), a >= 0, with the exponent in two parts unless the format has bits to spare."""
    if wide_enough(a.format, bits):
        return a.reading.call("exp", -(a * a * factor) if factor != 1 else -(a * a))
    high = truncate(a, parse(a.format).mantissa_bits // 2)
    low = (a - high) * (a + high)
    if factor == 1:
        return a.reading.call("exp_sum", -(high * high), -low)
    return a.reading.call("exp_sum", high * high * -factor, low * -factor)


def tail_and_density(a: Operand, bits: float) -> tuple[Operand, Operand]:
    """Q(a), and the e^(-a^2/2) it was made from, for a held at ``tail_end``."""
    e = gaussian(a, 0.5, bits)
    return e * a.reading.call("scaled_tail", a), e


def tail_end(format: str) -> float:
    """Beyond it e^(-a^2/2) is below the smallest number of the format."""
    f = parse(format)
    return 1.0 + math.sqrt(2 * math.log(2) * (f.mantissa_bits - f.minimum_exponent))


def gaussian_end(t: float) -> float:
    """Where the normal tail falls to e^-t: Q(a) < e^(-a^2/2)/(a sqrt(2 pi))."""
    a = math.sqrt(2 * t)
    return math.sqrt(2 * (t - math.log(a * math.sqrt(2 * math.pi))))
