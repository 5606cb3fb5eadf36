"""asin x."""

from __future__ import annotations

from alu_library.elementary.coefficients import Fit, polynomial, split
from alu_library.elementary.common import horner
from alu_library.elementary.operations import absolute, copy_sign, less, scale, select, sqrt
from alu_library.elementary.programs import Operand
from alu_library.elementary.register import Function, composed, with_bits
from alu_library.formats import parse

__all__ = ["FUNCTION", "asin", "reduced_asin"]

_TAIL = Fit("asin", lambda mp, u: (mp.asin(mp.sqrt(u)) / mp.sqrt(u) - 1) / u, lambda mp, u: u)
"""asin r = r + r u p(u), u = r^2"""



def reduced_asin(x: Operand, bits: float) -> tuple[Operand, Operand]:
    """Whether |x| > 1/2, and the asin that is left: of |x|, or beyond 1/2 of sqrt((1 - |x|)/2)."""
    magnitude = absolute(x)
    near = less(0.5, magnitude)
    u = select(near, scale(1 - magnitude, -1), magnitude * magnitude)
    a = select(near, sqrt(u), magnitude)
    return near, a + a * (u * horner(u, polynomial(_TAIL, 0, 0.25, bits)))


def asin(x: Operand, bits: float) -> Operand:
    """asin x by its polynomial up to 1/2, and as pi/2 - 2 asin sqrt((1 - |x|)/2) beyond."""
    near, small = reduced_asin(x, bits)
    high, rest = split("half_pi", parse(x.format).mantissa_bits)
    return copy_sign(select(near, high - (scale(small, 1) - rest), small), x)


FUNCTION = Function(
    name="asin", algorithms={"polynomial": with_bits(asin)}, domain=(-1.0, 1.0),
    formula=lambda s, x: s.asin(x),
    reference=lambda m, x: m.arcsin(x),
    derivative=Function(
        name="asin_derivative", composed=True, algorithms=composed(lambda x: 1 / sqrt((1 - x) * (1 + x))),
        domain=(-1.0, 1.0), reference=lambda m, x: 1 / m.sqrt((1 - x) * (1 + x))),
)
