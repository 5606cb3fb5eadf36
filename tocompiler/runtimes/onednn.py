"""Convolution and pooling of just-in-time CPU libraries: channel blocks, register tiles, blocked copies, columns.

A convolution is computed by a direct kernel on padded, blocked copies of image and result, or, where a place of the
window may lie wholly in the border, by columns (im2col). ``columns`` decides that first; the others keep to it.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import reduce

import numpy as np

from tocompiler.runtimes import rule
from tocompiler.runtimes.draft import Draft, byte_of

__all__ = ["blocked_layout", "channel_blocks", "clipped_window", "columns", "gradient_passes", "register_tiles",
           "running_maximum"]

_POSITION_BYTE = 8  # of a maximum: int64


@rule("columns", operators=("Conv",))
def columns(draft: Draft) -> Draft:
    """Forward, a convolution whose window may lie wholly in the border is computed from columns (im2col) that are
    written and read once, without padding or blocks."""
    window = draft.window
    if window is None or not draft.is_forward or not window.lies_outside:
        return draft
    places = window.image[0] * math.prod(window.result[2:])
    size = byte_of(draft.op.given(0).format) * places * window.channels[0] * window.area if draft.op else 0.0
    return replace(draft, layout="columns", layout_byte=2 * size).noting(log_copied=_log(2 * size))


@rule("channel_blocks", operators=("Conv", "ConvTranspose"))
def channel_blocks(draft: Draft, *, block: int, pad_input_from: int = 1,
                   plain_backward: tuple[int, ...] | None = None) -> Draft:
    """Channels are computed in blocks: the last one is padded. Input channels are padded only where there are at least
    ``pad_input_from``, or, in a backward pass, where their number is not among ``plain_backward``."""
    window = draft.window
    if window is None or draft.layout == "columns":
        return draft
    into, out = window.channels
    plain = into < pad_input_from
    if not draft.is_forward and plain_backward is not None and draft.operator == "Conv":
        plain = into in plain_backward
    grown = _grown(into, block) if not plain and window.group == 1 else 1.0
    waste = grown * _grown(out, block)
    return replace(draft.scaled(waste), layout="plain" if plain and window.group == 1 else draft.layout).noting(
        padding_waste=math.log(waste), channel_remainder=into / block % 1, result_remainder=out / block % 1,
        small_input=float(into < pad_input_from), log_result_blocks=math.log(math.ceil(out / block)))


@rule("clipped_window", operators=("Conv", "MaxPool", "AveragePool", "LpPool"))
def clipped_window(draft: Draft) -> Draft:
    """Products with a convolution's border, comparisons with a pooling's, are not executed."""
    if draft.window is None or draft.layout == "columns":
        return draft
    inside = draft.window.inside
    return draft.scaled(inside).noting(log_inside=math.log(inside))


@rule("register_tiles", operators=("Conv",))
def register_tiles(draft: Draft, *, block: int, width: int, blocks: int, products_in_flight: int) -> Draft:
    """Forward, tiles of ``width`` values of a row by ``blocks`` channel blocks are computed, none faster than the
    ``products_in_flight`` that hide a product's latency."""
    window = draft.window
    if window is None or draft.layout == "columns":
        return draft
    length, into, out = window.result[-1], *window.channels
    noted = draft.noting(width_remainder=length / width % 1)
    if not draft.is_forward:
        return noted
    high = math.ceil(out / block)
    work = sum(n * m * max(w * h, products_in_flight)
               for w, n in _parts(length, min(length, width)) for h, m in _parts(high, blocks))
    growth = work / (length * high)
    summed = into / window.group * window.area * _weight_byte(draft) * min(out * _grown(out, block), blocks * block)
    return noted.scaled(growth).noting(
        padding_waste=draft.facts.get("padding_waste", 0.0) + math.log(growth), log_tile_growth=math.log(growth),
        log_tile_weights=_log(summed))


@rule("blocked_layout", operators=("Conv",))
def blocked_layout(draft: Draft, *, block: int, blocks: int) -> Draft:
    """Image and result are copied into blocked layout and back, unless the image lies ``plain``; the kernel reads the
    image once for every group of ``blocks`` channel blocks, and the weights with every image."""
    window = draft.window
    if window is None or draft.layout == "columns":
        return draft
    into, out = window.channels
    plain = draft.layout == "plain"
    grown = 1.0 if plain or window.group > 1 else _grown(into, block)
    result = byte_of(draft.op.outputs[0].format) * math.prod(window.result) if draft.op else 0.0
    copies = (0.0 if plain else draft.read_byte * grown, result * _grown(out, block))
    draft = replace(draft, layout="blocked", allocations=(*draft.allocations, *copies)).noting(blocked=1.0)
    if not draft.is_forward:
        return replace(draft, layout_byte=sum(copies)).noting(log_copied=_log(sum(copies)))
    read = draft.touched_byte * grown
    rounds = math.ceil(out / window.group / (block * blocks))
    return replace(
        draft, touched_byte=draft.read_byte if copies[0] else 0.0, again_byte=rounds * read,
        streamed_byte=window.image[0] * draft.weight_byte, one_image_byte=read / window.image[0] + draft.weight_byte)


@rule("gradient_passes", operators=("Conv",))
def gradient_passes(draft: Draft, *, passes: float) -> Draft:
    """A convolution's backward pass goes over the gradient of its result ``passes`` times."""
    if draft.window is None or draft.is_forward or draft.op is None:
        return draft
    again = byte_of(draft.op.outputs[0].format) * math.prod(draft.window.result) * (passes - 1)
    return replace(draft, written_byte=draft.written_byte + again, working_set_byte=draft.working_set_byte + again)


@rule("running_maximum", operators=("MaxPool",))
def running_maximum(draft: Draft) -> Draft:
    """Forward, max-pooling keeps a running maximum by a branch, and stores its position beside it.

    The n-th of independent values exceeds those before with probability 1/n: a window of n takes the branch H(n)
    times (harmonic number), and none but the first is foreseen.
    """
    window = draft.window
    if window is None or not draft.is_forward:
        return draft
    inside = np.rint(reduce(np.multiply.outer, window.taps)).astype(int).ravel()
    harmonic = np.cumsum(1.0 / np.maximum(np.arange(inside.max() + 1), 1)) - 1.0
    elements = math.prod(window.result)
    positions = float(_POSITION_BYTE * elements)
    return replace(
        draft, branches=elements * float(harmonic[inside].mean()), written_byte=draft.written_byte + positions,
        working_set_byte=draft.working_set_byte + positions, allocations=(*draft.allocations, positions))


def _weight_byte(draft: Draft) -> float:
    return byte_of(draft.op.given(1).format) if draft.op is not None else 0.0


def _grown(n: int, block: int) -> float:
    """Growth of a number when it is padded to a multiple of a block."""
    return math.ceil(n / block) * block / n if n else 1.0


def _parts(whole: int, part: int) -> list[tuple[int, int]]:
    """Sizes and numbers of the parts that a whole is cut into: full ones, and what is left."""
    return [(size, number) for size, number in ((part, whole // part), (whole % part, 1)) if size and number]


def _log(x: float) -> float:
    return math.log(max(x, 1.0))
