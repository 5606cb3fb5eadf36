"""Attention: one fused kernel, or its steps as kernels of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import reduce

from tocompiler.lanes import larger, real, smaller
from tocompiler.operators import Access
from tocompiler.runtimes import rule
from tocompiler.runtimes.draft import Draft, byte_of

__all__ = ["attention"]


@rule("attention", operators=("Attention",))
def attention(draft: Draft, *, attention: str, cost: float = 1.0, causal_block: int | None = None,
              copied: bool = False) -> Draft:
    """``fused``: one kernel that keeps the scores to itself, whose arithmetic costs ``cost`` times a matrix product's
    and leaves out blocks of ``causal_block`` queries by keys above the diagonal of a causal mask. ``eager``: every step
    is a kernel that writes its result and reads its operand; with ``copied``, the softmax through new memory."""
    if attention not in ("fused", "eager"):
        raise ValueError(f"attention: '{attention}' is neither fused nor eager")
    if attention == "eager":
        return _eager(draft, copied)
    draft = draft.scaled(_unmasked(draft, causal_block))
    return replace(draft, executed=draft.executed * cost)


def _eager(draft: Draft, copied: bool) -> Draft:
    if draft.row is None or not draft.row.alu.inner_writes:
        return draft
    read, written = _byte(draft.row.alu.inner_reads), _byte(draft.row.alu.inner_writes)
    results = [_byte([a]) for a in draft.row.alu.inner_writes]
    return replace(
        draft, kernels=draft.kernels + len(results), touched_byte=draft.touched_byte + read,
        written_byte=draft.written_byte + written, allocations=(*draft.allocations, *results),
        working_set_byte=draft.working_set_byte + 2 * reduce(larger, results),
        copied_byte=draft.copied_byte + (2 * results[-1] if copied else 0.0))


def _unmasked(draft: Draft, block: int | None) -> float:
    """Share of the scores that blocks on and below a causal mask's diagonal hold."""
    if block is None or draft.op is None or not draft.op.attributes.get("is_causal"):
        return 1.0
    queries, keys = (real(draft.op.given(i).shape[-2]) for i in (0, 1))
    share: float = smaller(1.0, (larger(keys - queries, 0.0) + (queries + block) / 2) / keys)
    return share


def _byte(accesses: Sequence[Access]) -> float:
    return sum(byte_of(a.format) * real(a.elements) for a in accesses)
