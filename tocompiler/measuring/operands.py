"""Operand distributions: the values that tensors are filled with, since energy follows them.

``normal``; ``uniform``; ``constant``; ``zeros=F`` (normal, a fraction F exactly zero); ``sorted`` (normal, ascending);
``mantissa=N`` (normal, N bits of the significand kept, the others zero).
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

__all__ = ["check_operands", "fill"]

Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]
_NAMES = ("normal", "uniform", "constant", "sorted", "zeros=F", "mantissa=N")


def check_operands(spec: str) -> None:
    """ValueError unless the distribution is one that ``fill`` knows."""
    fill((2, 2), spec, np.random.default_rng(0))


def fill(shape: tuple[int, ...], spec: str, random: np.random.Generator) -> Array:
    """An fp32 array of that distribution.

    >>> float((fill((1000,), "zeros=0.75", np.random.default_rng(0)) == 0).mean())
    0.75
    """
    kind, _, argument = spec.partition("=")
    if kind == "constant":
        return np.ones(shape, np.float32)
    if kind == "uniform":
        return random.random(shape, np.float32)
    values = random.standard_normal(shape, np.float32)
    try:
        if kind == "normal":
            return values
        if kind == "sorted":
            return np.sort(values, axis=None).reshape(shape)
        if kind == "zeros" and 0 <= float(argument) <= 1:
            flat = values.reshape(-1)
            flat[random.permutation(flat.size)[:round(float(argument) * flat.size)]] = 0
            return values
        if kind == "mantissa" and 0 <= int(argument) <= 23:
            kept = np.uint32(0xFFFFFFFF << (23 - int(argument)) & 0xFFFFFFFF)
            return (values.view(np.uint32) & kept).view(np.float32)
    except ValueError:
        pass
    raise ValueError(f"unknown operand distribution '{spec}'; use one of {', '.join(_NAMES)}")
