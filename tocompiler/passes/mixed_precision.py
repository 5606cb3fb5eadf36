"""Mixed-precision training: parameters and moments in fp32 behind a copy that the network computes with."""

from __future__ import annotations

from dataclasses import dataclass, replace

from alu_library.formats import parse
from alu_library.tasks import Tasks
from tocompiler.lowering import AluProgram, AluRow
from tocompiler.operators import Access
from tocompiler.passes import AluPass, register
from tocompiler.passes.conditions import TRAINING_STEP

__all__ = ["MixedPrecision"]

_SCALED = frozenset({"fp16", "fp8_e4m3", "fp8_e5m2"})
"""Formats whose range is too short for gradients: the loss is scaled, its gradients are scaled back and checked."""


@register
@dataclass(frozen=True)
class MixedPrecision(AluPass):
    """Keep parameters and optimizer state in fp32, beside a copy in the network's format (Micikevicius et al. 2018).

    Each step converts the gradient to fp32, divides the loss's scale out and looks for overflow where the format is
    fp16 or shorter, updates in fp32, and converts the new parameter to the network's format.
    """

    name = "mixed_precision"
    optional = True
    after = ("activation_checkpointing",)
    requires = (TRAINING_STEP,)

    def run(self, program: AluProgram) -> AluProgram:
        """Every step of a parameter in a shorter format than fp32; ValueError where there is none."""
        rows = tuple(_mixed(row) if row.phase == "optimizer" else row for row in program.rows)
        if all(new is old for new, old in zip(rows, program.rows, strict=True)):
            raise ValueError("mixed_precision keeps fp32 beside a shorter format, and every parameter is in fp32 "
                             "already; give --format bf16 or fp16")
        return replace(program, rows=rows)


def _mixed(row: AluRow) -> AluRow:
    own = next(a for a in row.writes if a.tensor == row.parameter)
    if not parse(own.format).is_float or parse(own.format).bits >= 32:
        return row
    n = own.elements
    update = Tasks({(task, "fp32"): count for (task, _), count in row.tasks.items()})
    casts = Tasks({("convert", own.format): n, ("convert", "fp32"): n})
    scaled = Tasks({("multiply", "fp32"): n, ("compare", "fp32"): n}) if own.format in _SCALED else Tasks()
    master = Access(f"{own.tensor}.master", n, "fp32", "buffer")

    def kept(accesses: tuple[Access, ...]) -> tuple[Access, ...]:
        return tuple(master if a.tensor == own.tensor else replace(a, format="fp32") if a.kind == "buffer" else a
                     for a in accesses)

    return replace(row, tasks=update + casts + scaled, reads=kept(row.reads), writes=(*kept(row.writes), own))
