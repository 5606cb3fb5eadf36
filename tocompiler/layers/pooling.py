"""Pooling over two spatial axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tocompiler.layers.base import Builder, expect_rank, spread

if TYPE_CHECKING:
    from tocompiler.tensors import Tensor

__all__ = ["Pooling"]

_AXES = "(batch, channels, height, width)"


class Pooling(Builder):
    """Layer methods that emit the pooling operators."""

    def max_pool2d(self, x: Tensor, kernel_size: int | Sequence[int], stride: int | Sequence[int] | None = None,
                   padding: int | Sequence[int] = 0, dilation: int | Sequence[int] = 1,
                   ceil_mode: bool = False) -> Tensor:
        """Maximum of each window; the stride defaults to the kernel."""
        layer = self._next("max_pool2d")
        attributes = _window(layer, x, kernel_size, stride, padding, ceil_mode)
        attributes["dilations"] = spread(dilation, 2, layer, "dilation")
        return self._one("MaxPool", [x], attributes, "max_pool2d")

    def avg_pool2d(self, x: Tensor, kernel_size: int | Sequence[int], stride: int | Sequence[int] | None = None,
                   padding: int | Sequence[int] = 0, ceil_mode: bool = False,
                   count_include_pad: bool = True) -> Tensor:
        """Mean of each window; the stride defaults to the kernel."""
        attributes = _window(self._next("avg_pool2d"), x, kernel_size, stride, padding, ceil_mode)
        attributes["count_include_pad"] = int(count_include_pad)
        return self._one("AveragePool", [x], attributes, "avg_pool2d")

    def adaptive_avg_pool2d(self, x: Tensor, output_size: int | Sequence[int]) -> Tensor:
        """Means that leave ``output_size``: one for 1, equal windows where they divide, PyTorch's otherwise."""
        layer = self._next("adaptive_avg_pool2d")
        expect_rank(layer, x, 4, _AXES)
        size = spread(output_size, 2, layer, "output_size")
        if size == (1, 1):
            return self._one("GlobalAveragePool", [x], name="adaptive_avg_pool2d")
        if any(have % want for have, want in zip(x.shape[2:], size, strict=True)):
            return self._one("tocompiler.AdaptiveAveragePool", [x], {"output_size": size}, "adaptive_avg_pool2d")
        kernel = tuple(have // want for have, want in zip(x.shape[2:], size, strict=True))
        attributes = _window(layer, x, kernel, kernel, 0, False)
        return self._one("AveragePool", [x], attributes, "adaptive_avg_pool2d")


def _window(layer: str, x: Tensor, kernel_size: int | Sequence[int], stride: int | Sequence[int] | None,
            padding: int | Sequence[int], ceil_mode: bool) -> dict[str, Any]:
    expect_rank(layer, x, 4, _AXES)
    pads = spread(padding, 2, layer, "padding")
    return {
        "kernel_shape": spread(kernel_size, 2, layer, "kernel_size"),
        "strides": spread(kernel_size if stride is None else stride, 2, layer, "stride"),
        "pads": pads + pads, "ceil_mode": int(ceil_mode),
    }
