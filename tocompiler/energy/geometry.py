"""Geometry: an operator in the words of its runtime. What of an image its window touches, what its library pads and
copies, on which of its allocations pages are fresh, and how often a branch depends on data."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, reduce
from typing import Any

import numpy as np

from alu_library import formats
from hardware.memory import beyond
from hardware.runtime import Runtime
from tocompiler.costing import TransistorRow
from tocompiler.tensors import Operator

__all__ = ["Geometry", "byte_of", "geometry"]

Array = np.ndarray[Any, np.dtype[np.float64]]
_WINDOWED = ("Conv", "MaxPool", "AveragePool", "ConvTranspose", "LpPool")
_POSITION_BYTE = 8  # of a maximum: int64


@dataclass(frozen=True)
class Geometry:
    """Bytes that an operator touches, copies and stores, and its window if it has one.

    ``waste`` is the growth of its products by padded channels and, ``tiled``, by small register tiles, whose weights
    are ``tile_weight_byte``; ``inside`` the share of them inside the image; ``again_byte`` are read once more for
    each group of result channels, ``streamed_byte`` of weights for each image, both while one image
    (``one_image_byte``, weights included) is in work.
    """

    batch: float = 1
    channels: tuple[float, float] = (1, 1)
    kernel: float = 1
    stride: float = 1
    size: tuple[float, float] = (1, 1)
    waste: float = 1
    inside: float = 1
    blocked: bool = False
    touched_byte: float = 0
    read_byte: float = 0
    written_byte: float = 0
    copied_byte: float = 0
    again_byte: float = 0
    streamed_byte: float = 0
    one_image_byte: float = 0
    fresh_byte: float = 0
    weight_byte: float = 0
    tiled: float = 1
    tile_weight_byte: float = 0
    branches: float = 0

    @property
    def near_byte(self) -> float:
        return self.touched_byte + self.written_byte + self.copied_byte + self.again_byte

    def far_byte(self, cache_byte: float | None) -> float:
        """Bytes from beyond the last cache: once through all data, and what comes again while one image is done."""
        once = (self.near_byte - self.again_byte) * beyond(self.working_set_byte, cache_byte)
        return once + (self.again_byte + self.streamed_byte) * beyond(self.one_image_byte, cache_byte)

    @property
    def working_set_byte(self) -> float:
        return self.read_byte + self.written_byte


def geometry(row: TransistorRow, op: Operator | None, runtime: Runtime) -> Geometry:
    """What a runtime does with an operator (None: a row that stands for none, such as an optimizer's step)."""
    alu = row.alu
    stored = [a for a in alu.reads if a.kind in ("parameter", "buffer")]
    read = sum(byte_of(a.format) * a.elements for a in alu.reads if a.kind not in ("parameter", "buffer"))
    written = sum(byte_of(a.format) * a.elements for a in alu.writes)
    weights = sum(a.elements * _stored_byte(a.format, runtime) for a in stored)
    given = 0.0
    if runtime.copies_inputs:
        given = sum(a.elements * _stored_byte(a.format, runtime) for a in alu.reads if a.kind == "input")
    if op is None or op.operator not in _WINDOWED:
        batch, features = _matrix(op)
        return Geometry(batch, features, touched_byte=read, read_byte=read, written_byte=written, weight_byte=weights,
                         fresh_byte=_fresh(op, runtime, read, written) + given)
    return _window(op, runtime, read + written, weights, given, row.name.endswith(".gradient"))


def _matrix(op: Operator | None) -> tuple[float, tuple[float, float]]:
    """Rows and (summed, written) features of an operator without a window."""
    if op is None or not op.outputs or not op.outputs[0].shape:
        return 1, (1, 1)
    x, y = op.input(0), op.outputs[0].shape
    inner = x.shape[-1] if x is not None and x.shape else 1
    return float(math.prod(y[:-1])) or 1.0, (float(inner) or 1.0, float(y[-1]) or 1.0)


def _window(op: Operator, runtime: Runtime, moved: float, weights: float, given: float,
            gradient: bool) -> Geometry:
    """Convolution and pooling: what is touched when the kernel is smaller than the stride, padded channels, copies.

    ``moved`` is all traffic of activations; what exceeds the image and the result is a gradient's.
    """
    x, y = op.given(0).shape, op.outputs[0].shape
    image, result = (byte_of(t.format) * t.elements for t in (op.given(0), op.outputs[0]))
    kernel = op.attributes.get("kernel_shape") or (op.given(1).shape[2:] if op.input(1) is not None else (1,))
    stride = op.attributes.get("strides") or (1,) * len(kernel)
    share = _touched(x[2:], y[2:], kernel, stride, op.attributes.get("pads"))
    extra = max(moved - image - result, 0.0)
    shape = Geometry(
        float(x[0]), (float(x[1]), float(y[1])), math.sqrt(math.prod(kernel)), math.sqrt(math.prod(stride)),
        (float(x[-1]), float(y[-1])), touched_byte=image * share, read_byte=image, written_byte=result + extra,
        fresh_byte=_fresh(op, runtime, image, result) + given, weight_byte=weights)
    if op.operator == "ConvTranspose":
        grown = 1.0 if x[1] < runtime.pad_input_from else _grown(x[1], runtime.channel_block)
        return replace(shape, waste=grown * _grown(y[1], runtime.channel_block))
    taps = _taps(x[2:], y[2:], kernel, stride, op.attributes)
    inside = math.prod(float(n.mean()) for n in taps) / math.prod(kernel) if runtime.skips_padding else 1.0
    if op.operator == "Conv":
        return _convolution(op, runtime, replace(shape, inside=inside), taps, result, given, gradient)
    if op.operator == "MaxPool" and runtime.running_maximum and not gradient:
        return _running_maximum(runtime, replace(shape, inside=inside), taps, float(op.outputs[0].elements))
    return shape


def _convolution(op: Operator, runtime: Runtime, shape: Geometry, taps: Sequence[Array], result: float,
                 given: float, gradient: bool) -> Geometry:
    """A convolution in its library's layout: blocked copies of image and result around a direct kernel, which reads
    the image once for every group of result channels; or columns (im2col) where a window may lie in the padding."""
    group, channels = op.attributes.get("group", 1), int(shape.channels[0])
    plain = _plain(channels, gradient, runtime)
    grown_in = 1.0 if plain or group > 1 else _grown(channels, runtime.channel_block)
    grown_out = _grown(int(shape.channels[1]), runtime.channel_block)
    tiled = 1.0 if gradient else _tiled(shape, runtime)
    blocks = min(shape.channels[1] * grown_out, runtime.blocks_per_tile * runtime.channel_block)
    summed = channels / group * grown_in * shape.kernel**2
    shape = replace(shape, waste=grown_in * grown_out * tiled, tiled=tiled,
                    tile_weight_byte=byte_of(op.given(1).format) * summed * blocks)
    copies = (0.0 if plain and group == 1 else shape.read_byte * grown_in, result * grown_out)
    fresh = given + sum(_if_fresh(n, runtime) for n in (*copies, result))
    if gradient:
        shape = replace(shape, written_byte=shape.written_byte + result * (runtime.gradient_passes - 1))
        copied = replace(shape, blocked=True, copied_byte=sum(copies), fresh_byte=fresh)
        return copied if runtime.layout_copies else shape
    if not runtime.layout_copies:
        return shape
    if any(float(n.min()) == 0 for n in taps):  # some window lies wholly in the padding
        columns = result / shape.channels[1] * channels * shape.kernel**2
        return replace(shape, waste=1.0, tiled=1.0, inside=1.0, copied_byte=2 * columns)
    passes = math.ceil(shape.channels[1] / group / (runtime.channel_block * runtime.blocks_per_tile))
    read = shape.touched_byte * grown_in
    return replace(
        shape, blocked=True, touched_byte=shape.read_byte if copies[0] else 0.0, again_byte=passes * read,
        streamed_byte=shape.batch * shape.weight_byte, one_image_byte=read / shape.batch + shape.weight_byte,
        fresh_byte=fresh)


def _grown(n: int, block: int) -> float:
    """Growth of a number when it is padded to a multiple of a block."""
    return math.ceil(n / block) * block / n


def _plain(channels: int, gradient: bool, runtime: Runtime) -> bool:
    """Whether a convolution reads its image as it lies, neither padded nor copied."""
    if gradient and runtime.plain_channels_backward is not None:
        return channels in runtime.plain_channels_backward
    return channels < runtime.pad_input_from


def _tiled(shape: Geometry, runtime: Runtime) -> float:
    """Growth of a convolution's work by its register tiles, of some values of a row by some channel blocks: a tile of
    fewer products than the processor keeps in flight takes as long as those."""
    width, blocks = int(shape.size[1]), math.ceil(shape.channels[1] / runtime.channel_block)
    wide, high = _parts(width, min(width, runtime.width_tile)), _parts(blocks, runtime.blocks_per_tile)
    work = sum(n * m * max(w * h, runtime.products_in_flight) for w, n in wide for h, m in high)
    return float(work / (width * blocks))


def _parts(whole: int, part: int) -> list[tuple[int, int]]:
    """Sizes and numbers of the parts that a whole is cut into: full ones, and what is left."""
    return [(size, number) for size, number in ((part, whole // part), (whole % part, 1)) if size and number]


def _running_maximum(runtime: Runtime, shape: Geometry, taps: Sequence[Array], elements: float) -> Geometry:
    """Max-pooling that keeps a running maximum by a branch, and stores its position beside it.

    The n-th of independent values exceeds those before with probability 1/n: a window of n takes the branch H(n)
    times (harmonic number), and none but the first is foreseen.
    """
    window = np.rint(reduce(np.multiply.outer, taps)).astype(int).ravel()
    harmonic = np.cumsum(1.0 / np.maximum(np.arange(window.max() + 1), 1)) - 1.0
    positions = _POSITION_BYTE * elements
    return replace(
        shape, branches=elements * float(harmonic[window].mean()), written_byte=shape.written_byte + positions,
        fresh_byte=shape.fresh_byte + _if_fresh(positions, runtime))


def _taps(size: Sequence[int], result: Sequence[int], kernel: Sequence[int], stride: Sequence[int],
          attributes: Mapping[str, Any]) -> list[Array]:
    """For each axis and place of the window, how many of its taps lie inside the image."""
    pads = attributes.get("pads") or (0,) * len(kernel)
    steps = attributes.get("dilations") or (1,) * len(kernel)
    counts = []
    for axis, (length, places) in enumerate(zip(size, result, strict=True)):
        first = np.arange(places) * stride[axis] - pads[axis]
        low = np.ceil(np.maximum(-first, 0) / steps[axis])
        high = np.minimum(np.ceil((length - first) / steps[axis]), kernel[axis])
        counts.append(np.maximum(high - low, 0.0))
    return counts


def _touched(size: Sequence[int], result: Sequence[int], kernel: Sequence[int], stride: Sequence[int],
             pads: Sequence[int] | None) -> float:
    """Share of an image whose lines a windowed operator reads; the lines are contiguous, so only the first axis
    can be skipped. A 1x1 convolution with a stride passes over the whole image (the runtime compacts it first)."""
    if not size or (math.prod(kernel) == 1 and not any(pads or ())):
        return 1.0
    lines = result[0] * min(kernel[0], stride[0]) + max(kernel[0] - stride[0], 0)
    return float(min(size[0], lines) / size[0])


def _fresh(op: Operator | None, runtime: Runtime, read: float, written: float) -> float:
    """Bytes of results (and of blocked copies) on freshly mapped pages, or that the runtime copies every time."""
    if op is None:
        return 0.0
    if op.operator in runtime.copied:
        return read + written
    return 0.0 if op.operator in runtime.in_place else _if_fresh(written, runtime)


def _if_fresh(size: float, runtime: Runtime) -> float:
    """An allocation's bytes, if it is so large that its pages are mapped anew every time."""
    threshold = runtime.fresh_pages_above_byte
    return float(size) if threshold is not None and size > threshold else 0.0


def _stored_byte(format: str, runtime: Runtime) -> float:
    """Bytes of an element as parameters and inputs are stored outside the operators."""
    return 4.0 if runtime.weights_as == "elements" else byte_of(format)


@cache
def byte_of(format: str) -> float:
    """Bytes of one element of a format."""
    return formats.parse(format).bits / 8
