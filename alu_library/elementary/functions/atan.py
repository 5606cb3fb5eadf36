"""atan x."""

from __future__ import annotations

import math

from alu_library.elementary.coefficients import Fit, polynomial, split
from alu_library.elementary.common import horner, wide_enough
from alu_library.elementary.operations import absolute, copy_sign, less, maximum, minimum, select
from alu_library.elementary.programs import Operand
from alu_library.elementary.register import Function, composed, with_bits
from alu_library.formats import parse

__all__ = ["FUNCTION", "atan"]

_TAIL = Fit("atan", lambda mp, u: (mp.atan(mp.sqrt(u)) / mp.sqrt(u) - 1) / u,
            lambda mp, u: u * mp.sqrt(u) / mp.atan(mp.sqrt(u)))
"""atan r = r + r u p(u), u = r^2"""



def atan(x: Operand, bits: float) -> Operand:
    """atan |x| = atan t with t = |x| up to 1, and pi/2 - atan t with t = 1/|x| beyond: one division for both."""
    a = absolute(x)
    t = minimum(a, 1) / maximum(a, 1)
    u = t * t
    small = t + t * (u * horner(u, polynomial(_TAIL, 0, 1, bits)))
    if wide_enough(x.format, bits):
        return copy_sign(select(less(1, a), split("half_pi")[0] - small, small), x)
    high, rest = split("half_pi", parse(x.format).mantissa_bits)
    return copy_sign(select(less(1, a), high - (small - rest), small), x)


FUNCTION = Function(
    name="atan", algorithms={"polynomial": with_bits(atan)},
    formula=lambda s, x: s.atan(x),
    reference=lambda m, x: m.arctan(x),
    derivative=Function(
        name="atan_derivative", composed=True, algorithms=composed(lambda x: 1 / (1 + x * x)),
        growth=lambda t: math.exp(t / 2), reference=lambda m, x: 1 / (1 + x * x)),
)
