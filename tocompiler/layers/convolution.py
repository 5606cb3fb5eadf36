"""Convolutions of one, two and three dimensions, and transposed ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tocompiler.layers.base import Builder, expect_rank, spread

if TYPE_CHECKING:
    from tocompiler.tensors import Tensor

__all__ = ["Convolutions"]

_AXES = {1: "(batch, channels, length)", 2: "(batch, channels, height, width)",
         3: "(batch, channels, depth, height, width)"}


class Convolutions(Builder):
    """Layer methods that emit Conv and ConvTranspose."""

    def conv1d(self, x: Tensor, out_channels: int, kernel_size: int | Sequence[int], stride: int | Sequence[int] = 1,
               padding: int | str | Sequence[int] = 0, dilation: int | Sequence[int] = 1, groups: int = 1,
               bias: bool | Tensor = True, weight: Tensor | None = None) -> Tensor:
        """Convolution over (batch, channels, length)."""
        return self._conv(1, x, out_channels, kernel_size, stride, padding, dilation, groups, bias, weight)

    def conv2d(self, x: Tensor, out_channels: int, kernel_size: int | Sequence[int], stride: int | Sequence[int] = 1,
               padding: int | str | Sequence[int] = 0, dilation: int | Sequence[int] = 1, groups: int = 1,
               bias: bool | Tensor = True, weight: Tensor | None = None) -> Tensor:
        """Convolution over (batch, channels, height, width); padding is an int, one per axis, "same" or "valid",
        or all begins and then all ends where the two differ."""
        return self._conv(2, x, out_channels, kernel_size, stride, padding, dilation, groups, bias, weight)

    def conv3d(self, x: Tensor, out_channels: int, kernel_size: int | Sequence[int], stride: int | Sequence[int] = 1,
               padding: int | str | Sequence[int] = 0, dilation: int | Sequence[int] = 1, groups: int = 1,
               bias: bool | Tensor = True, weight: Tensor | None = None) -> Tensor:
        """Convolution over (batch, channels, depth, height, width)."""
        return self._conv(3, x, out_channels, kernel_size, stride, padding, dilation, groups, bias, weight)

    def conv_transpose2d(self, x: Tensor, out_channels: int, kernel_size: int | Sequence[int],
                         stride: int | Sequence[int] = 1, padding: int | Sequence[int] = 0,
                         output_padding: int | Sequence[int] = 0, groups: int = 1, bias: bool | Tensor = True,
                         dilation: int | Sequence[int] = 1, weight: Tensor | None = None) -> Tensor:
        """Transposed convolution over (batch, channels, height, width); its weight is (in, out / groups, k, k)."""
        layer = self._next("conv_transpose2d")
        expect_rank(layer, x, 4, _AXES[2])
        channels = x.shape[1]
        _divisible(layer, channels, out_channels, groups)
        kernel = spread(kernel_size, 2, layer, "kernel_size")
        pads = spread(padding, 2, layer, "padding")
        w = self._parameter(f"{layer}.weight", (channels, out_channels // groups, *kernel), x, weight or True)
        b = self._parameter(f"{layer}.bias", (out_channels,), x, bias)
        attributes = {
            "kernel_shape": kernel, "strides": spread(stride, 2, layer, "stride"), "pads": pads + pads,
            "dilations": spread(dilation, 2, layer, "dilation"), "group": groups,
            "output_padding": spread(output_padding, 2, layer, "output_padding"),
        }
        return self._one("ConvTranspose", [x, w] if b is None else [x, w, b], attributes, "conv_transpose2d")

    def _conv(self, rank: int, x: Tensor, out_channels: int, kernel_size: int | Sequence[int],
              stride: int | Sequence[int], padding: int | str | Sequence[int], dilation: int | Sequence[int],
              groups: int, bias: bool | Tensor, weight: Tensor | None) -> Tensor:
        kind = f"conv{rank}d"
        layer = self._next(kind)
        expect_rank(layer, x, rank + 2, _AXES[rank])
        channels = x.shape[1]
        _divisible(layer, channels, out_channels, groups)
        kernel = spread(kernel_size, rank, layer, "kernel_size")
        dilations = spread(dilation, rank, layer, "dilation")
        w = self._parameter(f"{layer}.weight", (out_channels, channels // groups, *kernel), x, weight or True)
        b = self._parameter(f"{layer}.bias", (out_channels,), x, bias)
        attributes = {
            "kernel_shape": kernel, "strides": spread(stride, rank, layer, "stride"),
            "pads": _pads(layer, padding, kernel, dilations), "dilations": dilations, "group": groups,
        }
        return self._one("Conv", [x, w] if b is None else [x, w, b], attributes, kind)


def _divisible(layer: str, channels: int, out_channels: int, groups: int) -> None:
    if channels % groups or out_channels % groups:
        raise ValueError(f"{layer}: {channels} input and {out_channels} output channels do not divide "
                         f"into {groups} groups")


def _pads(layer: str, padding: int | str | Sequence[int], kernel: tuple[int, ...],
          dilations: tuple[int, ...]) -> tuple[int, ...]:
    """ONNX pads (all begins, then all ends), which may also be given as such.

    "same" splits d(k-1) with the odd element at the end, as PyTorch does.
    """
    if padding == "valid":
        return (0,) * (2 * len(kernel))
    if padding == "same":
        total = [d * (k - 1) for k, d in zip(kernel, dilations, strict=True)]
        return (*(t // 2 for t in total), *(t - t // 2 for t in total))
    if isinstance(padding, str):
        raise ValueError(f'{layer}: padding is an integer, "same" or "valid", got "{padding}"')
    if not isinstance(padding, int) and len(padding) == 2 * len(kernel):
        return tuple(padding)
    return spread(padding, len(kernel), layer, "padding") * 2
