"""Range reductions that several functions share.

Sources: W. Cody and W. Waite, "Software Manual for the Elementary Functions" (1980), for the reduction with a
constant in two or three parts; M. Payne and R. Hanek, "Radian reduction for trigonometric functions" (1983), for
arguments of any size.
"""

from __future__ import annotations

import math
from functools import cache

from alu_library.elementary.coefficients import split
from alu_library.elementary.common import fields, wide_enough
from alu_library.elementary.operations import (
    from_fixed,
    integer_product,
    less,
    low_bits,
    maximum,
    minimum,
    nearest_integer,
    select,
    shift_left,
    shift_right,
    table,
    to_fixed,
    to_float,
)
from alu_library.elementary.programs import Operand
from alu_library.formats import parse

__all__ = ["LAST_TURN", "LN2", "limited", "quarter_turns", "reduced", "without_multiples"]

LN2 = math.log(2)
LAST_TURN = 2.0**26
"""Arguments up to which the reduction in three parts serves fp64."""
_LIMB = 24  # bits: a product with a significand of 24 bits is exact in 53
_LONGEST = 24  # bits of a significand that is reduced for arguments of any size


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
    """(n, r) for x >= 0: x = n pi/2 + r modulo 2 pi, |r| <= pi/4; right for every number of up to 32 bits."""
    if parse(x.reading.source or x.format).mantissa_bits + 1 > _LONGEST:
        return _in_three_parts(x)
    n, turn = _turns(x)
    near = less(x, math.pi / 4)  # subnormal numbers among them
    return select(near, x.reading.constant(0, n.format), n), select(near, x, turn * (math.pi / 2))


def _in_three_parts(x: Operand) -> tuple[Operand, Operand]:
    """Cody and Waite: good while the count of quarter turns times the first part of pi/2 stays exact."""
    f = parse(x.format)
    width = f.mantissa_bits // 2
    n = to_fixed(x * (1 / split("half_pi")[0]), 0, "int32")
    turns = to_float(n, x.format)
    for part in split("half_pi", width, width, f.mantissa_bits):
        x = x - turns * part
    return n, x


def _turns(x: Operand) -> tuple[Operand, Operand]:
    """(n, t) with x 2/pi = n + t modulo 4, |t| <= 1/2: the reduction of Payne and Hanek in one table.

    x = m 2^e with an integer m. The table holds, for every e, 2^e 2/pi modulo 4 in limbs short enough for their product
    with m to be an integer of the machine; what m times it exceeds 4 by falls off at the top.
    """
    source, f = parse(x.reading.source or x.format), parse(x.format)
    bits = source.mantissa_bits + 1
    # x comes as close to a multiple of pi/2 as there are numbers: the fraction needs that many bits twice, and guards.
    limbs = max(2, math.ceil((3 * bits + source.exponent_bits + 8) / _LIMB))
    limb = math.ceil((3 * bits + source.exponent_bits + 8) / limbs)
    e, significant = fields(x)
    m = to_fixed(significant, bits - 1, f"uint{max(limb, bits)}")
    rows = _two_over_pi(bits, source.minimum_exponent, limb, limbs)
    carry: Operand | None = None
    low: list[Operand] = []
    for part in reversed(table(e + 1, rows, f"uint{limb}")):
        product = integer_product(m, part)
        product = product if carry is None else product + carry
        low.insert(0, low_bits(product, limb))
        carry = shift_right(product, limb)
    top = low[0] + 2.0 ** (limb - 3)  # half a turn more, so that cutting rounds
    signed = shift_left(low_bits(top, limb - 2) - 2.0 ** (limb - 3), limb) + low[1]
    turn = from_fixed(signed, 2 * limb - 2, f.name)
    if limbs > 2:
        turn = turn + from_fixed(low[2], 3 * limb - 2, f.name)
    return shift_right(top, limb - 2), turn


@cache
def _two_over_pi(bits: int, minimum_exponent: int, limb: int, limbs: int) -> list[list[float]]:
    """floor(2^(e - bits + 1) 2/pi 2^F) modulo 2^(F + 2) in limbs, for e = -1 up to the largest exponent."""
    import mpmath

    fraction = limb * limbs - 2
    rows = []
    with mpmath.workprec(fraction + 2 * (2 - minimum_exponent)):
        for e in range(-1, 2 - minimum_exponent):
            word = int(mpmath.floor(mpmath.ldexp(2 / mpmath.pi, e - bits + 1 + fraction))) % (1 << (fraction + 2))
            rows.append([float(word >> limb * i & (1 << limb) - 1) for i in reversed(range(limbs))])
    return rows
