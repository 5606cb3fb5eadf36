"""cos x: one quarter turn more than sin x."""

from __future__ import annotations

import math

from alu_library.elementary import cordic
from alu_library.elementary.functions.sin import number_or_nan, sine_and_cosine
from alu_library.elementary.operations import absolute, constant, has_bit, is_zero, select
from alu_library.elementary.programs import Operand
from alu_library.elementary.reduction import LAST_TURN, quarter_turns
from alu_library.elementary.register import Function, composed, with_bits

__all__ = ["FUNCTION", "cos", "cos_cordic"]


def _chosen(x: Operand, n: Operand, sine: Operand, cosine: Operand) -> Operand:
    value = select(has_bit(n, 0), sine, cosine)
    return number_or_nan(x, select(has_bit(n + 1, 1), -value, value))


def cos(x: Operand, bits: float) -> Operand:
    """cos x = sin(x + pi/2)."""
    n, r = quarter_turns(absolute(x))
    return _chosen(x, n, *sine_and_cosine(r, bits))


def cos_cordic(x: Operand, bits: float) -> Operand:
    """The same by circular rotation."""
    n, r = quarter_turns(absolute(x))
    return select(is_zero(x), constant(x, 1), _chosen(x, n, *cordic.sine_and_cosine(r, bits)))


FUNCTION = Function(
    name="cos", algorithms={"polynomial": with_bits(cos), "cordic": with_bits(cos_cordic)},
    growth=lambda t: LAST_TURN, limits=(math.nan, math.nan),
    formula=lambda s, x: s.cos(x),
    reference=lambda m, x: m.cos(x),
    derivative=Function(
        name="cos_derivative", composed=True, growth=lambda t: LAST_TURN, limits=(math.nan, math.nan),
        algorithms=composed(lambda x: -x.reading.call("sin", x)),
        reference=lambda m, x: -m.sin(x)),
)
