"""Operands for integer circuits: all pairs of small widths, corners and random values of large ones."""

from collections.abc import Callable
from functools import lru_cache

import numpy as np
import pytest

Pairs = tuple[list[int], list[int]]

WIDTHS = (*range(9, 18), 23, 24, 25, 31, 32, 33, 47, 48, 53, 63, 64)
"""Widths above those that are tried exhaustively: powers of two, their neighbours, significands, and some between."""


@lru_cache(maxsize=32)
def _pairs(width: int, signed: bool = False, count: int = 1000) -> Pairs:
    """Two lists of Python integers: exhaustive up to 8 bits where there are at most 2**16 pairs."""
    low, high = (-(1 << (width - 1)), (1 << (width - 1)) - 1) if signed else (0, (1 << width) - 1)
    if width <= 8:
        values = range(low, high + 1)
        return [x for x in values for _ in values], [y for _ in values for y in values]
    rng = np.random.default_rng(width)
    corners = [low, low + 1, -1 % (high + 1), 0, 1, high - 1, high]
    first = [x for x in corners for _ in corners]
    second = [y for _ in corners for y in corners]
    for values in (first, second):
        drawn = rng.integers(0, (1 << 64) - 1, count, dtype=np.uint64, endpoint=True).tolist()
        values += [low + v % (high - low + 1) for v in drawn]
    return first, second


@pytest.fixture
def pairs() -> Callable[..., Pairs]:
    """``pairs(width, signed, count)``: operands for a circuit with two inputs."""
    return _pairs


@pytest.fixture
def words() -> Callable[[list[int]], np.ndarray]:
    """Python integers as an array that a circuit takes: two's complement in 64 bits, or Python integers above."""
    def convert(values: list[int]) -> np.ndarray:
        if max(values, default=0) >> 64:
            return np.array(values, dtype=object)
        return np.array([v % (1 << 64) for v in values], dtype=np.uint64)
    return convert


@pytest.fixture
def widths() -> tuple[int, ...]:
    """Widths above 8 to try with random operands."""
    return WIDTHS
