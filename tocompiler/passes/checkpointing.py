"""Activation checkpointing: the backward pass recomputes what the forward pass did not keep."""

from __future__ import annotations

from dataclasses import replace

from tocompiler.lowering import AluProgram

__all__ = ["activation_checkpointing"]


def activation_checkpointing(program: AluProgram) -> AluProgram:
    """Run every forward row once more before the backward pass (Chen et al. 2016, with whole blocks recomputed).

    The rows are named ``.recompute``. ValueError unless the program has a forward and a backward pass.
    """
    if program.phase != "training":
        raise ValueError("activation_checkpointing recomputes in the backward pass: it needs --phase training")
    again = tuple(replace(row, name=f"{row.name}.recompute", phase="recompute")
                  for row in program.rows if row.phase == "forward")
    return replace(program, rows=tuple(row for row in program.rows if row.phase == "forward") + again
                   + tuple(row for row in program.rows if row.phase != "forward"))
