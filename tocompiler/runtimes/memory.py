"""Where results lie: in place of their operands, on freshly mapped pages, copied, in the last cache or beyond it."""

from __future__ import annotations

from dataclasses import replace

from hardware.memory import beyond
from tocompiler.lanes import anywhere, either, smaller
from tocompiler.runtimes import rule
from tocompiler.runtimes.draft import Draft

__all__ = ["copied", "fresh_pages", "in_place", "inputs_copied", "inputs_held", "last_cache"]

_OVERWRITTEN = 2 / 3  # lines of a result that overwrites its operand are not fetched first: two transfers, not three


@rule("in_place")
def in_place(draft: Draft, *, operators: tuple[str, ...], in_place: bool = True) -> Draft:
    """The result overwrites the operand: nothing is allocated, and two transfers of three are left."""
    if draft.operator not in operators or not in_place:
        return draft
    return replace(draft, moves=draft.moves * _OVERWRITTEN, allocations=())


@rule("fresh_pages")
def fresh_pages(draft: Draft, *, above_byte: int, pages: str = "fresh") -> Draft:
    """Allocations above ``above_byte`` are mapped anew at every execution and their pages cleared when first touched,
    unless ``pages`` says ``recycled``: an earlier execution left them behind."""
    if pages not in ("fresh", "recycled"):
        raise ValueError(f"condition_pages: '{pages}' is neither fresh nor recycled")
    large = sum(either(lambda n: n > above_byte, size, size, 0.0) for size in draft.allocations)
    return replace(draft, fresh_byte=draft.fresh_byte + large) if anywhere(large) and pages == "fresh" else draft


@rule("copied")
def copied(draft: Draft, *, operators: tuple[str, ...]) -> Draft:
    """Operands and results of these operators are copied through newly allocated memory."""
    if draft.operator not in operators or draft.op is None:
        return draft
    return replace(draft, copied_byte=draft.copied_byte + draft.working_set_byte, allocations=())


@rule("inputs_copied")
def inputs_copied(draft: Draft) -> Draft:
    """Network inputs (images, key and value caches) come from outside the caches at every execution."""
    return replace(draft, copied_byte=draft.copied_byte + draft.input_byte) if draft.input_byte else draft


@rule("inputs_held")
def inputs_held(draft: Draft) -> Draft:
    """Network inputs, as cached keys and values, wait beside all parameters for the next execution: of both together,
    what the last cache does not keep comes from beyond it."""
    return replace(draft, waiting_byte=draft.held_byte) if draft.input_byte else draft


@rule("last_cache")
def last_cache(draft: Draft, *, capacity_byte: float, cache: str = "warm") -> Draft:
    """The last cache keeps what fits (hardware.memory.beyond); a ``cold`` one keeps nothing, weights included."""
    if cache not in ("warm", "cold"):
        raise ValueError(f"condition_cache: '{cache}' is neither warm nor cold")
    if cache == "cold":
        return replace(draft, far_byte=draft.near_byte + draft.moves * draft.streamed_byte + draft.weight_byte)
    held = smaller(draft.input_byte, draft.touched_byte) if draft.waiting_byte > draft.working_set_byte else 0.0
    once = draft.touched_byte + draft.written_byte + draft.layout_byte - held
    far = once * beyond(draft.working_set_byte, capacity_byte) + held * beyond(draft.waiting_byte, capacity_byte)
    far += (draft.again_byte + draft.streamed_byte) * beyond(draft.one_image_byte, capacity_byte)
    return replace(draft, far_byte=draft.moves * far)
