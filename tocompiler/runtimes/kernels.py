"""What is launched for an operator: nothing, one kernel, several passes, or a part of its neighbour."""

from __future__ import annotations

from dataclasses import replace

from tocompiler.runtimes import rule
from tocompiler.runtimes.draft import Draft

__all__ = ["fused", "passes", "views"]


@rule("views")
def views(draft: Draft, *, operators: tuple[str, ...]) -> Draft:
    """These operators only rename memory: no kernel is launched."""
    return replace(draft, kernels=0.0) if draft.operator in operators else draft


@rule("fused")
def fused(draft: Draft, *, operators: tuple[str, ...]) -> Draft:
    """These operators run inside their producer: no launch, and their own operand and result do not move."""
    if draft.operator not in operators:
        return draft
    return replace(draft, kernels=0.0, moves=0.0, allocations=(), input_byte=0.0)


@rule("passes")
def passes(draft: Draft, *, operator: str, phase: str, passes: float, training: bool = False,
           approximate: str = "") -> Draft:
    """An operator takes ``passes`` kernels in a phase, each over its data; with ``training``, only in training mode,
    with ``approximate``, only where the operator is computed by that approximation."""
    if draft.operator != operator or draft.phase != phase:
        return draft
    if approximate and (draft.op is None or draft.op.attributes.get("approximate") != approximate):
        return draft
    if training and not (draft.op is not None and draft.op.attributes.get("training_mode")):
        return draft
    return replace(draft, kernels=draft.kernels * passes, moves=draft.moves * passes)
