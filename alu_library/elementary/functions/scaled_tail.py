"""e^(a^2/2) Q(a), the slowly varying factor of the tail of the normal distribution.

The transformation is that of M. Shepherd and J. Laframboise, "Chebyshev approximation of (1 + 2x) exp(x^2) erfc x"
(1981).
"""

from __future__ import annotations

import math
from typing import Any

from alu_library.elementary.coefficients import Fit, polynomial
from alu_library.elementary.common import horner
from alu_library.elementary.gaussian import tail_end
from alu_library.elementary.programs import Operand
from alu_library.elementary.register import Function, Shape, with_bits

__all__ = ["FUNCTION", "scaled_tail"]

_CENTRE = 3.0
"""Where the two halves of the tail's argument meet: any value near 3 gives the shortest polynomials."""


def _of_argument(mp: Any, t: Any) -> Any:
    a = _CENTRE * (1 - t) / (1 + t)
    return mp.exp(a * a / 2) * mp.erfc(a / mp.sqrt(2)) / 2


_FACTOR = Fit("normal_tail", _of_argument)
"""e^(a^2/2) Q(a) = p(t), t = (c - a)/(c + a)"""



def scaled_tail(a: Operand, bits: float) -> Operand:
    """A polynomial in t = (c - a)/(c + a)."""
    end = tail_end(a.format)
    t = (_CENTRE - a) / (a + _CENTRE)
    return horner(t, polynomial(_FACTOR, (_CENTRE - end) / (_CENTRE + end), 1, bits))


FUNCTION = Function(
    name="scaled_tail", inner=True, algorithms={"polynomial": with_bits(scaled_tail)}, domain=(0.0, math.inf),
    # beyond 16 the factor e^(-a^2/2) in front of it is 0
    shape=Shape((0.5, -math.sqrt(0.5 / math.pi)), (0.0, 0.0), positive=True, highest=4),
    formula=lambda s, a: s.exp(a**2 / 2) * s.erfc(a / s.sqrt(2)) / 2,
)
