"""CORDIC: exponentials, sines and cosines from additions and shifts of fixed-point integers.

Sources: J. Volder, "The CORDIC trigonometric computing technique" (1959); J. Walther, "A unified algorithm for
elementary functions" (1971), for the hyperbolic mode, whose steps 4, 13, 40 are done twice so that it converges.
A fixed-point result keeps an absolute accuracy: next to a zero its relative error grows.
"""

from __future__ import annotations

import math

from alu_library.elementary.operations import from_fixed, is_negative, negate_if, shift_right, to_fixed
from alu_library.elementary.programs import Operand

__all__ = ["exponential", "sine_and_cosine"]

_GUARD_BITS = 5  # the shifts drop up to one unit at each of some thirty steps
_REPEATED = (4, 13, 40)


def _rotate(angle: Operand, steps: list[tuple[int, float]], gain: float, hyperbolic: bool,
            fraction: int) -> tuple[Operand, Operand]:
    """(cos, sin) of the angle, or (cosh, sinh): one turn by ± each step's angle, whose tangent is a power of two."""
    def fixed(value: float) -> Operand:
        return angle.reading.constant(round(math.ldexp(value, fraction)), angle.format)

    x, y, z = fixed(1 / gain), fixed(0), angle
    for shift, step in steps:
        down = is_negative(z)
        turned_x, turned_y = negate_if(shift_right(y, shift), down), negate_if(shift_right(x, shift), down)
        x, y = (x + turned_x if hyperbolic else x - turned_x), y + turned_y
        z = z - negate_if(fixed(step), down)
    return x, y


def _fraction(bits: float) -> tuple[int, str]:
    fraction = math.ceil(bits) + _GUARD_BITS
    return fraction, f"int{fraction + 3}"


def exponential(r: Operand, bits: float) -> Operand:
    """e^r = cosh r + sinh r by hyperbolic rotation, |r| <= ln 2 / 2."""
    fraction, integer = _fraction(bits)
    shifts = sorted([*range(1, fraction - 1), *(i for i in _REPEATED if i < fraction - 1)])
    gain = math.prod(math.sqrt(1 - 4.0**-i) for i in shifts)
    steps = [(i, math.atanh(2.0**-i)) for i in shifts]
    c, s = _rotate(to_fixed(r, fraction, integer), steps, gain, True, fraction)
    return from_fixed(c + s, fraction, r.format)


def sine_and_cosine(r: Operand, bits: float) -> tuple[Operand, Operand]:
    """sin r and cos r by circular rotation, |r| <= pi/4."""
    fraction, integer = _fraction(bits)
    shifts = range(fraction - 1)
    gain = math.prod(math.sqrt(1 + 4.0**-i) for i in shifts)
    c, s = _rotate(to_fixed(r, fraction, integer), [(i, math.atan(2.0**-i)) for i in shifts], gain, False, fraction)
    return from_fixed(s, fraction, r.format), from_fixed(c, fraction, r.format)
