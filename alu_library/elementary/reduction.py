"""Range reductions that several functions share.

Sources: W. Cody and W. Waite, "Software Manual for the Elementary Functions" (1980), for the reduction with a
constant in two or three parts; J.-M. Muller, "Elementary Functions", 3rd edition (2016), chapter 11.
"""

from __future__ import annotations

import math

from alu_library.elementary.coefficients import split
from alu_library.elementary.common import wide_enough
from alu_library.elementary.programs import Operand, maximum, minimum, nearest_integer, to_float
from alu_library.formats import parse

__all__ = ["LN2", "limited", "quarter_turns", "reduced", "without_multiples"]

LN2 = math.log(2)


def limited(x: Operand, one: float) -> Operand:
    """x held where e^x (``one`` = ln 2; 2^x with 1) is a number: what is beyond becomes 0 or infinity all the same."""
    f = parse(x.format)
    return maximum(minimum(x, (1 - f.minimum_exponent + 2) * one), (f.minimum_exponent - f.mantissa_bits - 2) * one)


def without_multiples(x: Operand, n: Operand, share: float, bits: float) -> Operand:
    """x - n · share · ln 2: the first part is so short that its product with n is exact."""
    f = parse(x.format)
    if wide_enough(x.format, bits):
        return x - n * (split("ln2")[0] * share)
    first, rest = split("ln2", f.mantissa_bits - f.exponent_bits - round(math.log2(1 / share)))
    return (x - n * (first * share)) - n * (rest * share)


def reduced(x: Operand, bits: float) -> tuple[Operand, Operand]:
    """(n, r): x = n ln 2 + r with n = round(x / ln 2), so |r| <= ln 2 / 2."""
    x = limited(x, LN2)
    n = nearest_integer(x * split("log2_e")[0])
    return n, without_multiples(x, to_float(n, x.format), 1, bits)


def quarter_turns(x: Operand) -> tuple[Operand, Operand]:
    """n = round(x / (pi/2)) and x - n pi/2, |.| <= pi/4."""
    f = parse(x.format)
    width = f.mantissa_bits // 2
    n = nearest_integer(x * (1 / split("half_pi")[0]))
    turns = to_float(n, x.format)
    for part in split("half_pi", width, width, f.mantissa_bits):
        x = x - turns * part
    return n, x
