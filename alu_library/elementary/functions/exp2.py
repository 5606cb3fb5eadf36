"""2^x."""

from __future__ import annotations

import math

from alu_library.elementary.coefficients import Fit, polynomial
from alu_library.elementary.common import horner, rescaled
from alu_library.elementary.operations import nearest_integer, to_float
from alu_library.elementary.programs import Operand
from alu_library.elementary.reduction import limited
from alu_library.elementary.register import Function, composed, with_bits

__all__ = ["FUNCTION", "exp2"]

_SLOPE = Fit("exp2", lambda mp, r: (mp.power(2, r) - 1) / r, lambda mp, r: abs(r) * mp.power(2, -r))
"""2^r = 1 + r p(r)"""



def exp2(x: Operand, bits: float) -> Operand:
    """2^x = 2^n 2^r with n = round(x), so the reduction is exact."""
    x = limited(x, 1)
    n = nearest_integer(x)
    r = x - to_float(n, x.format)
    return rescaled(1 + r * horner(r, polynomial(_SLOPE, -0.5, 0.5, bits)), n)


FUNCTION = Function(
    name="exp2", algorithms={"polynomial": with_bits(exp2)},
    formula=lambda s, x: 2**x,
    reference=lambda m, x: m.exp2(x),
    derivative=Function(
        name="exp2_derivative", composed=True, of_result=True, algorithms=composed(lambda y: y * math.log(2)),
        domain=(0.0, math.inf), formula=lambda s, y: y * s.log(2), reference=lambda m, y: y * math.log(2)),
)
