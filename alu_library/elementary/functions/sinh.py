"""sinh x."""

from __future__ import annotations

from alu_library.elementary.common import small_as_is
from alu_library.elementary.functions.cosh import cosh
from alu_library.elementary.operations import absolute, copy_sign, is_finite, scale, select
from alu_library.elementary.programs import Operand
from alu_library.elementary.register import Function, composed

__all__ = ["FUNCTION", "sinh"]


def sinh(x: Operand) -> Operand:
    """sinh |x| = (m + m/(m + 1))/2 with m = e^|x| - 1."""
    m = x.reading.call("expm1", absolute(x))
    twice = select(is_finite(m), m + m / (m + 1), m)
    return small_as_is(x, copy_sign(scale(twice, -1), x))


FUNCTION = Function(
    name="sinh", composed=True, algorithms=composed(sinh), growth=lambda t: t, digits=True,
    formula=lambda s, x: s.sinh(x),
    reference=lambda m, x: m.sinh(x),
    derivative=Function(
        name="sinh_derivative", composed=True, algorithms=composed(cosh), growth=lambda t: t,
        reference=lambda m, x: m.cosh(x)),
)
