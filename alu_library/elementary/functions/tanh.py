"""tanh x."""

from __future__ import annotations

from alu_library.elementary.programs import Operand, absolute, copy_sign, minimum, scale
from alu_library.elementary.register import Function, Shape, composed

__all__ = ["FUNCTION", "tanh"]

_IS_ONE = 40.0  # 1 - tanh 20 < 2^-56: beyond, e^(2 |x|) - 1 need not grow


def tanh(x: Operand) -> Operand:
    """tanh |x| = m/(m + 2) with m = e^(2 |x|) - 1."""
    m = x.reading.call("expm1", minimum(scale(absolute(x), 1), _IS_ONE))
    return copy_sign(m / (m + 2), x)


FUNCTION = Function(
    name="tanh", composed=True, algorithms=composed(tanh), activation=True, digits=True,
    shape=Shape((0.0, 1.0), (1.0, 0.0), odd=True, highest=4),
    formula=lambda s, x: s.tanh(x),
    reference=lambda m, x: m.tanh(x),
    derivative=Function(
        name="tanh_derivative", composed=True, of_result=True, algorithms=composed(lambda y: (1 - y) * (1 + y)),
        domain=(-1.0, 1.0), formula=lambda s, y: 1 - y * y, reference=lambda m, y: (1 - y) * (1 + y)),
)
