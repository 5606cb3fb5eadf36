"""Fitting one EnergyModel: every choice is made by cross-validation inside the rows it is given, grouped by network."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np

from hardware.energy_model import EnergyModel, Interval
from tocompiler.energy.regression import fit_log, fit_relative, infer

__all__ = ["Choices", "Rows", "conformal", "fit", "folds", "held_out", "widening", "with_inference"]

Array: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]
Index: TypeAlias = np.ndarray[Any, np.dtype[np.signedinteger[Any]]]

_ROBUST_FROM = 50  # independent groups from which the log ratio is fitted instead of the relative error
_CORRECTED_FROM = 90  # rows from which a residual correction is worth trying
_GAIN = 0.9  # a more complicated form must bring the cross-validated error below this share of the simpler one's
_NEVER = 1e3  # e-folds: a term that no row had is outside the data wherever it occurs
_EXPONENTS = (0.6, 0.7, 0.8, 0.9, 1.1, 1.2, 1.35, 1.5, 1.75, 2.0)


@dataclass(frozen=True)
class Rows:
    """What is fitted: terms (rows, terms), facts (rows, facts), joule (rows) and the group of each row."""

    terms: Array
    facts: Array
    joule: Array
    groups: Array
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.joule)

    def take(self, index: Index) -> Rows:
        """Some of the rows, by index or mask."""
        return Rows(self.terms[index], self.facts[index], self.joule[index], self.groups[index], self.names)


@dataclass(frozen=True)
class Choices:
    """What may be chosen. ``exponent`` and ``correction``: True lets cross-validation decide, False forbids.

    ``terms`` restricts the physical terms (None: all that are not zero).
    """

    exponent: bool = True
    correction: bool = True
    terms: tuple[str, ...] | None = None
    seed: int = 0


def fit(rows: Rows, choices: Choices, level: str = "program") -> EnergyModel:
    """The model of some rows, without its interval: coefficients, then exponent, then correction."""
    model = _physical(rows, choices, 1.0, level)
    if choices.exponent and len(rows) >= 15:
        model = _with_exponent(rows, choices, model)
    if choices.correction and len(rows) >= _CORRECTED_FROM and _worth_correcting(rows, choices, model):
        model = _corrected(rows, model, choices.seed)
    return model


def _worth_correcting(rows: Rows, choices: Choices, model: EnergyModel) -> bool:
    """Where rows are independent, always; where groups are few, if predictions of held-out groups gain a tenth."""
    if len(np.unique(rows.groups)) >= _CORRECTED_FROM:
        return True
    plain, corrected = [], []
    for a, b in folds(rows.groups, 5, choices.seed):
        part, rest = rows.take(a), rows.take(b)
        without = _physical(part, choices, model.exponent, model.level)
        plain.append(without.joule(rest.terms, rest.facts) / rest.joule)
        corrected.append(_corrected(part, without, choices.seed).joule(rest.terms, rest.facts) / rest.joule)
    errors = [np.abs(np.concatenate(ratios) - 1).mean() for ratios in (plain, corrected)]
    return bool(errors[1] < _GAIN * errors[0])


def _physical(rows: Rows, choices: Choices, exponent: float, level: str) -> EnergyModel:
    used = _usable(rows, choices.terms)
    target = rows.joule ** (1.0 / exponent)
    solve = fit_log if len(np.unique(rows.groups)) >= _ROBUST_FROM else fit_relative
    coefficients = np.zeros(len(rows.names))
    coefficients[used] = solve(rows.terms[:, used], target)
    low, high = _range(rows.terms)
    return EnergyModel(level, rows.names, tuple(map(float, coefficients)), Interval(0.9, 0.0, (0.0,), (0.0,), 0),
                       exponent=exponent, low=low, high=high)


def _range(terms: Array) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Smallest and largest logarithm of the positive values of each term; an empty range where there are none."""
    logs = [np.log(column[column > 0]) for column in terms.T]
    return (tuple(float(x.min()) if len(x) else _NEVER for x in logs),
            tuple(float(x.max()) if len(x) else -_NEVER for x in logs))


def _usable(rows: Rows, allowed: Sequence[str] | None) -> list[int]:
    """Columns that are allowed and not zero, without those proportional to an earlier one (kernels and constant)."""
    used: list[int] = []
    for i, name in enumerate(rows.names):
        column = rows.terms[:, i]
        if (allowed is not None and name not in allowed) or not column.any():
            continue
        norm = column / np.linalg.norm(column)
        if any(abs(norm @ rows.terms[:, j]) / np.linalg.norm(rows.terms[:, j]) > 1 - 1e-9 for j in used):
            continue
        used.append(i)
    return used


def _with_exponent(rows: Rows, choices: Choices, model: EnergyModel) -> EnergyModel:
    """A power of the sum, accepted only where cross-validation gains a tenth."""
    errors = {g: _error(rows, choices, g) for g in (1.0, *_EXPONENTS)}
    best = min(errors, key=lambda g: errors[g])
    return _physical(rows, choices, best, model.level) if errors[best] < _GAIN * errors[1.0] else model


def _error(rows: Rows, choices: Choices, exponent: float) -> float:
    ratios = [_physical(rows.take(a), choices, exponent, "").joule(rows.terms[b], rows.facts[b]) / rows.joule[b]
              for a, b in folds(rows.groups, 10, choices.seed)]
    return float(np.abs(np.concatenate(ratios) - 1).mean())


def _corrected(rows: Rows, model: EnergyModel, seed: int) -> EnergyModel:
    from tocompiler.energy.correction import fit_kernel, fit_trees

    inputs = model.inputs(rows.terms, rows.facts)
    residual = np.log(rows.joule / model.joule(rows.terms, rows.facts))
    return replace(model, kernel=fit_kernel(inputs, residual, seed), trees=fit_trees(inputs, residual, seed))


def folds(groups: Array, count: int, seed: int) -> Iterator[tuple[Index, Index]]:
    """Training and held-out rows; the groups are shuffled and dealt out, none is split. At most one fold a group."""
    names = np.unique(groups)
    order = np.random.default_rng(seed).permutation(len(names))
    fold_of = dict(zip(names[order], np.arange(len(names)) % count, strict=True))
    fold = np.array([fold_of[g] for g in groups])
    for k in range(min(count, len(names))):
        yield np.flatnonzero(fold != k), np.flatnonzero(fold == k)


def held_out(rows: Rows, choices: Choices, level: str = "program", count: int = 5) -> Array:
    """Predictions of every row by a model fitted without its group."""
    predicted = np.zeros(len(rows))
    for a, b in folds(rows.groups, count, choices.seed):
        predicted[b] = fit(rows.take(a), choices, level).joule(rows.terms[b], rows.facts[b])
    return predicted


def conformal(joule: Array, predicted: Array, level: float = 0.9) -> Interval:
    """Split conformal interval (Vovk et al. 2005; Lei et al. 2018) from held-out predictions.

    Log residuals are scaled by their local size, the running median of their absolute value over predicted energy,
    so that rows a meter reads badly do not widen the rest. The quantile has the finite-sample correction
    ``ceil((n + 1) level) / n``.
    """
    residual = np.abs(np.log(predicted / joule))
    order = np.argsort(predicted)
    bins = [b for b in np.array_split(order, max(1, min(8, len(order) // 25))) if len(b)]
    knots = tuple(float(np.log(predicted[b]).mean()) for b in bins)
    overall = float(np.median(residual)) + 1e-6
    scale = tuple(float(max(np.median(residual[b]), 0.3 * overall)) for b in bins)
    bare = Interval(level, 1.0, knots, scale, len(residual))
    rank = min(1.0, np.ceil((len(residual) + 1) * level) / len(residual))
    return replace(bare, quantile=float(np.quantile(residual / bare.half_width(predicted), rank)))


def widening(rows: Rows, choices: Choices) -> float:
    """How fast errors grow outside the data, per e-fold: the physical part is fitted to the middle of the rows by
    energy and held against the largest and smallest tenth. The 0.9 quantile, between 0.1 and 2; 1 if rows are few."""
    tenth = len(rows) // 10
    if tenth < 5:
        return 1.0
    order = np.argsort(rows.joule)
    middle, ends = rows.take(order[tenth:-tenth]), rows.take(np.concatenate([order[:tenth], order[-tenth:]]))
    model = fit(middle, replace(choices, correction=False))
    inside = np.quantile(np.abs(np.log(model.joule(middle.terms, middle.facts) / middle.joule)), 0.9)
    distance = model.strain(ends.terms)
    beyond = distance > 0.1
    if beyond.sum() < 5:
        return 1.0
    excess = np.abs(np.log(model.joule(ends.terms, ends.facts) / ends.joule)) - inside
    return float(np.clip(np.quantile(np.maximum(excess, 0)[beyond] / distance[beyond], 0.9), 0.1, 2.0))


def with_inference(model: EnergyModel, rows: Rows) -> EnergyModel:
    """The model with the covariance of its coefficients."""
    found = infer(rows.names, rows.terms, rows.joule ** (1 / model.exponent), np.asarray(model.coefficients))
    return replace(model, covariance=tuple(tuple(map(float, row)) for row in found.covariance))
