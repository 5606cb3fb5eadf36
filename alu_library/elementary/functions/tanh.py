"""tanh x."""

from __future__ import annotations

from alu_library.elementary.common import small_as_is, subnormals_are_normal
from alu_library.elementary.operations import absolute, copy_sign, minimum, scale
from alu_library.elementary.programs import Operand
from alu_library.elementary.reduction import LN2
from alu_library.elementary.register import Function, Shape, composed
from alu_library.formats import parse

__all__ = ["FUNCTION", "tanh"]

def tanh(x: Operand) -> Operand:
    """tanh |x| = m/(m + 2) with m = e^(2 |x|) - 1."""
    is_one = (parse(x.format).mantissa_bits + 4) * LN2  # 1 - tanh is 2 e^-2|x|: it rounds to 1 by then
    m = x.reading.call("expm1", minimum(scale(absolute(x), 1), is_one))
    value = copy_sign(m / (m + 2), x)
    return value if subnormals_are_normal(x) else small_as_is(x, value)


FUNCTION = Function(
    name="tanh", composed=True, algorithms=composed(tanh), activation=True, digits=True,
    shape=Shape((0.0, 1.0), (1.0, 0.0), odd=True, highest=4),
    formula=lambda s, x: s.tanh(x),
    reference=lambda m, x: m.tanh(x),
    derivative=Function(
        name="tanh_derivative", composed=True, of_result=True, algorithms=composed(lambda y: (1 - y) * (1 + y)),
        domain=(-1.0, 1.0), formula=lambda s, y: 1 - y * y, reference=lambda m, y: (1 - y) * (1 + y)),
)
