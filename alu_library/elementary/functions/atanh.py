"""atanh x."""

from __future__ import annotations

from alu_library.elementary.common import small_as_is
from alu_library.elementary.operations import absolute, copy_sign, scale
from alu_library.elementary.programs import Operand
from alu_library.elementary.register import Function, composed

__all__ = ["FUNCTION", "atanh"]


def atanh(x: Operand) -> Operand:
    """atanh |x| = log1p(2 |x| / (1 - |x|))/2."""
    a = absolute(x)
    return small_as_is(x, copy_sign(scale(x.reading.call("log1p", scale(a, 1) / (1 - a)), -1), x))


FUNCTION = Function(
    name="atanh", composed=True, algorithms=composed(atanh), domain=(-1.0, 1.0),
    formula=lambda s, x: s.atanh(x),
    reference=lambda m, x: m.arctanh(x),
    derivative=Function(
        name="atanh_derivative", composed=True, algorithms=composed(lambda x: 1 / ((1 - x) * (1 + x))),
        domain=(-1.0, 1.0), reference=lambda m, x: 1 / ((1 - x) * (1 + x))),
)
