"""How a model is held against rows it was not fitted to, and the plain models beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from energy_sets import EnergySet
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.model_selection import KFold

from tocompiler.energy.fitting import Array, Choices, Rows, conformal, fit, held_out
from tocompiler.energy.metrics import coverage, interval_score, mape
from tocompiler.energy.regression import fit_relative

__all__ = ["PLAIN", "Result", "draws", "folds_of", "leave_out", "model", "score"]

Predict: TypeAlias = Callable[[EnergySet, Array, Array], Array]
Split: TypeAlias = tuple[Array, Array]


@dataclass(frozen=True)
class Result:
    """Held-out predictions with 90 % intervals of one protocol, draws one after another."""

    joule: Array
    predicted: Array
    half_width: Array
    index: Array

    @property
    def mape(self) -> float:
        return mape(self.joule, self.predicted)

    @property
    def low(self) -> Array:
        return np.asarray(self.predicted * np.exp(-self.half_width))

    @property
    def high(self) -> Array:
        return np.asarray(self.predicted * np.exp(self.half_width))

    def summary(self) -> dict[str, float]:
        """Median error, coverage, relative width and interval score."""
        error = np.abs(self.predicted / self.joule - 1)
        return {"median_ape": 100 * float(np.median(error)),
                "coverage": 100 * coverage(self.joule, self.low, self.high),
                "median_width": 100 * float(np.median((self.high - self.low) / self.predicted)),
                "interval_score": interval_score(self.joule, self.low, self.high)}


def model(choices: Choices, level: str = "program", macs: bool = False) -> Predict:
    """The general form, in transistor operations or in multiply-accumulates."""
    def predict(data: EnergySet, train: Array, test: Array) -> Array:
        rows: Rows = data.macs if macs else data.rows
        return fit(rows.take(train), choices, level).joule(rows.terms[test], rows.facts[test])

    return predict


def _macs_only(data: EnergySet, train: Array, test: Array) -> Array:
    columns = np.column_stack([np.exp(data.shapes[:, 0]), np.ones(len(data.shapes))])
    return np.asarray(columns[test] @ fit_relative(columns[train], data.rows.joule[train]))


def _roofline(data: EnergySet, train: Array, test: Array) -> Array:
    return np.asarray(data.roofline[test] @ fit_relative(data.roofline[train], data.rows.joule[train]))


def _boosting(data: EnergySet, train: Array, test: Array) -> Array:
    trees = GradientBoostingRegressor(n_estimators=200, max_depth=4, subsample=0.7, random_state=0)
    trees.fit(data.shapes[train], np.log(data.rows.joule[train]))
    return np.asarray(np.exp(trees.predict(data.shapes[test])))


PLAIN: dict[str, Predict] = {
    "macs_only": _macs_only, "flops_bytes_roofline": _roofline, "boosting_on_shapes": _boosting,
}


def folds_of(data: EnergySet) -> list[Split]:
    """KFold(10, shuffle, seed 0) over all rows."""
    return list(KFold(10, shuffle=True, random_state=0).split(data.rows.joule))


def leave_out(groups: Array) -> list[Split]:
    """One group out at a time."""
    return [(np.flatnonzero(groups != g), np.flatnonzero(groups == g)) for g in np.unique(groups)]


def draws(count: int, k: int, number: int = 20) -> list[Split]:
    """k random rows to calibrate on, the others to predict; draws 0 to ``number`` - 1."""
    orders = [np.random.default_rng(seed).permutation(count) for seed in range(number)]
    return [(order[:k], order[k:]) for order in orders]


def score(data: EnergySet, splits: list[Split], predict: Predict, inner: Choices | None = None) -> Result:
    """Predict every held-out part.

    Intervals never see the part they are for: with ``inner`` from held-out residuals inside each training part;
    without, from the residuals of the other parts (cross-conformal, Vovk 2015).
    """
    parts = [predict(data, train, test) for train, test in splits]
    halves = list(_inner(data, splits, parts, inner) if inner else _across(data, splits, parts))
    index = np.concatenate([test for _, test in splits])
    return Result(data.rows.joule[index], np.concatenate(parts), np.concatenate(halves), index)


def _inner(data: EnergySet, splits: list[Split], parts: list[Array], choices: Choices) -> Iterator[Array]:
    for (train, _), predicted in zip(splits, parts, strict=True):
        rows = data.rows.take(train)
        own = held_out(replace(rows, groups=np.arange(len(rows))), choices, count=10)
        yield conformal(rows.joule, own).half_width(predicted)


def _across(data: EnergySet, splits: list[Split], parts: list[Array]) -> Iterator[Array]:
    for i, predicted in enumerate(parts):
        others = [j for j in range(len(parts)) if j != i]
        index = np.concatenate([splits[j][1] for j in others])
        groups = np.repeat(others, [len(parts[j]) for j in others])
        predictions = np.concatenate([parts[j] for j in others])
        yield conformal(data.rows.joule[index], predictions, groups).half_width(predicted)
