"""Regression on relative error: non-negative coefficients, robust refinement."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

from tocompiler.extras import needs

__all__ = ["fit_relative"]

Array: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]
_ROUNDS = 20  # of reweighting
_EXACT = 0.02  # a relative error below this is as good as none


@needs("calibration", "fitting a device")
def fit_relative(terms: Array, joule: Array, known: Array | float = 0.0) -> Array:
    """Non-negative coefficients with the least sum of relative errors to the power of 1.5.

    Between least squares, which a few bad rows decide, and least absolute errors, which jump between rows where
    there are few. Non-negative least squares (Lawson and Hanson 1974), reweighted until it settles. ``known``
    is energy that other terms are known to cost.
    """
    from scipy.optimize import nnls

    scale = _scale(terms, joule)
    relative = terms * scale / joule[:, None]
    rest = 1 - np.asarray(known) / joule
    weight = np.ones(len(joule))
    solution = np.zeros(terms.shape[1])
    for _ in range(_ROUNDS):
        before = solution
        solution, _ = nnls(relative * weight[:, None], weight * rest, maxiter=50 * terms.shape[1])
        if np.allclose(solution, before, rtol=1e-4, atol=0):
            break
        weight = np.maximum(np.abs(relative @ solution - rest), _EXACT) ** -0.25
    return np.asarray(solution * scale)


def _scale(terms: Array, joule: Array) -> Array:
    """One over the typical size of each term per joule, so that coefficients are comparable numbers."""
    size = np.median(terms / joule[:, None], axis=0)
    mean = np.mean(terms / joule[:, None], axis=0)
    size = np.where(size > 0, size, mean)
    return np.asarray(1.0 / np.where(size > 0, size, 1.0))
