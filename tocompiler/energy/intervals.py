"""Intervals: how far off a prediction may be, from residuals of rows that were held out."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from hardware.energy_model import Array, Interval
from tocompiler.energy.fitting import Choices, HeldOut, Rows, fit
from tocompiler.energy.inference import interval_half_width, joule, strain

__all__ = ["conformal", "widening"]

_CAUTION = 0.5  # standard errors by which a quantile is taken higher
_GROWTH = (0.0, 0.25, 0.5, 1.0, 2.0, 4.0)
"""How many typical residuals a wholly novel row may be wider than a familiar one."""


def conformal(rows: HeldOut, level: float = 0.9) -> Interval:
    """Split conformal interval (Vovk et al. 2005; Lei et al. 2018) from held-out predictions.

    Log residuals are scaled by their local size: the running median of their absolute value over predicted energy, so
    that rows a meter reads badly do not widen the rest, and a share of the typical one for novelty, as large as makes
    the intervals narrowest in the mean of their logarithms. The quantile has the finite-sample correction
    ``(n + 1) level / n``, where rows of one group, which err together, count as the independent rows they are worth,
    and is half a standard error higher: residuals at hand are one sample, and coverage is to hold given them (Vovk
    2012), as far as widths allow.
    Beyond the largest of few, it grows as Student's t does over the normal distribution.
    """
    residual = np.log(rows.predicted / rows.joule)
    size = np.abs(residual)
    order = np.argsort(rows.predicted)
    bins = [b for b in np.array_split(order, max(1, min(8, len(order) // 25))) if len(b)]
    knots = tuple(float(np.log(rows.predicted[b]).mean()) for b in bins)
    typical = float(np.median(size)) + 1e-6
    scale = tuple(float(max(np.median(size[b]), 0.3 * typical)) for b in bins)
    bare = Interval(level, 1.0, knots, scale, len(size))
    growths = _GROWTH if rows.novelty.any() else _GROWTH[:1]
    found = [_scaled(replace(bare, novelty=growth * typical), rows, residual) for growth in growths]
    return min(found, key=lambda i: _mean_log(interval_half_width(i, rows.predicted, 0.0, rows.novelty)))


def _mean_log(values: Array) -> float:
    return float(np.log(values + 1e-300).mean())


def _scaled(unit: Interval, rows: HeldOut, residual: Array) -> Interval:
    """An interval of quantile 1 brought to the quantile of the residuals that it scales."""
    scaled = residual / interval_half_width(unit, rows.predicted, 0.0, rows.novelty)
    correlation, count = _independent(scaled, rows.groups)
    error = math.sqrt(unit.level * (1 - unit.level) / count)
    rank = min(1.0, (count + 1) * unit.level / count + _CAUTION * error)
    quantile = float(np.quantile(np.abs(scaled), rank)) * _few(count, unit.level)
    return replace(unit, quantile=quantile, correlation=correlation, rows=round(count))


def _few(count: float, level: float) -> float:
    """How much wider Student's t is than the normal distribution with so many independent rows."""
    from scipy.stats import norm, t

    tail = 0.5 + level / 2
    return float(t.ppf(tail, max(count - 1, 1)) / norm.ppf(tail))


def _independent(residual: Array, groups: Array) -> tuple[float, float]:
    """Correlation of residuals inside groups, from the analysis of variance (1 where every group is one row, so that
    nothing is known of it, or where there is but one), and how many independent rows they are worth.

    That is their number over Kish's design effect ``1 + (m - 1) rho`` (Survey Sampling, 1965), with ``m`` rows a group
    and ``rho`` the correlation; no fewer than groups.
    """
    _, index, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    n, k = len(residual), len(sizes)
    if k in (1, n):
        return 1.0, float(k)
    means = np.bincount(index, residual) / sizes
    within = float(((residual - means[index]) ** 2).sum()) / (n - k)
    between = float((sizes * (means - residual.mean()) ** 2).sum()) / (k - 1)
    m = (n - float((sizes**2).sum()) / n) / (k - 1)
    correlation = max(0.0, (between - within) / max(between + (m - 1) * within, 1e-300))
    return correlation, max(n / (1 + (m - 1) * correlation), float(k))


def widening(rows: Rows, choices: Choices) -> float:
    """How fast errors grow outside the data, per e-fold: the physical part is fitted to the middle of the rows by
    energy and held against the largest and smallest tenth. The 0.9 quantile, between 0.1 and 2; 1 if rows are few."""
    tenth = len(rows) // 10
    if tenth < 5:
        return 1.0
    order = np.argsort(rows.joule)
    middle, ends = rows.take(order[tenth:-tenth]), rows.take(np.concatenate([order[:tenth], order[-tenth:]]))
    model = fit(middle, replace(choices, correction=False))
    inside = np.quantile(np.abs(np.log(joule(model, middle.terms, middle.facts) / middle.joule)), 0.9)
    distance = strain(model, ends.terms)
    beyond = distance > 0.1
    if beyond.sum() < 5:
        return 1.0
    excess = np.abs(np.log(joule(model, ends.terms, ends.facts) / ends.joule)) - inside
    return float(np.clip(np.quantile(np.maximum(excess, 0)[beyond] / distance[beyond], 0.9), 0.1, 2.0))
