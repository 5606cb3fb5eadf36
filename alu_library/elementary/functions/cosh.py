"""cosh x."""

from __future__ import annotations

from alu_library.elementary.operations import absolute, scale
from alu_library.elementary.programs import Operand
from alu_library.elementary.register import Function, composed

__all__ = ["FUNCTION", "cosh"]


def cosh(x: Operand) -> Operand:
    """cosh x = (e + 1/e)/2 with e = e^|x|."""
    e = x.reading.call("exp", absolute(x))
    return scale(e + 1 / e, -1)


FUNCTION = Function(
    name="cosh", composed=True, algorithms=composed(cosh), growth=lambda t: t, digits=True,
    formula=lambda s, x: s.cosh(x),
    reference=lambda m, x: m.cosh(x),
    derivative=Function(
        name="cosh_derivative", composed=True, growth=lambda t: t,
        algorithms=composed(lambda x: x.reading.call("sinh", x)), reference=lambda m, x: m.sinh(x)),
)
