"""cos x: one quarter turn more than sin x."""

from __future__ import annotations

from alu_library.elementary import cordic
from alu_library.elementary.functions.sin import sine_and_cosine
from alu_library.elementary.programs import Operand, has_bit, select
from alu_library.elementary.reduction import quarter_turns
from alu_library.elementary.register import Function, composed, with_bits

__all__ = ["FUNCTION", "cos", "cos_cordic"]


def _chosen(n: Operand, sine: Operand, cosine: Operand) -> Operand:
    value = select(has_bit(n, 0), sine, cosine)
    return select(has_bit(n + 1, 1), -value, value)


def cos(x: Operand, bits: float) -> Operand:
    """cos x = sin(x + pi/2)."""
    n, r = quarter_turns(x)
    return _chosen(n, *sine_and_cosine(r, bits))


def cos_cordic(x: Operand, bits: float) -> Operand:
    """The same by circular rotation."""
    n, r = quarter_turns(x)
    return _chosen(n, *cordic.sine_and_cosine(r, bits))


FUNCTION = Function(
    name="cos", algorithms={"polynomial": with_bits(cos), "cordic": with_bits(cos_cordic)},
    formula=lambda s, x: s.cos(x),
    reference=lambda m, x: m.cos(x),
    derivative=Function(
        name="cos_derivative", composed=True, algorithms=composed(lambda x: -x.reading.call("sin", x)),
        reference=lambda m, x: -m.sin(x)),
)
