"""How a model is held against rows it was not fitted to, and the plain models beside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import TypeAlias

import numpy as np
from energy_sets import EnergySet
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.model_selection import KFold

from tocompiler.energy.fitting import Array, Choices, HeldOut, Rows, fit, held_out
from tocompiler.energy.intervals import conformal, widening
from tocompiler.energy.metrics import coverage, interval_score, mape
from tocompiler.energy.regression import fit_relative

__all__ = ["PLAIN", "Result", "draws", "errors", "folds_of", "leave_out", "model", "score"]

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
        """Median error, coverage, relative width and interval score; ``narrowest_width`` is that of the one interval
        around every prediction that would have covered nine in ten."""
        error = np.abs(self.predicted / self.joule - 1)
        half = float(np.quantile(np.abs(np.log(self.predicted / self.joule)), 0.9))
        return {"median_ape": 100 * float(np.median(error)),
                "coverage": 100 * coverage(self.joule, self.low, self.high),
                "median_width": 100 * float(np.median((self.high - self.low) / self.predicted)),
                "narrowest_width": 200 * float(np.sinh(half)),
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


def errors(data: EnergySet, splits: list[Split], predict: Predict) -> float:
    """Mean absolute percentage error of every held-out part."""
    parts = [predict(data, train, test) for train, test in splits]
    return mape(np.concatenate([data.rows.joule[test] for _, test in splits]), np.concatenate(parts))


def score(rows: Rows, splits: list[Split], choices: Choices, level: str = "program", inner: bool = False) -> Result:
    """Predict every held-out part by the general form, with intervals as a calibrated device gives them.

    Intervals never see the part they are for: with ``inner`` they come from held-out residuals inside each training
    part; without, from the residuals of the other parts (cross-conformal, Vovk 2015).
    """
    models = [fit(rows.take(train), choices, level) for train, _ in splits]
    parts = [HeldOut(part.joule, model.joule(part.terms, part.facts), model.novelty(part.terms, part.facts),
                     np.full(len(part), i))
             for i, (model, part) in enumerate(zip(models, (rows.take(test) for _, test in splits), strict=True))]
    halves = []
    for i, (model, (train, test)) in enumerate(zip(models, splits, strict=True)):
        part = rows.take(train)
        unseen = _single(part, choices, level) if inner else _joined(parts[:i] + parts[i + 1:])
        interval = replace(conformal(unseen), widening=widening(part, choices))
        calibrated = replace(model, interval=interval)
        halves.append(calibrated.half_width(parts[i].predicted, rows.terms[test], rows.facts[test]))
    every = _joined(parts)
    return Result(every.joule, every.predicted, np.concatenate(halves), np.concatenate([test for _, test in splits]))


def _single(rows: Rows, choices: Choices, level: str) -> HeldOut:
    """Held-out predictions of rows drawn one by one, each its own group."""
    return held_out(replace(rows, groups=np.arange(len(rows))), choices, level, count=10)


def _joined(parts: list[HeldOut]) -> HeldOut:
    return HeldOut(*(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(HeldOut)))
