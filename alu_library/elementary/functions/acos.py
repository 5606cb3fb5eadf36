"""acos x."""

from __future__ import annotations

from alu_library.elementary.coefficients import split
from alu_library.elementary.functions.asin import reduced_asin
from alu_library.elementary.operations import copy_sign, less, scale, select, sqrt
from alu_library.elementary.programs import Operand
from alu_library.elementary.register import Function, composed, with_bits
from alu_library.formats import parse

__all__ = ["FUNCTION", "acos"]


def acos(x: Operand, bits: float) -> Operand:
    """acos x = pi/2 - asin x up to 1/2; 2 asin sqrt((1 - |x|)/2), or pi less that, beyond."""
    near, small = reduced_asin(x, bits)
    high, rest = split("half_pi", parse(x.format).mantissa_bits)
    negative = less(x, 0)
    twice = scale(small, 1)
    beyond = select(negative, 2 * high - (twice - 2 * rest), twice)
    return select(near, beyond, high - (copy_sign(small, x) - rest))


FUNCTION = Function(
    name="acos", algorithms={"polynomial": with_bits(acos)}, domain=(-1.0, 1.0),
    formula=lambda s, x: s.acos(x),
    reference=lambda m, x: m.arccos(x),
    derivative=Function(
        name="acos_derivative", composed=True, algorithms=composed(lambda x: -(1 / sqrt((1 - x) * (1 + x)))),
        domain=(-1.0, 1.0), reference=lambda m, x: -1 / m.sqrt((1 - x) * (1 + x))),
)
