"""The gated linear unit (Dauphin et al., 2016)."""

from __future__ import annotations

from alu_library.elementary.gating import random_gate
from alu_library.elementary.programs import Operand
from alu_library.elementary.register import Function, composed

__all__ = ["FUNCTION", "glu"]


def glu(x: Operand, gate: Operand) -> Operand:
    """x sigmoid(gate)."""
    return x / (1 + x.reading.call("exp", -gate))


FUNCTION = Function(
    name="glu", composed=True, activation=True, algorithms=composed(glu), arguments=2, second=random_gate, digits=True,
    formula=lambda s, x, y: x / (1 + s.exp(-y)),
    reference=lambda m, x, y: x * m.expit(y),
)
