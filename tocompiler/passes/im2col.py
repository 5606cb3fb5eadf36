"""im2col: the unfolded copy of its input that a convolution is turned into a matrix product with."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tocompiler.lowering import AluProgram, AluRow
from tocompiler.operators import Access
from tocompiler.passes import AluPass, register
from tocompiler.passes.conditions import ALU_TASKS

__all__ = ["Im2col"]


@register
@dataclass(frozen=True)
class Im2col(AluPass):
    """Copy the input of a convolution with a kernel larger than one unfolded: written once and read once."""

    name = "im2col"
    optional = True
    after = ("fuse_activations",)
    keeps = (ALU_TASKS,)

    def run(self, program: AluProgram) -> AluProgram:
        return replace(program, rows=tuple(_unfolded(row) for row in program.rows))


def _unfolded(row: AluRow) -> AluRow:
    loops = row.loops
    if row.operator != "Conv" or row.phase != "forward" or loops is None or loops.r * loops.s == 1:
        return row
    elements = loops.n * loops.g * loops.c * loops.r * loops.s * loops.p * loops.q
    copy = Access(f"{row.name}.im2col", elements, row.reads[0].format)
    return replace(row, reads=(*row.reads, copy), writes=(copy, *row.writes))
