"""Regression on relative error: non-negative coefficients, robust refinement, and what statistics says of them."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from tocompiler.extras import needs

__all__ = ["Inference", "fit_relative", "infer"]

Array: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]
_ACTIVE = 1e-9  # a coefficient below this share of the mean energy counts as zero
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


@dataclass(frozen=True)
class Inference:
    """What ordinary statistics says of the active coefficients (weighted least squares, weights 1/joule^2).

    ``names`` are the active terms; ``vif`` their variance inflation factors on the weighted columns; ``precision``
    is 1 - MAPE. Standard errors ignore that coefficients were kept non-negative.
    """

    names: tuple[str, ...]
    coefficients: tuple[float, ...]
    standard_errors: tuple[float, ...]
    t_values: tuple[float, ...]
    vif: tuple[float, ...]
    covariance: Array
    aic: float
    r2: float
    r2_adjusted: float
    rmse_joule: float
    precision: float


@needs("calibration", "inference")
def infer(names: tuple[str, ...], terms: Array, joule: Array, coefficients: Array) -> Inference:
    """Standard errors and diagnostics of a fit, with statsmodels; ``covariance`` is over all ``names``."""
    import statsmodels.api as sm
    from statsmodels.stats.outliers_influence import variance_inflation_factor

    share = (terms * coefficients).mean(0) / joule.mean()
    active = [i for i, s in enumerate(share) if s > _ACTIVE]
    weighted = terms[:, active] / joule[:, None]
    size = np.abs(weighted).mean(0)
    fit = sm.OLS(np.ones(len(joule)), weighted / size).fit()
    covariance = np.zeros((len(names), len(names)))
    covariance[np.ix_(active, active)] = fit.cov_params() / np.outer(size, size)
    errors = np.sqrt(np.diag(covariance))[active]
    predicted = terms @ coefficients
    residual, total = ((joule - predicted) ** 2).sum(), ((joule - joule.mean()) ** 2).sum()
    r2 = 1 - residual / total
    n, k = len(joule), len(active)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that columns are collinear is what the factor itself says
        vif = [variance_inflation_factor(weighted / size, i) if k > 1 else 1.0 for i in range(k)]
    kept = coefficients[active]
    return Inference(
        tuple(names[i] for i in active), tuple(map(float, kept)), tuple(map(float, errors)),
        tuple(float(c / e) if e > 0 else float("inf") for c, e in zip(kept, errors, strict=True)),
        tuple(map(float, vif)), covariance, float(fit.aic), float(r2),
        float(1 - (1 - r2) * (n - 1) / max(n - k, 1)), float(np.sqrt(residual / n)),
        float(1 - np.mean(np.abs(predicted / joule - 1))),
    )
