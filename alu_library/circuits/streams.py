"""Operand streams: arrays of integers whose statistics are known, to drive a circuit with.

Every stream is a plain array, so the user's own array is a stream as well. Generators are seeded by the caller and
deterministic; the share of zeros is drawn element by element, on top of the distribution.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = [
    "DISTRIBUTIONS", "Integers", "accumulating", "best_spread", "constant", "normal", "relu", "uniform",
    "weight_stationary",
]

Integers: TypeAlias = npt.NDArray[np.int64] | npt.NDArray[np.uint64]


class Distribution(Protocol):
    """Draws ``count`` integers of ``width`` bits, a share of them replaced by zeros."""

    def __call__(self, rng: np.random.Generator, count: int, width: int, signed: bool = False,
                 zeros: float = 0.0) -> Integers: ...


def uniform(rng: np.random.Generator, count: int, width: int, signed: bool = False, zeros: float = 0.0) -> Integers:
    """All values of the width alike (1-64 bits)."""
    drawn: Integers
    if signed:
        drawn = rng.integers(-(1 << (width - 1)), (1 << (width - 1)) - 1, count, dtype=np.int64, endpoint=True)
    else:
        drawn = rng.integers(0, (1 << width) - 1, count, dtype=np.uint64, endpoint=True)
    return _with_zeros(rng, drawn, zeros)


_CLIPS_AT_FOUR = 8
"""From this width on a quantiser clips at four standard deviations, which is within 3 % of the best scale at 8 bits."""


def normal(rng: np.random.Generator, count: int, width: int, signed: bool = False, zeros: float = 0.0,
           spread: float | None = None) -> Integers:
    """Normal around 0, rounded and clipped, with ``spread`` as its standard deviation in units of the largest value:
    unless given, a quarter from 8 bits on, and below the scale that minimises the squared error, as quantisers choose
    it. Unsigned: magnitudes."""
    top = (1 << (width - signed)) - 1
    if spread is None:
        spread = 0.25 if width >= _CLIPS_AT_FOUR else best_spread(top)
    real = rng.standard_normal(count) * (spread * top)
    if not signed:
        real = np.abs(real)
    # The largest double below 2**63 or 2**64 keeps the conversion in range where the width has more bits than a double.
    clipped = np.rint(np.clip(real, -top if signed else 0, np.nextafter(float(top + 1), 0) if width > 53 else top))
    drawn: Integers = clipped.astype(np.int64) if signed else clipped.astype(np.uint64)
    return _with_zeros(rng, drawn, zeros)


@cache
def best_spread(top: int) -> float:
    """The standard deviation, in units of ``top``, at which normal numbers lose least squared error when they are
    rounded to whole numbers from -top to top (Max 1960, uniform quantiser); to four digits."""
    x = np.linspace(0.0, 8.0, 4001)
    density = np.exp(-x * x / 2)
    scales = np.linspace(0.2, 1.5, 1301) * top / np.sqrt(2 * np.log(2 * top + 1))
    lost = [float((density * (x - np.clip(np.rint(x * s), 0, top) / s) ** 2).sum()) for s in scales]
    return round(float(scales[int(np.argmin(lost))]) / top, 4)


def relu(rng: np.random.Generator, count: int, width: int, signed: bool = False, zeros: float = 0.5) -> Integers:
    """What a ReLU lets through: magnitudes of :func:`normal`, half of them 0 unless said."""
    magnitudes: Integers = np.abs(normal(rng, count, width, signed))
    return _with_zeros(rng, magnitudes, zeros)


def constant(count: int, value: int = 0) -> Integers:
    """One value throughout."""
    return np.full(count, value, dtype=np.int64) if value < 0 else np.full(count, value, dtype=np.uint64)


def weight_stationary(values: npt.NDArray[Any], hold: int) -> npt.NDArray[Any]:
    """Each value held for ``hold`` operations, as a systolic array holds its weights; as long as ``values`` is."""
    return np.repeat(values[:-(-len(values) // hold)], hold)[:len(values)]


def accumulating(a: npt.NDArray[Any], b: npt.NDArray[Any], width: int, length: int) -> npt.NDArray[np.uint64]:
    """The accumulator that each product meets: the sum of the products before it in its dot product of ``length``
    terms, modulo 2**width (at most 64 bits)."""
    products = a.astype(np.int64) * b.astype(np.int64)
    padded = np.zeros(-(-len(products) // length) * length, dtype=np.int64)
    padded[:len(products)] = products
    terms = padded.reshape(-1, length)
    before = (np.cumsum(terms, axis=1) - terms).reshape(-1)[:len(products)]
    return before.view(np.uint64) & np.uint64((1 << width) - 1)


DISTRIBUTIONS: Mapping[str, Distribution] = {"uniform": uniform, "normal": normal, "relu": relu}
"""Distributions by name."""


def _with_zeros(rng: np.random.Generator, values: Integers, zeros: float) -> Integers:
    if not 0.0 <= zeros <= 1.0:
        raise ValueError(f"the share of zeros is between 0 and 1, not {zeros}")
    replaced: Integers = np.where(rng.random(len(values)) < zeros, values.dtype.type(0), values)
    return replaced
