"""SwiGLU (Shazeer, "GLU variants improve transformer", 2020)."""

from __future__ import annotations

import math

from alu_library.elementary.gating import random_gate
from alu_library.elementary.operations import maximum
from alu_library.elementary.programs import Operand
from alu_library.elementary.reduction import LN2
from alu_library.elementary.register import Function, composed
from alu_library.formats import parse

__all__ = ["FUNCTION", "swiglu"]


def swiglu(gate: Operand, y: Operand) -> Operand:
    """silu(gate) · y: the gate is held only where e^-gate would overflow, for y may be large."""
    gate = maximum(gate, float(math.ceil(parse(gate.format).minimum_exponent * LN2)))
    return gate / (1 + gate.reading.call("exp", -gate)) * y


FUNCTION = Function(
    name="swiglu", composed=True, activation=True, algorithms=composed(swiglu), arguments=2, second=random_gate,
    digits=True, tail=lambda t: t,
    formula=lambda s, x, y: x * y / (1 + s.exp(-x)),
    reference=lambda m, x, y: m.maximum(x, -1e4) * m.expit(x) * y,
)
