"""log2 x."""

from __future__ import annotations

import math

from alu_library.elementary.coefficients import split
from alu_library.elementary.common import as_logarithm, wide_enough
from alu_library.elementary.functions.log import log1p_tail, parts
from alu_library.elementary.operations import truncate
from alu_library.elementary.programs import Operand
from alu_library.elementary.register import Function, composed, with_bits
from alu_library.formats import parse

__all__ = ["FUNCTION", "log2", "to_base"]


def to_base(x: Operand, bits: float, factor: str, of_two: float) -> Operand:
    """e · of_two + factor · log(1 + f), the product with f made in two parts."""
    e, f = parts(x)
    tail = log1p_tail(f, bits)
    whole, = split(factor)
    if wide_enough(x.format, bits):
        return as_logarithm(x, e * of_two + (f + tail) * whole)
    high, rest = split(factor, parse(x.format).mantissa_bits // 2)
    f_high = truncate(f, parse(x.format).mantissa_bits // 2)
    low = f * rest + (f - f_high) * high + tail * whole
    return as_logarithm(x, e * of_two + (f_high * high + low))


def log2(x: Operand, bits: float) -> Operand:
    """log2 x = e + log2(1 + f)."""
    return to_base(x, bits, "log2_e", 1.0)


FUNCTION = Function(
    name="log2", algorithms={"polynomial": with_bits(log2)}, domain=(0.0, math.inf),
    formula=lambda s, x: s.log(x) / s.log(2),
    reference=lambda m, x: m.log2(x),
    derivative=Function(
        name="log2_derivative", composed=True, algorithms=composed(lambda x: (1 / math.log(2)) / x),
        domain=(0.0, math.inf), reference=lambda m, x: 1 / math.log(2) / x),
)
