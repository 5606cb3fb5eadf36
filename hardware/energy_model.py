"""EnergyModel: what calibration learned about one kind of rows, as plain data for tocompiler.energy."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np

__all__ = ["Array", "Draws", "EnergyModel", "Interval", "Kernel", "Trees"]

Array: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class Interval:
    """Split conformal interval on the log residual: half-width ``quantile * (scale(joule) + novelty)``.

    level: coverage asked for
    quantile: of the scaled held-out residuals
    log_joule, scale: knots of the residual's scale, linear in log energy between them and constant outside
    rows: independent rows that the held-out residuals which gave the quantile are worth
    widening: growth of the half-width for each e-fold outside the data
    novelty: what a row adds that resembles none of the data
    correlation: of the errors of rows in one program (1: unknown, taken as common)
    """

    level: float
    quantile: float
    log_joule: tuple[float, ...]
    scale: tuple[float, ...]
    rows: int
    widening: float = 1.0
    novelty: float = 0.0
    correlation: float = 1.0


@dataclass(frozen=True, eq=False)
class Kernel:
    """Gaussian-kernel regression ``sum_i weights_i exp(-|x - centres_i|^2 / 2)`` that fades away from the data.

    inputs: names of what it looks at
    lengths: what each input is divided by, (inputs)
    centres: the data, divided by the lengths, (centres, inputs)
    weights: of the centres, (centres)
    """

    inputs: tuple[str, ...]
    lengths: Array
    centres: Array
    weights: Array

    def shifted(self, name: str, by: float) -> Kernel:
        """The same of rows in which one input is larger by so much."""
        moved = np.array([by if n == name else 0.0 for n in self.inputs])
        return replace(self, centres=self.centres + moved / self.lengths)


@dataclass(frozen=True, eq=False)
class Trees:
    """A sum of binary regression trees, each stored breadth first.

    inputs: names of what they look at
    roots: place of each tree's root among the nodes
    feature: of each node, a place among the inputs; -1 at a leaf
    value: a leaf's addend; elsewhere the threshold above which an input goes to the right child

    Breadth first, the children of a tree's k-th inner node are its nodes 2k+1 and 2k+2.
    """

    inputs: tuple[str, ...]
    roots: Array
    feature: Array
    value: Array

    def shifted(self, name: str, by: float) -> Trees:
        """The same of rows in which one input is larger by so much."""
        place = self.inputs.index(name) if name in self.inputs else -2
        return replace(self, value=np.where(self.feature == place, self.value + by, self.value))


@dataclass(frozen=True, eq=False)
class Draws:
    """What else the coefficients may be: draws of their posterior, over which predictions are averaged.

    coefficients: joule per unit of each term, (draws, terms)
    exponents: powers of the sum, (draws)
    noise: of a row about its model, in log energy
    """

    coefficients: Array
    exponents: Array
    noise: Array


@dataclass(frozen=True)
class EnergyModel:
    """``joule = (sum_j coefficients_j term_j) ** exponent * exp(correction)``, fitted to rows of one kind.

    level: what one fitted row was, an ``operator`` or a ``program``
    terms: names of the terms (hardware.terms)
    coefficients: joule per unit of each term
    interval: of predictions
    covariance: of the coefficients, (terms, terms)
    operators, phase: ONNX names and pass that it serves (empty: any)
    exponent: power of the sum
    seen: kinds of operators, formats and phases of its rows (``operators``, ``formats``, ``phases``; empty: unknown)
    low, high: logarithms that bound each positive term in the data
    metrics: held-out figures
    kernel, trees: learners of the log residual (None: no correction), the trees faded by the kernel's similarity
    kernel_share: the kernel's share of their mean
    rows: how many it was fitted to (0: none, its draws are what was known before)
    draws: of the coefficients, where rows are few (None: the coefficients alone)
    plain, shares: coefficients of plain models by name, and how much of the mean of logarithms each has
    measured: logarithms of the least and the largest energy in the data, beyond which the sum has no power
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
    seen: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    rows: int = 0
    draws: Draws | None = None
    plain: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    shares: Mapping[str, float] = field(default_factory=dict)
    measured: tuple[float, float] = (-math.inf, math.inf)

    def serves(self, operator: str, phase: str) -> bool:
        """Whether this model was fitted for such rows."""
        return (not self.operators or operator in self.operators) and self.phase in ("", phase)

    def coefficient(self, term: str) -> float:
        """Joule per unit of a term, 0 where the model has none."""
        return dict(zip(self.terms, self.coefficients, strict=True)).get(term, 0.0)

    def scaled(self, factor: float) -> EnergyModel:
        """The model of everything it predicts times a factor."""
        base = factor ** (1 / self.exponent)
        draws = self.draws and replace(self.draws, coefficients=self.draws.coefficients
                                       * factor ** (1 / self.draws.exponents)[:, None])
        return replace(
            self, coefficients=tuple(c * base for c in self.coefficients), draws=draws,
            measured=(self.measured[0] + math.log(factor), self.measured[1] + math.log(factor)),
            plain={name: tuple(c * factor for c in plain) for name, plain in self.plain.items()},
            covariance=tuple(tuple(v * base**2 for v in row) for row in self.covariance),
            interval=replace(self.interval, log_joule=tuple(x + math.log(factor) for x in self.interval.log_joule)),
            kernel=self.kernel and self.kernel.shifted("log_joule", math.log(base)),
            trees=self.trees and self.trees.shifted("log_joule", math.log(base)))
