"""x^y."""

from __future__ import annotations

import math
from typing import Any

from alu_library.elementary.operations import (
    absolute,
    constant,
    from_fixed,
    has_bit,
    is_infinite,
    is_negative,
    is_zero,
    maximum,
    minimum,
    select,
    to_fixed,
)
from alu_library.elementary.programs import Operand
from alu_library.elementary.register import Function, composed
from alu_library.formats import parse

__all__ = ["FUNCTION", "pow"]


def pow(x: Operand, y: Operand) -> Operand:
    """|x|^y = 2^(y log2 |x|), with the sign that a whole y gives it, and the exceptions of C99, F.9.4.4.

    The product's rounding is magnified by the size of the exponent.
    """
    logarithm = x.reading.call("log2", absolute(x))
    value = x.reading.call("exp2", y * logarithm)
    value = select(is_zero(logarithm), constant(x, 1), value)  # |x| = 1, whatever y is
    whole, odd = _whole(y)
    signed = select(whole, select(odd, -value, value), constant(x, math.nan))
    signed = select(is_zero(x), select(whole, signed, value), signed)
    signed = select(is_infinite(x), select(whole, signed, value), signed)
    return select(is_zero(y), constant(x, 1), select(is_negative(x), signed, value))


def _whole(y: Operand) -> tuple[Operand, Operand]:
    """Whether y is an integer (an infinite one is), and an odd one."""
    f = parse(y.format)
    even = 2.0 ** (f.mantissa_bits + 1)  # as is every number from here on
    held = maximum(minimum(y, even), -even)
    n = to_fixed(held, 0, f"int{f.mantissa_bits + 3}")
    return is_zero(held - from_fixed(n, 0, y.format)), has_bit(n, 0)


def _exponents(random: Any, x: Any, format: str) -> Any:
    """Exponents that keep x^y in range."""
    import numpy as np

    limit = -parse(format).minimum_exponent
    with np.errstate(divide="ignore", invalid="ignore"):
        y = random.uniform(-limit, limit, len(x)) / np.log2(x)
    bound = min(float(parse(format).maximum), 1e4)
    return np.clip(np.nan_to_num(y), -bound, bound)


FUNCTION = Function(
    name="pow", composed=True, arguments=2, algorithms=composed(pow), domain=(0.0, math.inf), second=_exponents,
    formula=lambda s, x, y: x**y,
    reference=lambda m, x, y: m.power(x, y),
)
