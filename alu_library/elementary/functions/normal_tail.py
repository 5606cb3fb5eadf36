"""The probability that a normal variable exceeds a, for a >= 0 held where it is no number any more."""

from __future__ import annotations

import math

from alu_library.elementary.gaussian import tail_and_density
from alu_library.elementary.programs import Operand
from alu_library.elementary.register import Function, with_bits

__all__ = ["FUNCTION", "normal_tail"]


def normal_tail(a: Operand, bits: float) -> Operand:
    """Q(a) = erfc(a/sqrt 2)/2."""
    return tail_and_density(a, bits)[0]


FUNCTION = Function(
    name="normal_tail", inner=True, algorithms={"polynomial": with_bits(normal_tail)}, domain=(0.0, math.inf),
    formula=lambda s, a: (1 - s.erf(a / s.sqrt(2))) / 2,
)
