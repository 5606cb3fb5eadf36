"""log(1 + x)."""

from __future__ import annotations

import math

from alu_library.elementary.common import as_logarithm, small_as_is
from alu_library.elementary.functions.log import log_of_positive
from alu_library.elementary.operations import absolute, less, select
from alu_library.elementary.programs import Operand
from alu_library.elementary.register import Function, composed, with_bits

__all__ = ["FUNCTION", "log1p"]


def log1p(x: Operand, bits: float) -> Operand:
    """log(1 + x) = log(u) + (x - (u - 1))/u with u = 1 + x rounded: what the rounding lost is put back."""
    u = x + 1
    lost = select(less(absolute(x), 1), x - (u - 1), 1 - (u - x))
    return small_as_is(x, as_logarithm(u, log_of_positive(u, bits) + lost / u))


FUNCTION = Function(
    name="log1p", algorithms={"polynomial": with_bits(log1p)}, domain=(-1.0, math.inf),
    formula=lambda s, x: s.log(1 + x),
    reference=lambda m, x: m.log1p(x),
    derivative=Function(
        name="log1p_derivative", composed=True, algorithms=composed(lambda x: 1 / (1 + x)), domain=(-1.0, math.inf),
        reference=lambda m, x: 1 / (1 + x)),
)
