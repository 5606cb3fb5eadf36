"""e^x - 1."""

from __future__ import annotations

import math

from alu_library.elementary.coefficients import Fit, polynomial, split
from alu_library.elementary.common import horner, small_as_is
from alu_library.elementary.operations import maximum, minimum, nearest_integer, scale, to_float
from alu_library.elementary.programs import Operand
from alu_library.elementary.reduction import LN2, without_multiples
from alu_library.elementary.register import Function, composed, with_bits
from alu_library.formats import parse

__all__ = ["FUNCTION", "expm1"]

_TAIL = Fit("expm1", lambda mp, r: (mp.expm1(r) - r) / r**2, lambda mp, r: abs(r**2 / mp.expm1(r)))
"""e^r - 1 = r + r^2 p(r), whose relative error counts"""



def expm1(x: Operand, bits: float) -> Operand:
    """e^x - 1 = 2^n ((e^r - 1) + (1 - 2^-n)): exact in the small, because n is 0 there."""
    f = parse(x.format)
    whole = x
    x = maximum(minimum(x, (1 - f.minimum_exponent + 2) * LN2), -(f.mantissa_bits + 3) * LN2)
    n = nearest_integer(x * split("log2_e")[0])
    r = without_multiples(x, to_float(n, x.format), 1, bits)
    p = polynomial(_TAIL, -LN2 / 2, LN2 / 2, bits)
    tail = r + r * r * horner(r, p)
    missing = 1 - scale(x.reading.constant(1, x.format), -n)
    return small_as_is(whole, scale(tail + missing, n))


FUNCTION = Function(
    name="expm1", algorithms={"polynomial": with_bits(expm1)}, digits=True,
    formula=lambda s, x: s.exp(x) - 1,
    reference=lambda m, x: m.expm1(x),
    derivative=Function(
        name="expm1_derivative", composed=True, of_result=True, algorithms=composed(lambda y: y + 1),
        domain=(-1.0, math.inf), formula=lambda s, y: 1 + y, reference=lambda m, y: 1 + y),
)
