"""tan x."""

from __future__ import annotations

import math

from alu_library.elementary.functions.sin import number_or_nan, sine_and_cosine
from alu_library.elementary.operations import absolute, has_bit, is_negative, select
from alu_library.elementary.programs import Operand
from alu_library.elementary.reduction import LAST_TURN, quarter_turns
from alu_library.elementary.register import Function, composed, with_bits

__all__ = ["FUNCTION", "tan"]


def tan(x: Operand, bits: float) -> Operand:
    """tan x = sin r / cos r, or -cos r / sin r after an odd number of quarter turns."""
    n, r = quarter_turns(absolute(x))
    sine, cosine = sine_and_cosine(r, bits)
    odd = has_bit(n, 0)
    value = select(odd, -cosine, sine) / select(odd, sine, cosine)
    return number_or_nan(x, select(is_negative(x), -value, value))


FUNCTION = Function(
    name="tan", algorithms={"polynomial": with_bits(tan)},
    growth=lambda t: LAST_TURN, limits=(math.nan, math.nan),
    formula=lambda s, x: s.tan(x),
    reference=lambda m, x: m.tan(x),
    derivative=Function(
        name="tan_derivative", composed=True, of_result=True, algorithms=composed(lambda y: 1 + y * y),
        formula=lambda s, y: 1 + y * y, reference=lambda m, y: 1 + y * y),
)
