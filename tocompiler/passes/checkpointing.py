"""Activation checkpointing: the backward pass recomputes what the forward pass did not keep."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tocompiler.lowering import AluProgram
from tocompiler.passes import AluPass, register
from tocompiler.passes.conditions import TRAINING_STEP

__all__ = ["ActivationCheckpointing"]


@register
@dataclass(frozen=True)
class ActivationCheckpointing(AluPass):
    """Run every forward row once more before the backward pass (Chen et al. 2016, with whole blocks recomputed)."""

    name = "activation_checkpointing"
    optional = True
    after = ("im2col",)
    requires = (TRAINING_STEP,)

    def run(self, program: AluProgram) -> AluProgram:
        """The rows added are named ``.recompute``, and that is their phase."""
        again = tuple(replace(row, name=f"{row.name}.recompute", phase="recompute")
                      for row in program.rows if row.phase == "forward")
        return replace(program, rows=tuple(row for row in program.rows if row.phase == "forward") + again
                       + tuple(row for row in program.rows if row.phase != "forward"))
