"""How a GPU cuts products into tiles: each is a multiprocessor's, as many as there are run at once, and they read what
they share from the last cache.

A tile of tm by tn results over k summed products loads (tm + tn) k operands; the tiles of one wave lie beside each
other so that they share rows and columns; the last wave is not full (NVIDIA, Matrix Multiplication Background User's
Guide, tile and wave quantisation).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace

from tocompiler.operators import Loops
from tocompiler.runtimes import rule
from tocompiler.runtimes.draft import Draft, byte_of
from tocompiler.tensors import Operator

__all__ = ["attention_tiles", "matrix_tiles"]

_PACKED = 64  # rows of the smallest product that a tensor core's instruction takes (PTX, wgmma)


@dataclass(frozen=True, slots=True)
class _Tiling:
    """A product cut into tiles of tm by tn: how many, in how many waves, padded products, elements that tiles and waves
    load."""

    tm: int
    tn: int
    tiles: int
    waves: int
    padded: float
    loaded: float
    waved: float


@rule("matrix_tiles", operators=("MatMul", "Gemm", "Linear", "ScaledMatMul", "GroupedMatMul"))
def matrix_tiles(draft: Draft, *, sides: tuple[str, ...], multiprocessors: int, side_cost: float) -> Draft:
    """Products are computed in tiles of one of ``sides`` (rows x columns of the result), that which ends first when
    ``multiprocessors`` work on them: waves times (rows columns + ``side_cost`` (rows + columns)).

    Padding is executed; operands are loaded again by every tile (from the last cache) and by every wave.
    """
    op, row = draft.op, draft.row
    if op is None or row is None or row.alu.loops is None or not draft.products or not draft.is_forward:
        return draft
    loops, each = row.alu.loops, byte_of(op.given(1).format)
    groups = _groups(op, loops)
    tilings = (_tiling(groups, loops, side, multiprocessors) for side in sides)
    best = min(tilings, key=lambda t: t.waves * (t.tm * t.tn + side_cost * (t.tm + t.tn)))
    rows, count = sum(n * times for n, times in groups.items()), sum(groups.values())
    operands = rows * float(loops.c) * each + draft.weight_byte
    facts = {
        "padding_waste": math.log(best.padded / draft.products), "tile_rows": math.log(best.tm),
        "tile_columns": math.log(best.tn), "log_tile_loads": math.log(best.loaded * each),
        "log_wave_loads": math.log(best.waved * each), "log_groups": math.log(count),
        "log_busiest": math.log(max(groups)), "log_mean_rows": math.log(rows / count),
        "operand_width": math.log2(8 * each), "log_scale_group": math.log(1 + op.attributes.get("group", 0)),
    }
    return replace(
        draft.scaled(best.padded / draft.products), tile_byte=max(best.loaded * each - operands, 0.0),
        streamed_byte=max(best.waved * each - operands, 0.0), one_image_byte=operands,
    ).noting(**facts, **_wave_facts(best.tiles, multiprocessors))


def _groups(op: Operator, loops: Loops) -> Mapping[float, int]:
    """Rows of each product of its own, and how many have so many: those of a batch, or those of the touched experts
    (``loads``, where they are known; else as even as they can be)."""
    rows = float(loops.p * loops.q)
    if op.operator != "GroupedMatMul":
        return {rows: int(loops.n * loops.g)}
    if any(op.attributes.get("loads", ())):
        return Counter(float(n) for n in op.attributes["loads"] if n)
    touched = max(1, round(float(op.attributes.get("touched", 1))))
    return {max(rows / touched, 1.0): touched}


def _tiling(groups: Mapping[float, int], loops: Loops, side: str, multiprocessors: int) -> _Tiling:
    tm, tn = (int(s) for s in side.split("x"))
    across = math.ceil(float(loops.m * loops.s) / tn)
    down = sum(math.ceil(rows / tm) * count for rows, count in groups.items())
    tiles, summed = down * across, float(loops.c)
    at_once = min(tiles, multiprocessors)
    high = min(max(math.sqrt(at_once * tn / tm), 1.0), down)
    wide = min(max(at_once / high, 1.0), across)
    high = min(max(at_once / wide, 1.0), down)
    waves, filled = math.ceil(tiles / multiprocessors), max(tiles / multiprocessors, 1.0)
    return _Tiling(tm, tn, tiles, waves, tiles * tm * tn * summed, tiles * (tm + tn) * summed,
                   filled * (high * tm + wide * tn) * summed)


def _wave_facts(tiles: float, multiprocessors: int) -> dict[str, float]:
    waves = max(1, math.ceil(tiles / multiprocessors))
    return {"log_waves": math.log(waves), "wave_fill": tiles / (waves * multiprocessors)}


@rule("attention_tiles", operators=("Attention",))
def attention_tiles(draft: Draft, *, queries: int, keys: int, multiprocessors: int) -> Draft:
    """Fused attention: only blocks of ``queries`` by ``keys`` scores that no causal mask or window empties are
    computed; the query heads of a key head share a block where they fit; every block loads its keys and values again.

    Where blocks are fewer than ``multiprocessors``, each splits its keys over several (FlashAttention-2 and
    flash-decoding, Dao 2023).
    """
    op, row = draft.op, draft.row
    if op is None or row is None or not draft.products or not draft.is_forward or len(op.given(0).shape) != 4:
        return draft
    batch, heads, asked, width = (int(n) for n in op.given(0).shape)
    past = op.input(4)
    few, seen = int(op.given(1).shape[1]), int(op.given(1).shape[2]) + (int(past.shape[2]) if past is not None else 0)
    window = min(int(op.attributes.get("sliding_window") or seen), seen)
    grouped = asked * heads // few
    packed = grouped <= queries
    rows = math.ceil(grouped / _PACKED) * _PACKED if packed else queries
    blocks = batch * (few if packed else heads * math.ceil(asked / queries))
    met, most = _key_blocks(asked, seen, window, rows if packed else queries, keys,
                            bool(op.attributes.get("is_causal")) and asked > 1)
    split = max(1, min(multiprocessors // blocks, int(met))) if packed else 1
    done, each = blocks * met * rows * keys, byte_of(op.given(1).format)
    once, loaded = (2 * width * each * n for n in (batch * few * min(seen, window + asked), blocks * met * keys))
    share = done / (batch * heads * asked * seen)
    busy = max(math.ceil(blocks * split / multiprocessors) * met / split if packed else blocks * met / multiprocessors,
               most / split)
    facts = {
        "padding_waste": math.log(share), "batch": math.log(batch), "log_heads": math.log(heads),
        "log_key_heads": math.log(few), "log_head_width": math.log(width), "log_keys": math.log(seen),
        "log_window": math.log(window), "log_queries": math.log(asked), "log_tile_loads": math.log(loaded),
        "log_blocks": math.log(blocks), "log_key_blocks": math.log(met), "operand_width": math.log2(8 * each),
        "log_scores": math.log(done), "log_idle": math.log(busy * multiprocessors / (blocks * met)),
    }
    return replace(draft.scaled(share), tile_byte=max(loaded - once, 0.0)).noting(
        **facts, **_wave_facts(blocks * split, multiprocessors))


def _key_blocks(asked: int, seen: int, window: int, queries: int, keys: int, causal: bool) -> tuple[float, float]:
    """Blocks of keys that a block of queries meets, on average and at most."""
    most = math.ceil(seen / keys)
    if window < seen:
        met = float(min(most, math.ceil((window + (queries if asked > 1 else 0)) / keys)))
        return met, met
    if not causal:
        return float(most), float(most)
    behind = (seen - asked) / keys
    return min(float(most), behind + (math.ceil(asked / queries) * queries / keys + 1) / 2), float(most)
