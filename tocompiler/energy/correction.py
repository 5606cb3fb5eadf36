"""Correction: what the physical terms leave over, learned from the log residual, for many independent rows only.

Two learners are averaged: a Gaussian process (Rasmussen and Williams 2006, ch. 2, 5) and gradient-boosted trees
(Friedman 2001), both exported as plain numbers that numpy evaluates. Meters read short executions badly, so the noise
of a row falls with its predicted energy; the process finds how fast, together with a length scale for each input, by
maximum likelihood, and the trees weight their rows by it. Each learner's share of the mean is what predicts rows best
that both were held out from (stacking, Breiman 1996), or a half where rows belong to few groups.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np

from hardware.energy_model import Array, Kernel, Trees
from tocompiler.energy.inference import fade, similarity, tree_sum
from tocompiler.extras import needs

__all__ = ["Learned", "fit_correction"]

Index: TypeAlias = np.ndarray[Any, np.dtype[np.signedinteger[Any]]]
_CENTRES = 1000  # rows that the process keeps: its fit costs their cube, a device file their number
_ROUGHLY = 400  # rows on which the likelihood is climbed first: each step costs their cube
_IRRELEVANT = 40.0  # an input whose length scale exceeds this many standard deviations is left out
_BAGS = 3  # boostings on different random halves, averaged
_FLOOR = 0.05**2  # variance added to a row's noise before the trees weight it: no row counts without bound
_NOISES = 3  # noise is exp(a) + exp(b - c log energy)
_MANY = 1500  # rows from which trees choose among histograms' bins, and more of them are worth it


@dataclass(frozen=True)
class Learned:
    """Both learners, the kernel's share of their mean, and what they say of rows they did not see.

    rows: that were held out in turn (none: no parts were given)
    unseen: log residual of each, predicted without it; novelty: how little it resembled the others
    """

    kernel: Kernel
    trees: Trees
    share: float
    rows: Index
    unseen: Array
    novelty: Array


def fit_correction(every: Array, names: Sequence[str], residual: Array, parts: Sequence[Index],
                   seed: int = 0) -> Learned:
    """Both learners of the log residual.

    ``every`` has a column for each name, the logarithm of the predicted energy first; those that never change are left
    out. ``parts`` are the rows to be held out together to find the kernel's share of the mean (none: a half).
    """
    moving = [0, *(i for i in range(1, every.shape[1]) if np.ptp(every[:, i]) > 0)]
    inputs, called = every[:, moving], tuple(names[i] for i in moving)
    kept = np.sort(np.random.default_rng(seed).permutation(len(inputs))[:_CENTRES])
    kernel, noise, inverse = _fit_kernel(inputs[kept], residual[kept], inputs, called)
    weights = 1 / (noise + _FLOOR)
    trees = _fit_trees(inputs, called, residual, weights, seed)
    if not parts:
        return Learned(kernel, trees, 0.5, kept[:0], np.zeros(0), np.zeros(0))
    return _shared(kernel, trees, inputs, residual, weights, parts, kept, inverse, seed)


def _shared(kernel: Kernel, trees: Trees, inputs: Array, residual: Array, weights: Array, parts: Sequence[Index],
            kept: Index, inverse: Array, seed: int) -> Learned:
    """The kernel's share, between 0 and 1, of least weighted squared error on kept rows held out part by part.

    The process' held-out means follow from the inverse of its covariance (Rasmussen and Williams 2006, 5.12).
    """
    centres, measured = inputs[kept], residual[kept]
    pull = inverse @ measured
    by_kernel, by_trees, near = np.zeros(len(kept)), np.zeros(len(kept)), np.zeros(len(kept))
    place = np.array([trees.inputs.index(name) for name in kernel.inputs])
    for held in parts:
        part = np.searchsorted(kept, held[np.isin(held, kept)])
        by_kernel[part] = measured[part] - np.linalg.solve(inverse[np.ix_(part, part)], pull[part])
        rest = np.setdiff1d(np.arange(len(inputs)), held)
        grown = _fit_trees(inputs[rest], (), residual[rest], weights[rest], seed, bags=1)
        by_trees[part] = tree_sum(grown, centres[part])
        others = replace(kernel, centres=kernel.centres[np.setdiff1d(np.arange(len(kept)), part)])
        near[part] = similarity(others, centres[np.ix_(part, place)]).max(1)
    apart, missing, weight = by_kernel - by_trees, measured - by_trees, weights[kept]
    share = float(np.clip((weight * apart) @ missing / (float((weight * apart) @ apart) + 1e-300), 0, 1))
    unseen = share * by_kernel + (1 - share) * by_trees * fade(near)
    return Learned(kernel, trees, share, kept, unseen, 1 - near)


def _fit_kernel(centres: Array, residual: Array, inputs: Array,
                names: Sequence[str]) -> tuple[Kernel, Array, Array]:
    """The mean of a Gaussian process with an automatic length scale for each input, the noise variance of all
    ``inputs``, and the inverse of the centres' covariance over the signal's variance."""
    spread = centres.std(0)
    columns = [i for i, s in enumerate(spread) if s > 1e-6]
    middle = centres[:, 0].mean()
    energy = centres[:, 0] - middle
    found = _tune(centres[:, columns] / spread[columns], residual, energy)
    lengths, signal, noise = np.exp(found[:len(columns)]), np.exp(found[len(columns)]), found[-_NOISES:]
    kept = [i for i, length in enumerate(lengths) if length < _IRRELEVANT] or [int(np.argmin(lengths))]
    columns = [columns[i] for i in kept]
    widths = (spread[columns] * lengths[kept]).round(12)
    bare = Kernel(tuple(names[i] for i in columns), widths, centres[:, columns] / widths, np.zeros(1))
    alike = similarity(bare, centres[:, columns])
    inverse = np.asarray(np.linalg.inv(alike + np.diag(_noise(noise, energy) / signal)), dtype=float)
    return replace(bare, weights=inverse @ residual), _noise(noise, inputs[:, 0] - middle), inverse


def _noise(logs: Array, energy: Array) -> Array:
    """Noise variance of rows of a log energy: a part that all share, and one that falls with a power of it."""
    return np.asarray(np.exp(logs[0]) + np.exp(logs[1] - logs[2] * energy))


@needs("calibration", "fitting a device")
def _tune(inputs: Array, residual: Array, energy: Array) -> Array:
    """Logarithms of length scales and signal variance, and the noise, of largest marginal likelihood, with broad priors
    on the lengths and on how fast the noise falls. Some rows find the region, all of them the place in it."""
    from scipy.optimize import minimize

    dimensions = inputs.shape[1]
    typical = 0.5 * np.log(dimensions)
    variance = float(residual.var()) + 1e-6
    found = np.concatenate([np.full(dimensions, typical), np.log([variance, 0.1 * variance, 0.1 * variance]), [0.5]])
    bounds = [(-2.0, 6.0)] * dimensions + [(-10.0, 4.0), (-12.0, 2.0), (-14.0, 2.0), (0.0, 3.0)]
    few = np.random.default_rng(0).permutation(len(inputs))[:_ROUGHLY]
    for some, steps in ((few, 40), (np.arange(len(inputs)), 12)):
        found = minimize(_negative_log_likelihood, found, (inputs[some], residual[some], energy[some], typical),
                         "L-BFGS-B", True, bounds=bounds, options={"maxiter": steps}).x
    return np.asarray(found)


def _negative_log_likelihood(z: Array, inputs: Array, residual: Array, energy: Array,
                             typical: float) -> tuple[float, Array]:
    """Rasmussen and Williams (2.30) and its gradient (5.9) in the logarithms of lengths and signal, and the noise."""
    from scipy.linalg import cho_factor, cho_solve

    logs, signal, noise = z[:-1 - _NOISES], np.exp(z[-1 - _NOISES]), z[-_NOISES:]
    x = inputs / np.exp(logs)
    square = np.maximum((x**2).sum(1)[:, None] + (x**2).sum(1) - 2 * x @ x.T, 0)
    kernel = signal * np.exp(-0.5 * square)
    variance = _noise(noise, energy)
    factor = cho_factor(kernel + np.diag(variance + 1e-9), lower=True)
    alpha = cho_solve(factor, residual)
    pull = np.outer(alpha, alpha) - cho_solve(factor, np.eye(len(x)))
    weighted = pull * kernel
    by_length = 2 * ((x**2) * weighted.sum(1)[:, None]).sum(0) - 2 * ((weighted @ x) * x).sum(0)
    drift, fall = (logs - typical) / 1.5, (noise[2] - 0.5) / 0.5
    value = 0.5 * residual @ alpha + np.log(np.diag(factor[0])).sum() + 0.5 * (drift**2).sum() + 0.5 * fall**2
    shared, falling = np.diag(pull) * np.exp(noise[0]), np.diag(pull) * (variance - np.exp(noise[0]))
    gradient = np.concatenate([drift / 1.5 - 0.5 * by_length, [
        -0.5 * weighted.sum(), -0.5 * shared.sum(), -0.5 * falling.sum(), 0.5 * falling @ energy + fall / 0.5]])
    return float(value), gradient


@needs("calibration", "fitting a device")
def _fit_trees(inputs: Array, names: Sequence[str], residual: Array, weights: Array, seed: int, bags: int = _BAGS,
               trees: int = 300, leaves: int = 12, rate: float = 0.06) -> Trees:
    """Boosted regression trees on the log residual, on random halves of rows and inputs, averaged over boostings."""
    if len(inputs) >= _MANY:
        return _fit_histograms(inputs, names, residual, weights, seed)
    from sklearn.ensemble import GradientBoostingRegressor

    stages = [stage[0].tree_ for bag in range(bags) for stage in GradientBoostingRegressor(
        n_estimators=trees, learning_rate=rate, max_leaf_nodes=leaves, max_depth=None, min_samples_leaf=5,
        subsample=0.6, max_features=0.4, init="zero", random_state=seed + bag,
    ).fit(inputs, residual, weights / weights.mean()).estimators_]
    return _export(stages, names, rate / bags)


def _fit_histograms(inputs: Array, names: Sequence[str], residual: Array, weights: Array, seed: int) -> Trees:
    """One boosting of larger trees on binned inputs (Ke et al. 2017), whose cost does not grow with the rows' order."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    found = HistGradientBoostingRegressor(
        max_iter=600, learning_rate=0.06, max_leaf_nodes=31, min_samples_leaf=8, early_stopping=False,
        random_state=seed,
    ).fit(inputs, residual, weights / weights.mean())
    roots, feature, value = [0], [-1], [float(np.ravel(found._baseline_prediction)[0])]
    for (tree,) in found._predictors:  # sklearn has no public name for the grown trees
        roots.append(len(feature))
        waiting = [0]
        for place in waiting:
            node = tree.nodes[place]
            feature.append(-1 if node["is_leaf"] else int(node["feature_idx"]))
            value.append(float(node["value"] if node["is_leaf"] else node["num_threshold"]))
            if not node["is_leaf"]:
                waiting += [int(node["left"]), int(node["right"])]
    return Trees(tuple(names), *(np.array(x, dtype=float) for x in (roots, feature, value)))


def _export(trees: list[Any], names: Sequence[str], rate: float) -> Trees:
    """Nodes of all trees in one list, each tree breadth first."""
    roots: list[int] = []
    feature: list[int] = []
    value: list[float] = []
    for tree in trees:
        roots.append(len(feature))
        waiting = [0]
        for node in waiting:
            leaf = tree.children_left[node] < 0
            feature.append(-1 if leaf else int(tree.feature[node]))
            value.append(rate * float(tree.value[node].item()) if leaf else float(tree.threshold[node]))
            if not leaf:
                waiting += [tree.children_left[node], tree.children_right[node]]
    return Trees(tuple(names), *(np.array(x, dtype=float) for x in (roots, feature, value)))
