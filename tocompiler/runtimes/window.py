"""Window: the geometry of a convolution or pooling, as every direct kernel meets it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from tocompiler.lanes import real, smaller
from tocompiler.tensors import Operator

__all__ = ["Window", "window_of"]

Array = np.ndarray[Any, np.dtype[np.float64]]
_WINDOWED = ("Conv", "MaxPool", "AveragePool", "ConvTranspose", "LpPool")


@dataclass(frozen=True)
class Window:
    """Sizes of a windowed operator: image and result (batch, channels, *size), window, its steps and borders."""

    image: tuple[int, ...]
    result: tuple[int, ...]
    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    pads: tuple[int, ...]
    dilations: tuple[int, ...]
    group: int

    @property
    def channels(self) -> tuple[int, int]:
        """Channels of image and result."""
        return self.image[1], self.result[1]

    @property
    def area(self) -> int:
        """Taps of the window."""
        return math.prod(self.kernel)

    @cached_property
    def taps(self) -> list[Array]:
        """For each axis and place of the window, how many of its taps lie inside the image."""
        counts = []
        for axis, (length, places) in enumerate(zip(self.image[2:], self.result[2:], strict=True)):
            first = np.arange(places) * self.strides[axis] - self.pads[axis]
            low = np.ceil(np.maximum(-first, 0) / self.dilations[axis])
            high = np.minimum(np.ceil((length - first) / self.dilations[axis]), self.kernel[axis])
            counts.append(np.maximum(high - low, 0.0))
        return counts

    @property
    def inside(self) -> float:
        """Share of the taps of all places that lie inside the image."""
        return math.prod(float(n.mean()) for n in self.taps) / self.area

    @property
    def lies_outside(self) -> bool:
        """Whether some place of the window lies wholly in the border."""
        return any(float(n.min()) == 0 for n in self.taps)

    @property
    def touched(self) -> float:
        """Share of the image that is read where the kernel is smaller than the stride.

        Lines are contiguous, so only the first axis can be skipped; a 1x1 window with a stride and no border passes
        over the whole image, as libraries compact it first.
        """
        if not self.image[2:] or (self.area == 1 and not any(self.pads)):
            return 1.0
        kernel, stride = self.kernel[0], self.strides[0]
        lines = self.result[2] * min(kernel, stride) + max(kernel - stride, 0)
        return real(smaller(self.image[2], lines) / self.image[2])


def window_of(op: Operator | None) -> Window | None:
    """The window of an operator, or None if it has none."""
    if op is None or op.operator not in _WINDOWED:
        return None
    image, result = op.given(0).shape, op.outputs[0].shape
    weight = op.input(1)
    kernel = op.attributes.get("kernel_shape") or (weight.shape[2:] if weight is not None else (1,))
    axes = len(kernel)

    def along(name: str, default: int, count: int = axes) -> tuple[int, ...]:
        values: Sequence[int] = op.attributes.get(name) or (default,) * count
        return tuple(values)

    return Window(tuple(image), tuple(result), tuple(kernel), along("strides", 1), along("pads", 0, 2 * axes),
                  along("dilations", 1), int(op.attributes.get("group", 1)))
