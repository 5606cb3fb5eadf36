"""sin x: reduced to a quarter turn, then two polynomials, or CORDIC."""

from __future__ import annotations

import math

from alu_library.elementary import cordic
from alu_library.elementary.coefficients import Fit, polynomial
from alu_library.elementary.common import horner, small_as_is
from alu_library.elementary.operations import absolute, constant, has_bit, is_finite, is_negative, scale, select
from alu_library.elementary.programs import Operand
from alu_library.elementary.reduction import LAST_TURN, quarter_turns
from alu_library.elementary.register import Function, composed, with_bits

__all__ = ["FUNCTION", "number_or_nan", "sin", "sin_cordic", "sine_and_cosine"]

_SINE = Fit("sin", lambda mp, u: (mp.sin(mp.sqrt(u)) / mp.sqrt(u) - 1) / u, lambda mp, u: u)
"""sin r = r + r u p(u), u = r^2"""

_COSINE = Fit("cos", lambda mp, u: (mp.cos(mp.sqrt(u)) - 1 + u / 2) / u**2, lambda mp, u: u**2 / mp.cos(mp.sqrt(u)))
"""cos r = 1 - u/2 + u^2 p(u)"""


_QUARTER = (math.pi / 4) ** 2 * 1.0001


def sine_and_cosine(r: Operand, bits: float) -> tuple[Operand, Operand]:
    """sin r and cos r for |r| <= pi/4."""
    u = r * r
    sine = r + r * (u * horner(u, polynomial(_SINE, 0, _QUARTER, bits)))
    cosine = 1 - (scale(u, -1) - u * u * horner(u, polynomial(_COSINE, 0, _QUARTER, bits)))
    return sine, cosine


def number_or_nan(x: Operand, value: Operand) -> Operand:
    """``value`` for a number, NaN for an infinity and for NaN: a turn has no end."""
    return select(is_finite(x), value, constant(value, math.nan))


def _chosen(x: Operand, n: Operand, sine: Operand, cosine: Operand) -> Operand:
    value = select(has_bit(n, 0), cosine, sine)
    value = select(has_bit(n, 1), -value, value)
    return number_or_nan(x, select(is_negative(x), -value, value))


def sin(x: Operand, bits: float) -> Operand:
    """sin |x| = ± sin r or ± cos r, by the two low bits of the number of quarter turns."""
    n, r = quarter_turns(absolute(x))
    return _chosen(x, n, *sine_and_cosine(r, bits))


def sin_cordic(x: Operand, bits: float) -> Operand:
    """The same by circular rotation."""
    n, r = quarter_turns(absolute(x))
    return small_as_is(x, _chosen(x, n, *cordic.sine_and_cosine(r, bits)))


FUNCTION = Function(
    name="sin", algorithms={"polynomial": with_bits(sin), "cordic": with_bits(sin_cordic)},
    growth=lambda t: LAST_TURN, limits=(math.nan, math.nan),
    formula=lambda s, x: s.sin(x),
    reference=lambda m, x: m.sin(x),
    derivative=Function(
        name="sin_derivative", composed=True, growth=lambda t: LAST_TURN, limits=(math.nan, math.nan),
        algorithms=composed(lambda x: x.reading.call("cos", x)),
        reference=lambda m, x: m.cos(x)),
)
