"""x^y."""

from __future__ import annotations

import math
from typing import Any

from alu_library.elementary.programs import Operand
from alu_library.elementary.register import Function, composed
from alu_library.formats import parse

__all__ = ["FUNCTION", "pow"]


def pow(x: Operand, y: Operand) -> Operand:
    """x^y = 2^(y log2 x) for x > 0. The product's rounding is magnified by the size of the exponent."""
    return x.reading.call("exp2", y * x.reading.call("log2", x))


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
