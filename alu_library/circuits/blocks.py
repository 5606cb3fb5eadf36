"""Operands of block formats: real numbers quantised block by block, and the running sums that their products meet.

Scales are those of the formats' publications: the power of two that brings a block's largest magnitude into the
element's top binade (Open Compute Project MX 1.0, section 6.3), and for NVFP4 that magnitude over 6 in E4M3, under one
scale for the whole tensor (NVIDIA 2025, "Introducing NVFP4").
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from alu_library.formats import Format, accumulator, decode, encode, parse

__all__ = ["buses", "quantised"]

_POINT = 6  # places after the point of MXINT8


def quantised(format: Format, values: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
    """Patterns of the elements and of the scales of blocks: values of shape (blocks, elements of a block)."""
    element, scale = parse(format.element), parse(format.scale)
    largest = np.abs(values).max(axis=1)
    top = float(element.maximum) if element.is_float else float(element.maximum) / 2**_POINT
    if scale.mantissa_bits:
        tensor = largest.max() / (top * float(scale.maximum)) if largest.any() else 1.0
        patterns = encode(scale, np.minimum(largest / top / tensor, float(scale.maximum)))
        factors = decode(scale, patterns) * tensor
    else:
        exponent = np.floor(np.log2(np.where(largest > 0, largest, 1.0))) - np.floor(np.log2(top))
        patterns = (np.clip(exponent, -scale.bias, scale.bias) + scale.bias).astype(np.uint64)
        factors = 2.0**exponent
    scaled = values / np.where(factors > 0, factors, 1.0)[:, None]
    held = np.clip(scaled, -top, top)  # what the largest would round beyond stays the largest
    return encode(element, held if element.is_float else held * 2**_POINT), patterns


def buses(format: Format, a: npt.NDArray[np.float64], b: npt.NDArray[np.float64], length: int
          ) -> dict[str, npt.NDArray[Any]]:
    """Operands of a block dot-product unit: elements, scales, and the sum before each block in dot products of
    ``length`` blocks."""
    x, s = quantised(format, a)
    y, t = quantised(format, b)
    wide = parse(accumulator(format.name))
    sums = (_values(format, x, s) * _values(format, y, t)).sum(axis=1)
    padded = np.zeros(-(-len(sums) // length) * length)
    padded[:len(sums)] = sums
    blocks = padded.reshape(-1, length)
    before = (np.cumsum(blocks, axis=1) - blocks).reshape(-1)[:len(sums)]
    found = {f"a{k}": x[:, k] for k in range(x.shape[1])} | {f"b{k}": y[:, k] for k in range(y.shape[1])}
    return found | {"s": s, "t": t, "c": encode(wide, before)}


def _values(format: Format, elements: npt.NDArray[np.uint64], scales: npt.NDArray[np.uint64]
            ) -> npt.NDArray[np.float64]:
    """What elements and scales stand for, up to the tensor's scale."""
    element, scale = parse(format.element), parse(format.scale)
    values = decode(element, elements) / (1 if element.is_float else 2**_POINT)
    factors = decode(scale, scales) if scale.mantissa_bits else 2.0 ** (scales.astype(np.float64) - scale.bias)
    return np.asarray(values * factors[:, None])
