"""How well predictions meet measurements: relative errors first, since energies span decades."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

__all__ = ["coverage", "interval_score", "mape", "metrics"]

Array: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]


def mape(measured: Array, predicted: Array) -> float:
    """Mean absolute percentage error, in percent."""
    return float(100 * np.mean(np.abs(predicted / measured - 1)))


def metrics(measured: Array, predicted: Array) -> dict[str, float]:
    """``mape`` and ``median_ape`` (percent), ``r2``, ``r2_log``, ``spearman``, ``rmse_joule``, ``precision``
    (1 - MAPE as a fraction)."""
    error = np.abs(predicted / measured - 1)
    return {
        "mape": 100 * float(error.mean()), "median_ape": 100 * float(np.median(error)),
        "r2": _r2(measured, predicted), "r2_log": _r2(np.log(measured), np.log(predicted)),
        "spearman": _correlation(_ranks(measured), _ranks(predicted)),
        "rmse_joule": float(np.sqrt(np.mean((predicted - measured) ** 2))), "precision": 1 - float(error.mean()),
    }


def coverage(measured: Array, low: Array, high: Array) -> float:
    """Share of measurements inside their interval."""
    return float(np.mean((measured >= low) & (measured <= high)))


def interval_score(measured: Array, low: Array, high: Array, level: float = 0.9) -> float:
    """Mean interval score in log energy: width plus ``2/(1 - level)`` times every miss (Gneiting and Raftery 2007)."""
    y, bottom, top = np.log(measured), np.log(low), np.log(high)
    miss = np.maximum(bottom - y, 0) + np.maximum(y - top, 0)
    return float(np.mean(top - bottom + 2 / (1 - level) * miss))


def _r2(measured: Array, predicted: Array) -> float:
    total = float(((measured - measured.mean()) ** 2).sum())
    return 1 - float(((measured - predicted) ** 2).sum()) / total if total > 0 else float("nan")


def _ranks(values: Array) -> Array:
    """Ranks from 0, ties at their mean."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - (counts + 1) / 2)[inverse])


def _correlation(a: Array, b: Array) -> float:
    return float(np.corrcoef(a, b)[0, 1]) if len(a) > 1 and a.std() > 0 and b.std() > 0 else float("nan")
