"""Inference: energies and intervals that a model gives for rows of terms and facts, found by name."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from statistics import NormalDist
from typing import Any

import numpy as np

from hardware.energy_model import Array, EnergyModel, Interval, Kernel, Trees
from hardware.terms import FACTS, TERMS

__all__ = ["distance", "fade", "half_width", "input_names", "inputs", "interval_half_width", "joined_half_width",
           "joule", "linear", "log_draws", "novelty", "similarity", "strain", "sum_half_width", "tree_sum"]

_TINY = 1e-300
_FAR = 20.0  # e-folds below the physical model at which a plain one counts: it may say that something costs nothing
_DOUBT = 10.0  # independent held-out rows at which they and the posterior say half of an interval's width each
_TAIL = 1.5  # Student-t noise with 4 degrees of freedom has its nine tenths where a normal of this variance has them
_TERM = {name: i for i, name in enumerate(TERMS)}
_FADE = 10.0  # the trees' share is whole where the kernel's similarity to the nearest row exceeds a tenth


def linear(model: EnergyModel, terms: Array) -> Array:
    """The physical part for each row of terms (rows, TERMS): joule to the power of 1/exponent."""
    return np.asarray(_parts(model, terms).sum(1))


def _parts(model: EnergyModel, terms: Array) -> Array:
    return np.asarray(terms[:, _places(model.terms)] * np.asarray(model.coefficients))


@cache
def _places(names: tuple[str, ...]) -> list[int]:
    return [_TERM[name] for name in names]


def input_names(model: EnergyModel) -> tuple[str, ...]:
    """What a correction may look at: log energy, the terms' shares of it, and the facts."""
    return ("log_joule", *(f"share of {t}" for t in model.terms), *FACTS)


def inputs(model: EnergyModel, terms: Array, facts: Array, names: Sequence[str]) -> Array:
    """The columns of ``names`` among ``input_names`` for each row."""
    parts = _parts(model, terms)
    total = np.maximum(parts.sum(1), _TINY)
    every = np.column_stack([np.log(total), parts / total[:, None], facts])
    place = {name: i for i, name in enumerate(input_names(model))}
    for name in names:
        if name not in place:
            raise ValueError(f"the correction looks at '{name}', of which this model has no term")
    return np.asarray(every[:, [place[name] for name in names]])


def joule(model: EnergyModel, terms: Array, facts: Array, logs: Array | None = None) -> Array:
    """Energy for each row of terms and facts; ``logs`` are its ``log_draws`` where they are known."""
    energy = np.exp(_averaged(model, terms, logs))
    if model.kernel is None:
        return np.asarray(energy)
    near = similarity(model.kernel, inputs(model, terms, facts, model.kernel.inputs))
    residual = near @ model.kernel.weights
    if model.trees is not None:
        faded = tree_sum(model.trees, inputs(model, terms, facts, model.trees.inputs)) * fade(near.max(1))
        residual = model.kernel_share * residual + (1 - model.kernel_share) * faded
    return np.asarray(energy * np.exp(residual))


def _averaged(model: EnergyModel, terms: Array, logs: Array | None) -> Array:
    """Log energy of the physical part, averaged with the plain models."""
    physical = _bent(model, np.log(np.maximum(linear(model, terms), _TINY)), model.exponent)
    if model.draws is not None:
        logs = log_draws(model, terms) if logs is None else logs
        physical = _least_relative_error(logs) if model.rows else np.median(logs, 0)
    mean = (1 - sum(model.shares.values())) * physical
    for name, share in model.shares.items():
        plain = terms[:, _places(model.terms)] @ np.asarray(model.plain[name])
        mean += share * np.maximum(np.log(np.maximum(plain, _TINY)), physical - _FAR)
    return np.asarray(mean)


def log_draws(model: EnergyModel, terms: Array) -> Array:
    """Log energy of each row by each draw of the posterior, (draws, rows)."""
    assert model.draws is not None
    total = model.draws.coefficients @ terms[:, _places(model.terms)].T
    np.log(np.maximum(total, _TINY, out=total), out=total)
    return _bent(model, total, model.draws.exponents[:, None])


def _bent(model: EnergyModel, logs: Array, exponent: Array | float) -> Array:
    """Logarithms of sums to the power of the model. Beyond the energies that were measured the sum grows by itself: a
    bend describes the data, and energies of parts add up."""
    bent = np.asarray(exponent * logs)
    inside = np.clip(bent, *model.measured)
    bent -= inside  # in place: there are many draws of many rows
    bent /= exponent
    bent += inside
    return bent


def _least_relative_error(logs: Array) -> Array:
    """The energy whose relative error is least in the mean over draws (draws, rows): their median, each weighted by one
    over its energy. An overestimate may err by any factor, an underestimate by one. (Not for a prior, so wide that the
    least error is that of half the median.)"""
    # Each row's draws beside each other sort, and sums over them add up, ten times as fast as across the array.
    order = np.ascontiguousarray(np.sort(np.ascontiguousarray(logs.T), axis=1).T)
    weight = np.exp(order[0] - order)
    for i in range(1, len(weight)):
        weight[i] += weight[i - 1]
    return np.asarray(order[np.count_nonzero(weight < weight[-1] / 2, axis=0), np.arange(logs.shape[1])])


def fade(similar: Array) -> Array:
    """The trees' share of what they say, by similarity to the nearest row they learned from: trees never fade alone."""
    return np.asarray(np.minimum(1.0, _FADE * similar))


def similarity(kernel: Kernel, columns: Array) -> Array:
    """Kernel between each row of its inputs and each centre, between 0 and 1."""
    scaled = columns / kernel.lengths
    square = (scaled**2).sum(1)[:, None] + (kernel.centres**2).sum(1) - 2 * scaled @ kernel.centres.T
    return np.asarray(np.exp(-0.5 * np.maximum(square, 0)))


def tree_sum(trees: Trees, columns: Array) -> Array:
    """The trees' sum for each row of their inputs."""
    roots, feature = trees.roots.astype(int), trees.feature.astype(int)
    inner = np.cumsum(feature >= 0) - 1
    root = roots[np.searchsorted(roots, np.arange(len(feature)), side="right") - 1]
    left = root + 1 + 2 * (inner - np.concatenate([[0], inner + 1])[root])
    rows = np.arange(len(columns))[:, None]
    node = np.tile(roots, (len(columns), 1))
    while True:
        inside = feature[node] >= 0
        if not inside.any():
            return np.asarray(trees.value[node].sum(1))
        right = columns[rows, feature[node]] > trees.value[node]
        node = np.where(inside, left[node] + right, node)


def novelty(model: EnergyModel, terms: Array, facts: Array) -> Array:
    """How little each row resembles the data, between 0 and 1; 0 without a correction, which alone knows them."""
    if model.kernel is None:
        return np.zeros(len(terms))
    return np.asarray(1.0 - similarity(model.kernel, inputs(model, terms, facts, model.kernel.inputs)).max(1))


def half_width(model: EnergyModel, energy: Array, terms: Array, facts: Array, logs: Array | None = None) -> Array:
    """Half-width in log energy of the interval of each row, of which ``energy`` was predicted.

    With few groups held out the posterior's own, which residuals of held-out rows replace as groups come.
    """
    found = interval_half_width(model.interval, energy, strain(model, terms), novelty(model, terms, facts))
    if model.draws is None:
        return found
    logs = log_draws(model, terms) if logs is None else logs
    spread = np.sqrt(logs.var(0) + float((model.draws.noise**2).mean()) * _TAIL)
    trust = model.interval.rows / (model.interval.rows + _DOUBT)
    return np.asarray(trust * found + (1 - trust) * NormalDist().inv_cdf(0.5 + model.interval.level / 2) * spread)


def interval_half_width(interval: Interval, energy: Array, away: Array | float = 0.0,
                        new: Array | float = 0.0) -> Array:
    """Half-width in log energy at a distance (e-folds outside the data) and a novelty (0 to 1)."""
    scale = np.interp(np.log(np.maximum(energy, _TINY)), interval.log_joule, interval.scale)
    return np.asarray(interval.quantile * (scale + interval.novelty * np.asarray(new))
                      + interval.widening * np.asarray(away))


def sum_half_width(interval: Interval, energy: Array, half: Array) -> float:
    """Half-width in joule of the sum of rows with these energies and half-widths in log energy."""
    parts = energy * half
    return float(joined_half_width(interval, parts.sum(), (parts**2).sum()))


def joined_half_width(interval: Interval, parts: Any, squares: Any) -> Any:
    """Half-width of a sum from the sums of its parts' half-widths and of their squares, all in joule."""
    return np.sqrt(interval.correlation * parts**2 + (1 - interval.correlation) * squares)


def distance(model: EnergyModel, terms: Array) -> Array:
    """How far outside the data each row lies: the largest excess of a term over its range, in e-folds; ``_NEVER`` where
    a row has a term that the model does not know."""
    unknown = [i for name, i in _TERM.items() if name not in model.terms]
    return np.asarray(np.where(terms[:, unknown].any(1), _NEVER, _excess(model, terms).max(1)))


def strain(model: EnergyModel, terms: Array) -> Array:
    """How much that matters: the terms' excesses weighted by their shares of the energy, in e-folds.

    A term far below its range adds next to nothing to the energy, and so next to nothing to its error. Of a term that
    no row had the prior knows the coefficient within ``_UNSEEN``.
    """
    parts = _parts(model, terms)
    shares = parts / np.maximum(parts.sum(1, keepdims=True), _TINY)
    excess = _excess(model, terms)
    return np.asarray((shares * np.where(excess < _NEVER, excess, _UNSEEN)).sum(1))


_UNSEEN = 2.0  # e-folds: nine in ten of the deviations about a prior's mean, whose standard deviation is some 1.3
_NEVER = 1e3  # e-folds: a term that no row had is outside the data wherever it occurs


def _excess(model: EnergyModel, terms: Array) -> Array:
    """E-folds by which each positive term of the model lies outside its range."""
    own = terms[:, _places(model.terms)]
    logs = np.log(np.maximum(own, _TINY))
    excess = np.maximum(np.asarray(model.low) - logs, logs - np.asarray(model.high))
    return np.asarray(np.where(own > 0, np.clip(excess, 0.0, _NEVER), 0.0))
