"""Swin-B (Liu et al. 2021), as in torchvision."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tocompiler.zoo import architecture
from tocompiler.zoo.blocks import classifier

if TYPE_CHECKING:
    from tocompiler.network import Network
    from tocompiler.tensors import Tensor

__all__ = ["swin"]

_WINDOW = 7


@architecture(swin_b=(128, (2, 2, 18, 2), (4, 8, 16, 32)))
def swin(net: Network, batch: Any, variant: Any, *, image_size: int = 224, num_classes: int = 1000) -> None:
    """Four stages of windowed attention, every other layer's windows shifted; patches are merged between stages."""
    width, depths, heads = variant
    x = net.conv2d(net.input((batch, 3, image_size, image_size)), width, 4, 4)
    x = net.layer_norm(net.permute(x, (0, 2, 3, 1)))
    for stage, (depth, h) in enumerate(zip(depths, heads, strict=True)):
        if stage:
            with net.scope(f"merge{stage}"):
                x = _merge(net, x)
        for i in range(depth):
            with net.scope(f"stage{stage + 1}.{i}"):
                x = net.add(x, _window_attention(net, net.layer_norm(x), h, _WINDOW // 2 if i % 2 else 0))
                y = net.gelu(net.linear(net.layer_norm(x), 4 * x.shape[-1]))
                x = net.add(x, net.linear(y, x.shape[-1]))
    classifier(net, net.permute(net.layer_norm(x), (0, 3, 1, 2)), num_classes)


def _merge(net: Network, x: Tensor) -> Tensor:
    """Each 2x2 patches concatenated and projected to twice the channels."""
    _, height, width, channels = x.shape
    rows = [net.slice(x, i, height, 1, 2) for i in (0, 1)]
    parts = [net.slice(rows[i], j, width, 2, 2) for j in (0, 1) for i in (0, 1)]
    return net.linear(net.layer_norm(net.concat(parts, -1)), 2 * channels, bias=False)


def _window_attention(net: Network, x: Tensor, heads: int, shift: int) -> Tensor:
    """Attention within windows of 7x7 tokens, with a bias by relative position and, where shifted, a mask."""
    batch, height, width, channels = x.shape
    if height % _WINDOW or width % _WINDOW:
        raise ValueError(f"swin: {height}x{width} tokens do not divide into windows of {_WINDOW}; "
                         f"choose an image size that is a multiple of {32 * _WINDOW}")
    rows, columns, area, head = height // _WINDOW, width // _WINDOW, _WINDOW * _WINDOW, channels // heads
    # Where one window covers all tokens there is nothing to shift.
    shifts = [shift if n > 1 else 0 for n in (rows, columns)]
    for axis, by in enumerate(shifts, 1):
        x = net.roll(x, -by, axis)
    x = net.permute(net.reshape(x, (batch, rows, _WINDOW, columns, _WINDOW, channels)), (0, 1, 3, 2, 4, 5))
    x = net.reshape(x, (batch * rows * columns, area, channels))
    qkv = net.permute(net.reshape(net.linear(x, 3 * channels), (-1, area, 3, heads, head)), (2, 0, 3, 1, 4))
    query, key, value = (net.select(qkv, 0, i) for i in range(3))
    scores = net.matmul(net.mul(query, head**-0.5), net.transpose(key, -2, -1))
    scores = net.add(scores, _relative_bias(net, heads, area))
    if any(shifts):
        scores = net.reshape(scores, (batch, rows * columns, heads, area, area))
        mask = net.stored((1, rows * columns, 1, area, area), name="shift_mask", kind="constant")
        scores = net.reshape(net.add(scores, mask), (-1, heads, area, area))
    y = net.matmul(net.softmax(scores), value)
    y = net.linear(net.reshape(net.transpose(y, 1, 2), (-1, area, channels)), channels)
    y = net.reshape(y, (batch, rows, columns, _WINDOW, _WINDOW, channels))
    y = net.reshape(net.permute(y, (0, 1, 3, 2, 4, 5)), (batch, height, width, channels))
    for axis, by in enumerate(shifts, 1):
        y = net.roll(y, by, axis)
    return y


def _relative_bias(net: Network, heads: int, area: int) -> Tensor:
    """One bias per head and pair of positions, gathered from a table of relative displacements."""
    table = net.stored(((2 * _WINDOW - 1) ** 2, heads), name="relative_position_bias_table")
    index = net.stored((area * area,), "int64", "relative_position_index", "buffer")
    bias = net.embedding(index, table.shape[0], heads, table)
    return net.unsqueeze(net.permute(net.reshape(bias, (area, area, heads)), (2, 0, 1)), 0)
