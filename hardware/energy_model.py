"""EnergyModel: energy as non-negative coefficients on physical terms, with a learned correction and an interval."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np

__all__ = ["Array", "EnergyModel", "Interval", "Kernel", "Trees"]

Array: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class Interval:
    """Split conformal interval on the log residual: half-width ``quantile * (scale(joule) + novelty)``.

    ``scale`` is linear in log energy between the ``log_joule`` knots and constant outside them; ``novelty`` is what a
    row adds that resembles none of the data; ``rows`` held-out residuals gave the quantile; ``level`` is the coverage
    asked for. Beyond the data's range the half-width grows by ``widening`` for each e-fold of distance.
    ``correlation`` is that of the errors of rows in one program (1: unknown, taken as common).
    """

    level: float
    quantile: float
    log_joule: tuple[float, ...]
    scale: tuple[float, ...]
    rows: int
    widening: float = 1.0
    novelty: float = 0.0
    correlation: float = 1.0

    def of_sum(self, joule: Array, half_width: Array) -> float:
        """Half-width in joule of the sum of rows with these energies and half-widths in log energy."""
        parts = joule * half_width
        return math.sqrt(self.correlation * float(parts.sum()) ** 2
                         + (1 - self.correlation) * float((parts**2).sum()))

    def half_width(self, joule: Array, distance: Array | float = 0.0, novelty: Array | float = 0.0) -> Array:
        """Half-width in log energy of predictions at a distance (e-folds outside the data) and a novelty (0 to 1)."""
        scale = np.interp(np.log(np.maximum(joule, 1e-300)), self.log_joule, self.scale)
        return np.asarray(self.quantile * (scale + self.novelty * np.asarray(novelty))
                          + self.widening * np.asarray(distance))


@dataclass(frozen=True, eq=False)
class Kernel:
    """Gaussian-kernel regression ``sum_i weights_i exp(-|x - centres_i|^2 / 2)`` on inputs divided by ``lengths``.

    It fades to zero away from the data. ``columns`` are the inputs it looks at.
    """

    columns: tuple[int, ...]
    lengths: Array
    centres: Array
    weights: Array

    def similarity(self, inputs: Array) -> Array:
        """Kernel between each row of inputs and each centre, between 0 and 1."""
        scaled = inputs[:, list(self.columns)] / self.lengths
        square = (scaled**2).sum(1)[:, None] + (self.centres**2).sum(1) - 2 * scaled @ self.centres.T
        return np.asarray(np.exp(-0.5 * np.maximum(square, 0)))


@dataclass(frozen=True, eq=False)
class Trees:
    """A sum of binary regression trees, each stored breadth first from its root's place in ``roots``.

    ``feature`` is -1 at a leaf, whose ``value`` is added; elsewhere an input above ``value`` goes to the right child,
    any other to the left one. Breadth first, the children of a tree's k-th inner node are its nodes 2k+1 and 2k+2.
    """

    roots: Array
    feature: Array
    value: Array

    @cached_property
    def left(self) -> np.ndarray[Any, np.dtype[np.int64]]:
        """Place of each inner node's left child."""
        inner = np.cumsum(self.feature >= 0) - 1
        root = self.roots.astype(int)[np.searchsorted(self.roots, np.arange(len(self.feature)), side="right") - 1]
        return np.asarray(root + 1 + 2 * (inner - (np.concatenate([[0], inner + 1])[root])))

    def __call__(self, inputs: Array) -> Array:
        rows = np.arange(len(inputs))[:, None]
        node = np.tile(self.roots.astype(int), (len(inputs), 1))
        feature, left = self.feature.astype(int), self.left
        while True:
            inner = feature[node] >= 0
            if not inner.any():
                return np.asarray(self.value[node].sum(1))
            right = inputs[rows, feature[node]] > self.value[node]
            node = np.where(inner, left[node] + right, node)


@dataclass(frozen=True)
class EnergyModel:
    """``joule = (sum_j coefficients_j term_j) ** exponent * exp(correction)``, fitted to rows of one kind.

    ``operators`` are the ONNX names it serves (empty: any) in ``phase`` (empty: any); ``level`` says what one fitted
    row was, an ``operator`` or a ``program``. ``covariance`` is that of the coefficients; ``low`` and ``high`` bound
    the logarithm of each positive term in the data. ``metrics`` are held-out figures. The correction is the mean of
    a kernel regression, with ``kernel_share``, and boosted trees over ``inputs``; both learn the log residual, and the
    trees are faded by the kernel's similarity to the nearest data.
    """

    level: str
    terms: tuple[str, ...]
    coefficients: tuple[float, ...]
    interval: Interval
    covariance: tuple[tuple[float, ...], ...] = ()
    operators: tuple[str, ...] = ()
    phase: str = ""
    exponent: float = 1.0
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    metrics: Mapping[str, float] = field(default_factory=dict)
    kernel: Kernel | None = None
    trees: Trees | None = None
    kernel_share: float = 0.5

    def serves(self, operator: str, phase: str) -> bool:
        """Whether this model was fitted for such rows."""
        return (not self.operators or operator in self.operators) and self.phase in ("", phase)

    def linear(self, terms: Array) -> Array:
        """The physical part for each row of terms: joule to the power of 1/exponent."""
        return np.asarray(terms @ np.asarray(self.coefficients))

    def inputs(self, terms: Array, facts: Array) -> Array:
        """What a correction looks at: log energy, the terms' shares of it, and the facts."""
        parts = terms * np.asarray(self.coefficients)
        linear = np.maximum(parts.sum(1), 1e-300)
        return np.column_stack([np.log(linear), parts / linear[:, None], facts])

    def joule(self, terms: Array, facts: Array) -> Array:
        """Energy for each row of terms and facts."""
        joule = np.maximum(self.linear(terms), 1e-300) ** self.exponent
        if self.kernel is None:
            return np.asarray(joule)
        inputs = self.inputs(terms, facts)
        similarity = self.kernel.similarity(inputs)
        residual = similarity @ self.kernel.weights
        if self.trees is not None:
            faded = self.trees(inputs) * np.minimum(1.0, 10.0 * similarity.max(1))
            residual = self.kernel_share * residual + (1 - self.kernel_share) * faded
        return np.asarray(joule * np.exp(residual))

    def novelty(self, terms: Array, facts: Array) -> Array:
        """How little each row resembles the data, between 0 and 1; 0 without a correction, which alone knows them."""
        if self.kernel is None:
            return np.zeros(len(terms))
        return np.asarray(1.0 - self.kernel.similarity(self.inputs(terms, facts)).max(1))

    def half_width(self, joule: Array, terms: Array, facts: Array) -> Array:
        """Half-width in log energy of the interval of each row, of which ``joule`` was predicted."""
        return self.interval.half_width(joule, self.strain(terms), self.novelty(terms, facts))

    def distance(self, terms: Array) -> Array:
        """How far outside the data each row lies: the largest excess of a term over its range, in e-folds."""
        return np.asarray(self._excess(terms).max(1))

    def strain(self, terms: Array) -> Array:
        """How much that matters: the terms' excesses weighted by their shares of the energy, in e-folds.

        A term far below its range adds next to nothing to the energy, and so next to nothing to its error.
        """
        parts = terms * np.asarray(self.coefficients)
        shares = parts / np.maximum(parts.sum(1, keepdims=True), 1e-300)
        return np.asarray((shares * self._excess(terms)).sum(1))

    def _excess(self, terms: Array) -> Array:
        logs = np.log(np.maximum(terms, 1e-300))
        excess = np.maximum(np.asarray(self.low) - logs, logs - np.asarray(self.high))
        return np.asarray(np.where(terms > 0, np.maximum(excess, 0.0), 0.0))
