"""log(1 + x) for 0 <= x <= 1."""

from __future__ import annotations

from alu_library.elementary.coefficients import polynomial
from alu_library.elementary.common import horner
from alu_library.elementary.functions.log import TWICE_ATANH
from alu_library.elementary.operations import scale
from alu_library.elementary.programs import Operand
from alu_library.elementary.register import Function, with_bits

__all__ = ["FUNCTION", "log1p_unit"]



def log1p_unit(x: Operand, bits: float) -> Operand:
    """log((1 + s)/(1 - s)) with s = x/(2 + x) <= 1/3."""
    s = x / (x + 2)
    u = s * s
    return scale(s, 1) + s * (u * horner(u, polynomial(TWICE_ATANH, 0, 1 / 9, bits)))


FUNCTION = Function(
    name="log1p_unit", inner=True, algorithms={"polynomial": with_bits(log1p_unit)}, domain=(0.0, 1.0),
    formula=lambda s, x: s.log(1 + x),
)
