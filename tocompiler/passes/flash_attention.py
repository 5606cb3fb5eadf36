"""Flash attention: scores stay on chip whatever the runtime would do."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tocompiler.lowering import AluProgram
from tocompiler.network import Network
from tocompiler.passes import AluPass, register
from tocompiler.passes.conditions import ALU_TASKS
from tocompiler.passes.matching import Uses
from tocompiler.passes.residency import kept_on_chip

__all__ = ["FlashAttention"]

_SCORE_STEPS = frozenset({"Add", "Mul", "Div", "Where", "Softmax", "Identity", "Dropout", "Cast"})


@register
@dataclass(frozen=True)
class FlashAttention(AluPass):
    """Keep attention's scores on chip whatever the runtime would do (Dao et al. 2022)."""

    name = "flash_attention"
    optional = True
    keeps = (ALU_TASKS,)

    def run(self, program: AluProgram) -> AluProgram:
        """Only queries, keys, values and the result move, also where the steps were left as they were exported."""
        fused = replace(program, rows=tuple(
            replace(row, inner_reads=(), inner_writes=()) if row.phase == "forward" else row for row in program.rows))
        return kept_on_chip(fused, _score_tensors(program.network))


def _score_tensors(network: Network) -> set[str]:
    """Tensors on the way from a MatMul through one Softmax to the MatMul that reads it: attention's scores."""
    uses = Uses(network)
    scores: set[str] = set()
    for op in network.operators:
        if op.operator != "MatMul":
            continue
        path = [op]
        while (after := uses.only_reader(path[-1], *_SCORE_STEPS)) is not None:
            path.append(after)
        if uses.only_reader(path[-1], "MatMul") and any(step.operator == "Softmax" for step in path):
            scores.update(step.outputs[0].name for step in path)
    return scores
