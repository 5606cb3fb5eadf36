"""Correction: what the physical terms leave over, learned from the log residual, for many independent rows only.

Two learners are averaged: a Gaussian process (Rasmussen and Williams 2006, ch. 2, 5), whose length scale for each
input is found by maximum likelihood and whose mean is kept on a subset of centres (subset of regressors, ch. 8.3.1),
and gradient-boosted trees (Friedman 2001). Both are exported as plain numbers that numpy evaluates.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

from hardware.energy_model import Kernel, Trees

__all__ = ["fit_kernel", "fit_trees"]

Array: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]
_TUNED_ON = 350  # rows that the length scales are tuned on: the likelihood costs their cube
_CENTRES = 300
_IRRELEVANT = 40.0  # an input whose length scale exceeds this many standard deviations is left out


def fit_kernel(inputs: Array, residual: Array, seed: int = 0) -> Kernel:
    """A sparse Gaussian-process mean of the log residual, with an automatic length scale for each input."""
    from scipy.linalg import cho_factor, cho_solve

    spread = inputs.std(0)
    columns = [i for i, s in enumerate(spread) if s > 1e-6]
    scaled = inputs[:, columns] / spread[columns]
    order = np.random.default_rng(seed).permutation(len(scaled))
    lengths, signal, noise = _tune(scaled[order[:_TUNED_ON]], residual[order[:_TUNED_ON]])
    kept = [i for i, length in enumerate(lengths) if length < _IRRELEVANT] or [int(np.argmin(lengths))]
    columns = [columns[i] for i in kept]
    widths = (spread[columns] * lengths[kept]).round(12)
    bare = Kernel(tuple(columns), widths, inputs[order[:_CENTRES]][:, columns] / widths, np.zeros(1))
    cross = bare.similarity(inputs)
    among = bare.similarity(inputs[order[:_CENTRES]]) + 1e-8 * np.eye(len(bare.centres))
    system = cross.T @ cross + noise / signal * among + 1e-9 * np.eye(len(among))
    return Kernel(bare.columns, widths, bare.centres, cho_solve(cho_factor(system), cross.T @ residual))


def _tune(inputs: Array, residual: Array, steps: int = 40) -> tuple[Array, float, float]:
    """Length scales, signal and noise variance of largest marginal likelihood, with a broad prior on the lengths."""
    from scipy.optimize import minimize

    dimensions = inputs.shape[1]
    typical = 0.5 * np.log(dimensions)
    variance = float(residual.var()) + 1e-6
    start = np.concatenate([np.full(dimensions, typical), np.log([variance, 0.2 * variance])])
    bounds = [(-2.0, 6.0)] * dimensions + [(-10.0, 4.0), (-12.0, 2.0)]
    best = minimize(_negative_log_likelihood, start, (inputs, residual, typical), "L-BFGS-B", True, bounds=bounds,
                    options={"maxiter": steps}).x
    return np.exp(best[:-2]), float(np.exp(best[-2])), float(np.exp(best[-1]))


def _negative_log_likelihood(z: Array, inputs: Array, residual: Array, typical: float) -> tuple[float, Array]:
    """Rasmussen and Williams (2.30) and its gradient (5.9) in the logarithms of lengths, signal and noise."""
    from scipy.linalg import cho_factor, cho_solve

    logs, signal, noise = z[:-2], np.exp(z[-2]), np.exp(z[-1])
    x = inputs / np.exp(logs)
    square = np.maximum((x**2).sum(1)[:, None] + (x**2).sum(1) - 2 * x @ x.T, 0)
    kernel = signal * np.exp(-0.5 * square)
    factor = cho_factor(kernel + noise * np.eye(len(x)), lower=True)
    alpha = cho_solve(factor, residual)
    pull = np.outer(alpha, alpha) - cho_solve(factor, np.eye(len(x)))
    weighted = pull * kernel
    by_length = 2 * ((x**2) * weighted.sum(1)[:, None]).sum(0) - 2 * ((weighted @ x) * x).sum(0)
    drift = (logs - typical) / 1.5
    value = 0.5 * residual @ alpha + np.log(np.diag(factor[0])).sum() + 0.5 * (drift**2).sum()
    gradient = np.concatenate([drift / 1.5 - 0.5 * by_length,
                               [-0.5 * weighted.sum(), -0.5 * noise * np.trace(pull)]])
    return float(value), gradient


def fit_trees(inputs: Array, residual: Array, seed: int = 0, trees: int = 300, leaves: int = 12,
              rate: float = 0.06) -> Trees:
    """Boosted regression trees on the log residual, on random halves of rows and inputs."""
    from sklearn.ensemble import GradientBoostingRegressor

    model = GradientBoostingRegressor(
        n_estimators=trees, learning_rate=rate, max_leaf_nodes=leaves, max_depth=None, min_samples_leaf=5,
        subsample=0.6, max_features=0.4, init="zero", random_state=seed,
    ).fit(inputs, residual)
    return _export([stage[0].tree_ for stage in model.estimators_], rate)


def _export(trees: list[Any], rate: float) -> Trees:
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
    return Trees(*(np.array(x, dtype=float) for x in (roots, feature, value)))
