"""The operands of 208 measured matrix products, generated again from their published parameters.

Gregersen, Patel and Choukse (SC'24 Sustainable Supercomputing, arXiv:2409.18324) measured one 2048³ product on an A100
under 15 experiments' operands. Experiment and parameter name a matrix; the few constants that an experiment repeats are
those of the C++ standard library's ``default_random_engine`` at the published seeds, everything else is drawn here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

__all__ = ["SIDE", "Matrix", "number"]

SIDE = 2048
"""Rows and columns of every matrix."""

_SORTED, _SPARSE, _CONSTANT = (7, 12), (11, 12), (4, 5, 6)
_SEEDS = 10

Array = npt.NDArray[Any]


def number(experiment: str) -> int:
    """The number of an experiment; 0 for the baseline."""
    return 0 if experiment == "baseline" else int(experiment.partition("-")[0])


@dataclass
class Matrix:
    """One operand: called with rows and columns (ascending) it gives the bit patterns there, of its next seed."""

    experiment: int
    parameter: float
    bits: int
    first_seed: int
    rng: np.random.Generator
    _seeds: Iterator[int] = field(init=False)

    def __post_init__(self) -> None:
        self._seeds = cycle(range(self.first_seed, self.first_seed + _SEEDS))

    def __call__(self, rows: Array, columns: Array) -> Array:
        values = self._normals(next(self._seeds), rows, columns)
        if self.experiment == 1:
            values = values * self.parameter
        else:
            values = values + self.parameter if self.experiment in (2, 7) else values * 1024.0
        if self.experiment in _SPARSE:
            values = np.where(self.rng.random(values.shape) < self.parameter, 0.0, values)
        real, word = (np.float16, np.uint16) if self.bits == 16 else (np.float32, np.uint32)
        with np.errstate(over="ignore"):
            patterns: Array = values.astype(np.float32).astype(real).view(word)
        return self._with_bits(patterns)

    def _normals(self, seed: int, rows: Array, columns: Array) -> Array:
        """Standard normal values, sorted, repeated or constant as the experiment has them."""
        shape, kind, share = (len(rows), len(columns)), self.experiment, self.parameter
        place = rows[:, None] * SIDE + columns
        if kind in _SORTED:
            return _quantile((place + 0.5) / SIDE**2)
        if kind in (8, 9, 13):  # the smallest share in order, by rows or by columns; the rest as it came
            place = columns * SIDE + rows[:, None] if kind == 9 else place
            rest = _quantile(share + (1 - share) * self.rng.random(shape))
            return np.where(place < share * SIDE**2, _quantile((place + 0.5) / SIDE**2), rest)
        if kind == 10:
            return self._sorted_rows(shape, columns)
        if kind == 3:
            return _drawn(seed, int(share))[self.rng.integers(0, int(share), shape)]
        return np.full(shape, _drawn(seed, 1)[0]) if kind in _CONSTANT else self.rng.standard_normal(shape)

    def _sorted_rows(self, shape: tuple[int, int], columns: Array) -> Array:
        """Order statistics of every row at some columns: ratios of gamma variables (Devroye 1986, section V.3)."""
        gaps = self.rng.standard_gamma(np.broadcast_to(np.diff(columns, prepend=-1), shape)).cumsum(axis=1)
        total = gaps[:, -1:] + self.rng.standard_gamma(SIDE - columns[-1], (shape[0], 1))
        rest = _quantile(self.parameter + (1 - self.parameter) * self.rng.random(shape))
        return np.where(columns < int(SIDE * self.parameter), _quantile(gaps / total), rest)

    def _with_bits(self, patterns: Array) -> Array:
        """Bits flipped, drawn or cleared, after rounding to the format."""
        if self.experiment not in (*_CONSTANT, 14, 15):
            return patterns
        every, n = (1 << self.bits) - 1, int(self.parameter)
        low, high = (1 << n) - 1, every ^ ((1 << (self.bits - n)) - 1)
        random = self.rng.integers(0, every, patterns.shape, dtype=np.uint64, endpoint=True)
        changed: dict[int, Callable[[Array], Array]] = {
            4: lambda p: p ^ self._masks(n, patterns.shape), 5: lambda p: p & (every ^ low) | random & low,
            6: lambda p: p & (every ^ high) | random & high, 14: lambda p: p & (every ^ low),
            15: lambda p: p & (every ^ high),
        }
        return np.asarray(changed[self.experiment](patterns.astype(np.uint64)).astype(patterns.dtype))

    def _masks(self, ones: int, shape: tuple[int, ...]) -> Array:
        """Random words with some number of ones."""
        places = self.rng.permuted(np.tile(np.arange(self.bits), (1 << 13, 1)), axis=1)[:, :ones]
        masks = (np.uint64(1) << places.astype(np.uint64)).sum(axis=1, dtype=np.uint64)
        return masks[self.rng.integers(0, len(masks), shape)]


def _quantile(probability: Array) -> Array:
    return np.asarray(ndtri(np.clip(probability, 1e-9, 1 - 1e-9)))


def _drawn(seed: int, count: int) -> Array:
    """Normals as libstdc++ draws them: polar method (Marsaglia 1964) over minstd_rand0 (Lewis et al. 1969)."""
    state, found = seed, list[float]()

    def uniform() -> float:
        nonlocal state
        state = state * 16807 % 2147483647
        return (state - 1) / 2147483646

    while len(found) < count:
        x, y = 2 * uniform() - 1, 2 * uniform() - 1
        square = x * x + y * y
        if 0 < square <= 1:
            factor = math.sqrt(-2 * math.log(square) / square)
            found += [y * factor, x * factor]
    return np.array(found[:count])
