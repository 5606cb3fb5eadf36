"""Conditions that passes require and ensure, and what they keep. Each is linear in operators."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tocompiler.network import Network
from tocompiler.passes.base import Condition, Kept

if TYPE_CHECKING:
    from tocompiler.lowering import AluProgram

__all__ = ["ALU_TASKS", "NO_DEAD_CODE", "RESULTS", "TOPOLOGICAL_ORDER", "TRAINING_STEP", "UNIQUE_NAMES"]


def _read_before_written(network: Network) -> str | None:
    written_by = {t.name: op.name for op in network.operators for t in op.outputs}
    seen: set[str] = set()
    for op in network.operators:
        for t in op.inputs:
            if t is not None and t.name in written_by and t.name not in seen:
                return f"'{op.name}' reads '{t.name}' before '{written_by[t.name]}' has written it"
        seen.update(t.name for t in op.outputs)
    return None


def _named_twice(network: Network) -> str | None:
    seen: set[str] = set()
    for op in network.operators:
        if op.name in seen:
            return f"two operators are called '{op.name}'"
        seen.add(op.name)
    return None


def _dead(network: Network) -> str | None:
    if not network.outputs:
        return None
    needed = {t.name for t in network.outputs} | {t.name for op in network.operators for t in op.inputs if t}
    return next((f"nothing needs '{op.name}'" for op in network.operators
                 if not any(t.name in needed for t in op.outputs)), None)


def _not_training(program: AluProgram) -> str | None:
    return None if program.phase == "training" else f"the phase is {program.phase}; it needs --phase training"


TOPOLOGICAL_ORDER = Condition("topological order", _read_before_written)
UNIQUE_NAMES = Condition("one name for each operator", _named_twice)
NO_DEAD_CODE = Condition("no dead code", _dead)
TRAINING_STEP: Condition[AluProgram] = Condition("a forward and a backward pass", _not_training)
RESULTS: Kept[Network] = Kept("the network's results", lambda network: [t.name for t in network.outputs])
ALU_TASKS: Kept[AluProgram] = Kept("ALU tasks", lambda program: program.tasks)
