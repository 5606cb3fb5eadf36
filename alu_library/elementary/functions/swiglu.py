"""SwiGLU (Shazeer, "GLU variants improve transformer", 2020)."""

from __future__ import annotations

from alu_library.elementary.gating import random_gate
from alu_library.elementary.programs import Operand
from alu_library.elementary.register import Function, composed

__all__ = ["FUNCTION", "swiglu"]


def swiglu(gate: Operand, y: Operand) -> Operand:
    """silu(gate) · y."""
    return gate.reading.call("silu", gate) * y


FUNCTION = Function(
    name="swiglu", composed=True, activation=True, algorithms=composed(swiglu), arguments=2, second=random_gate,
    digits=True, tail=lambda t: t,
    formula=lambda s, x, y: x * y / (1 + s.exp(-x)),
    reference=lambda m, x, y: x * m.expit(x) * y,
)
