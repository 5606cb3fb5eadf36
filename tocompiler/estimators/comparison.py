"""Estimators held against each other on one set of measurements: same splits, held-out errors, run time.

``tocompiler evaluate TABLE --estimator NAME|all`` prints what ``compare`` gives.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hardware.measurement import Measurement
from tocompiler.estimators import estimator, names
from tocompiler.estimators.common import joules

__all__ = ["FAST", "Score", "Split", "compare", "grouped_folds", "score"]

Split = tuple[NDArray[np.int64], NDArray[np.int64]]
"""Indices to fit on, and to predict."""
FAST: Mapping[str, Mapping[str, Any]] = {"yang": {"dataflows": None}}
"""Options for tables of many layers: Yang with the fixed mapping, since a search takes up to a second a layer."""


@dataclass(frozen=True)
class Score:
    """Held-out predictions of one estimator, in the rows' order: joule (NaN where a row was never held out), mean and
    median absolute relative error in percent, and seconds of fitting and predicting. ``reason`` says why there are
    none."""

    name: str
    predicted_joule: NDArray[np.float64]
    mape: float | None
    median_ape: float | None
    seconds: float
    reason: str = ""

    def as_json(self) -> dict[str, Any]:
        """The figures under their names; null where there are none."""
        joule = [None if np.isnan(e) else float(e) for e in self.predicted_joule]
        return {"estimator": self.name, "mape": self.mape, "median_ape": self.median_ape, "second": self.seconds,
                "reason": self.reason, "predicted_joule": joule}


def grouped_folds(measurements: Sequence[Measurement], folds: int = 10, seed: int = 0) -> list[Split]:
    """Shuffled folds that never split a group; fewer where there are fewer groups. ValueError with fewer than two."""
    groups = np.array([m.group or str(i) for i, m in enumerate(measurements)])
    order = np.random.default_rng(seed).permutation(np.unique(groups))
    if len(order) < 2:
        raise ValueError("held-out errors need at least two groups of measurements")
    parts = [np.isin(groups, part) for part in np.array_split(order, min(folds, len(order)))]
    return [(np.flatnonzero(~part), np.flatnonzero(part)) for part in parts]


def score(name: str, measurements: Sequence[Measurement], splits: Sequence[Split],
          options: Mapping[str, Any] | None = None) -> Score:
    """Fit and predict every split. A method that cannot be fitted on these measurements says why in ``reason``.

    ValueError where the splits hold nothing out.
    """
    if not any(len(test) for _, test in splits):
        raise ValueError("the splits hold no measurement out: give more measurements")
    start, measured = time.perf_counter(), joules(measurements)
    predicted = np.full(len(measured), np.nan)
    errors: list[float] = []
    try:
        for train, test in splits:
            fitted = estimator(name, **(options or {})).fit([measurements[i] for i in train])
            predicted[test] = [fitted.predict(measurements[i].program) for i in test]
            errors += list(np.abs(predicted[test] / measured[test] - 1))
    except ValueError as reason:
        return Score(name, np.full(len(measured), np.nan), None, None, time.perf_counter() - start, str(reason))
    return Score(name, predicted, 100 * float(np.mean(errors)), 100 * float(np.median(errors)),
                 time.perf_counter() - start)


def compare(measurements: Sequence[Measurement], methods: Sequence[str] | None = None,
            splits: Sequence[Split] | None = None,
            options: Mapping[str, Mapping[str, Any]] | None = None) -> Iterator[Score]:
    """Score several estimators under the same splits (default: ten grouped folds); ``options`` by estimator's name
    are added to those of ``FAST``."""
    splits = grouped_folds(measurements) if splits is None else splits
    for name in names() if methods is None else methods:
        yield score(name, measurements, splits, {**FAST.get(name, {}), **(options or {}).get(name, {})})
