"""Fitting one EnergyModel: every choice is made by cross-validation inside the rows it is given, grouped by network."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from hardware.energy_model import Array, EnergyModel, Interval
from hardware.terms import TERMS
from tocompiler.energy.inference import input_names, inputs, joule, novelty
from tocompiler.energy.regression import fit_log, fit_relative, infer

if TYPE_CHECKING:
    from tocompiler.energy.correction import Learned

__all__ = ["Choices", "HeldOut", "Rows", "fit", "fit_and_hold_out", "folds", "held_out", "with_inference"]

Index: TypeAlias = np.ndarray[Any, np.dtype[np.signedinteger[Any]]]

_ROBUST_FROM = 50  # independent groups from which the log ratio is fitted instead of the relative error
_CORRECTED_FROM = 90  # rows from which a residual correction is worth trying
_GAIN = 0.9  # a correction must bring the cross-validated error below this share of the error without
_BENT_FROM = (15, 5)  # rows and groups from which a power of the sum can be told from a straight line
_MERGED_BELOW = 15  # rows below which near, far and fresh bytes share a coefficient
_BYTES = ("near", "far", "fresh")
_NAMES = tuple(TERMS)
_EXPONENTS = np.array([0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.35, 1.5, 1.75, 2.0, 2.5, 3.0])


@dataclass(frozen=True)
class Rows:
    """What is fitted: terms (rows, TERMS), facts (rows, FACTS), joule (rows) and the group of each row."""

    terms: Array
    facts: Array
    joule: Array
    groups: Array

    def __len__(self) -> int:
        return len(self.joule)

    @property
    def group_count(self) -> int:
        """How many groups the rows belong to: what is independent among them."""
        return len(np.unique(self.groups))

    def take(self, index: Index) -> Rows:
        """Some of the rows, by index or mask."""
        return Rows(self.terms[index], self.facts[index], self.joule[index], self.groups[index])


@dataclass(frozen=True)
class HeldOut:
    """Measured and predicted joule of rows whose groups were not fitted, and how novel each was to its model."""

    joule: Array
    predicted: Array
    novelty: Array
    groups: Array


@dataclass(frozen=True)
class Choices:
    """What may be chosen. ``exponent`` and ``correction``: True lets the rows decide, False forbids.

    ``terms`` restricts the physical terms (None: all that are not zero). ``known`` are coefficients (joule per unit)
    known from elsewhere.
    """

    exponent: bool = True
    correction: bool = True
    terms: tuple[str, ...] | None = None
    known: tuple[tuple[str, float], ...] = ()
    seed: int = 0


def fit(rows: Rows, choices: Choices, level: str = "program") -> EnergyModel:
    """The model of some rows, without its interval: coefficients, then exponent, then correction."""
    return _fitted(rows, choices, level)[0]


def fit_and_hold_out(rows: Rows, choices: Choices, level: str = "program") -> tuple[EnergyModel, HeldOut]:
    """The model of some rows, and predictions of rows by models that did not see them.

    A correction of independent rows was held against rows it did not see when its learners' shares were found: these
    predictions serve. Elsewhere everything is fitted again without each fifth of the groups.
    """
    model, learned = _fitted(rows, choices, level)
    if learned is None or not len(learned.rows):
        return model, held_out(rows, choices, level)
    part = rows.take(learned.rows)
    bare = replace(model, kernel=None, trees=None)
    predicted = joule(bare, part.terms, part.facts) * np.exp(learned.unseen)
    return model, HeldOut(part.joule, predicted, learned.novelty, part.groups)


def _fitted(rows: Rows, choices: Choices, level: str) -> tuple[EnergyModel, Learned | None]:
    model = _physical(rows, choices, _exponent(rows, choices), level)
    if choices.correction and len(rows) >= _CORRECTED_FROM and _worth_correcting(rows, choices, model):
        learned = _learned(rows, model, choices.seed)
        return _corrected(model, learned), learned
    return model, None


def _worth_correcting(rows: Rows, choices: Choices, model: EnergyModel) -> bool:
    """Where rows are independent, always; where groups are few, if predictions of held-out groups gain a tenth."""
    if rows.group_count >= _CORRECTED_FROM:
        return True
    plain, corrected = [], []
    for a, b in folds(rows.groups, 5, choices.seed):
        part, rest = rows.take(a), rows.take(b)
        without = _physical(part, choices, model.exponent, model.level)
        plain.append(joule(without, rest.terms, rest.facts) / rest.joule)
        mended = _corrected(without, _learned(part, without, choices.seed))
        corrected.append(joule(mended, rest.terms, rest.facts) / rest.joule)
    errors = [np.abs(np.concatenate(ratios) - 1).mean() for ratios in (plain, corrected)]
    return bool(errors[1] < _GAIN * errors[0])


def _physical(rows: Rows, choices: Choices, exponent: float, level: str) -> EnergyModel:
    held = dict(choices.known)
    known = np.array([held.get(name, 0.0) for name in _NAMES])
    used = [i for i in _usable(rows, choices.terms) if _NAMES[i] not in held]
    target = rows.joule ** (1.0 / exponent)
    solve = fit_log if rows.group_count >= _ROBUST_FROM else fit_relative
    alike = _merged(rows, used)
    coefficients = solve(rows.terms @ alike, target, rows.terms @ known) @ alike.T + known
    low, high = _range(rows.terms)
    return EnergyModel(level, _NAMES, tuple(map(float, coefficients)), Interval(0.9, 0.0, (0.0,), (0.0,), 0),
                       exponent=exponent, low=low, high=high)


def _merged(rows: Rows, used: Sequence[int]) -> Array:
    """Which terms share a coefficient, as a 0/1 matrix (terms, coefficients): with few rows, all bytes do."""
    bytes_ = [i for i in used if _NAMES[i] in _BYTES] if len(rows) < _MERGED_BELOW else []
    parts = ([bytes_] if bytes_ else []) + [[i] for i in used if i not in bytes_]
    alike = np.zeros((len(_NAMES), len(parts)))
    for column, part in enumerate(parts):
        alike[part, column] = 1.0
    return alike


def _range(terms: Array) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Smallest and largest logarithm of the positive values of each term; an empty range where there are none."""
    logs = [np.log(column[column > 0]) for column in terms.T]
    return (tuple(float(x.min()) if len(x) else math.inf for x in logs),
            tuple(float(x.max()) if len(x) else -math.inf for x in logs))


def _usable(rows: Rows, allowed: Sequence[str] | None) -> list[int]:
    """Columns that are allowed and not zero, without those proportional to an earlier one (kernels and constant)."""
    used: list[int] = []
    for i, name in enumerate(_NAMES):
        column = rows.terms[:, i]
        if (allowed is not None and name not in allowed) or not column.any():
            continue
        norm = column / np.linalg.norm(column)
        if any(abs(norm @ rows.terms[:, j]) / np.linalg.norm(rows.terms[:, j]) > 1 - 1e-9 for j in used):
            continue
        used.append(i)
    return used


def _exponent(rows: Rows, choices: Choices) -> float:
    """The mean of the power of the sum over what the rows say of it, between 0.6 and 3.

    Each power is weighted by the likelihood of its errors on held-out groups, Laplace distributed: their mean absolute
    value to the power of minus the number of groups. The best power alone would jump from one fold to the next.
    """
    groups = rows.group_count
    if not choices.exponent or len(rows) < _BENT_FROM[0] or groups < _BENT_FROM[1]:
        return 1.0
    errors = np.array([_error(rows, choices, g) for g in _EXPONENTS])
    weights = (errors / errors.min()) ** -groups
    return float(np.exp(weights @ np.log(_EXPONENTS) / weights.sum()))


def _error(rows: Rows, choices: Choices, exponent: float) -> float:
    ratios = [joule(_physical(rows.take(a), choices, exponent, ""), rows.terms[b], rows.facts[b]) / rows.joule[b]
              for a, b in folds(rows.groups, 10, choices.seed)]
    return float(np.abs(np.concatenate(ratios) - 1).mean()) + 1e-9


def _learned(rows: Rows, model: EnergyModel, seed: int) -> Learned:
    from tocompiler.energy.correction import fit_correction

    residual = np.log(rows.joule / joule(model, rows.terms, rows.facts))
    parts = [held for _, held in folds(rows.groups, 5, seed)] if rows.group_count >= _CORRECTED_FROM else []
    names = input_names(model)
    return fit_correction(inputs(model, rows.terms, rows.facts, names), names, residual, parts, seed)


def _corrected(model: EnergyModel, learned: Learned) -> EnergyModel:
    return replace(model, kernel=learned.kernel, trees=learned.trees, kernel_share=learned.share)


def folds(groups: Array, count: int, seed: int) -> Iterator[tuple[Index, Index]]:
    """Training and held-out rows; the groups are shuffled and dealt out, none is split. At most one fold a group."""
    names = np.unique(groups)
    order = np.random.default_rng(seed).permutation(len(names))
    fold_of = dict(zip(names[order], np.arange(len(names)) % count, strict=True))
    fold = np.array([fold_of[g] for g in groups])
    for k in range(min(count, len(names))):
        yield np.flatnonzero(fold != k), np.flatnonzero(fold == k)


def held_out(rows: Rows, choices: Choices, level: str = "program", count: int = 5) -> HeldOut:
    """Predictions of every row by a model fitted without its group."""
    predicted, new = np.zeros(len(rows)), np.zeros(len(rows))
    for a, b in folds(rows.groups, count, choices.seed):
        model = fit(rows.take(a), choices, level)
        predicted[b] = joule(model, rows.terms[b], rows.facts[b])
        new[b] = novelty(model, rows.terms[b], rows.facts[b])
    return HeldOut(rows.joule, predicted, new, rows.groups)


def with_inference(model: EnergyModel, rows: Rows) -> EnergyModel:
    """The model with the covariance of its coefficients."""
    found = infer(_NAMES, rows.terms, rows.joule ** (1 / model.exponent), np.asarray(model.coefficients))
    return replace(model, covariance=tuple(tuple(map(float, row)) for row in found.covariance))
