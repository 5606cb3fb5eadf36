"""log10 x."""

from __future__ import annotations

import math

from alu_library.elementary.coefficients import split
from alu_library.elementary.functions.log2 import to_base
from alu_library.elementary.programs import Operand
from alu_library.elementary.register import Function, composed, with_bits

__all__ = ["FUNCTION", "log10"]


def log10(x: Operand, bits: float) -> Operand:
    """log10 x = e log10 2 + log10(1 + f)."""
    return to_base(x, bits, "log10_e", split("log10_2")[0])


FUNCTION = Function(
    name="log10", algorithms={"polynomial": with_bits(log10)}, domain=(0.0, math.inf),
    formula=lambda s, x: s.log(x) / s.log(10),
    reference=lambda m, x: m.log10(x),
    derivative=Function(
        name="log10_derivative", composed=True, algorithms=composed(lambda x: (1 / math.log(10)) / x),
        domain=(0.0, math.inf), reference=lambda m, x: 1 / math.log(10) / x),
)
