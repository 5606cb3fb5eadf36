"""Fitting one EnergyModel: every choice is made by cross-validation inside the rows it is given, grouped by network."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from hardware.energy_model import Array, Draws, EnergyModel, Interval
from hardware.facts import Facts
from hardware.runtime import load_runtime
from hardware.terms import TERMS
from tocompiler.bayes.posterior import Normal, group_weights, sample
from tocompiler.bayes.prior import NAMES, shipped_prior
from tocompiler.energy.inference import input_names, inputs, joule, novelty
from tocompiler.energy.plain import PHYSICAL, fit_plain, shares, tried

if TYPE_CHECKING:
    from tocompiler.energy.correction import Learned

__all__ = ["Choices", "HeldOut", "Rows", "fit", "fit_and_hold_out", "folds", "unmeasured"]

Index: TypeAlias = np.ndarray[Any, np.dtype[np.signedinteger[Any]]]

_CORRECTED_FROM = 90  # rows from which a residual correction is worth trying
_ODDS = 19  # against a correction before any group was held out, as against a plain model
_NAMES = tuple(TERMS)
_NOTICED = 1e-3  # a share below this is left out
_KEPT = 80  # draws of a posterior, at most: what an average over them needs
_UNMEASURED = 200  # draws of a prior, whose tails are wide
_FAR, _NOTHING = 200.0, 1e-60  # logarithms beyond and coefficients below this are as good as infinite and zero


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

    ``terms`` restricts the physical terms (None: all). ``known`` are coefficients (joule per unit) known from
    elsewhere; ``prior`` is what is known of all (None: that of a device of which nothing is known).
    """

    exponent: bool = True
    correction: bool = True
    terms: tuple[str, ...] | None = None
    known: tuple[tuple[str, float], ...] = ()
    prior: Normal | None = None
    seed: int = 0


def fit(rows: Rows, choices: Choices, level: str = "program") -> EnergyModel:
    """The model of some rows, without its interval."""
    return fit_and_hold_out(rows, choices, level)[0]


def fit_and_hold_out(rows: Rows, choices: Choices, level: str = "program") -> tuple[EnergyModel, HeldOut]:
    """The model of some rows, and predictions of rows by models that did not see them.

    A correction of independent rows was held against rows it did not see when its learners' shares were found: these
    predictions serve. Elsewhere everything is fitted again without each fifth of the groups.
    """
    if not (choices.correction and len(rows) >= _CORRECTED_FROM):
        return _averaged(rows, choices, level)
    model = _physical(rows, choices, level)
    if rows.group_count < _CORRECTED_FROM:
        plain, unseen = _averaged(rows, choices, level)
        if not _worth_correcting(rows, choices, level, unseen):
            return plain, unseen
    learned = _learned(rows, model, choices.seed)
    corrected = _corrected(model, learned)
    if not len(learned.rows):
        return corrected, _held_out_corrected(rows, choices, level)
    part = rows.take(learned.rows)
    predicted = joule(model, part.terms, part.facts) * np.exp(learned.unseen)
    return corrected, HeldOut(part.joule, predicted, learned.novelty, part.groups)


def _held_out_corrected(rows: Rows, choices: Choices, level: str) -> HeldOut:
    predicted, new = np.zeros(len(rows)), np.zeros(len(rows))
    for a, b in folds(rows.groups, 5, choices.seed):
        bare = _physical(rows.take(a), choices, level)
        model = _corrected(bare, _learned(rows.take(a), bare, choices.seed))
        predicted[b] = joule(model, rows.terms[b], rows.facts[b])
        new[b] = novelty(model, rows.terms[b], rows.facts[b])
    return HeldOut(rows.joule, predicted, new, rows.groups)


def _averaged(rows: Rows, choices: Choices, level: str) -> tuple[EnergyModel, HeldOut]:
    """The physical model averaged over its posterior and, by their errors on held-out groups, with plain models."""
    parts = list(folds(rows.groups, 5, choices.seed)) if rows.group_count > 1 else []
    model, *without = _posteriors(rows, choices, level, [np.arange(len(rows)), *(a for a, _ in parts)])
    if not parts:
        return model, HeldOut(*(np.zeros(0) for _ in range(4)))
    order = np.concatenate([b for _, b in parts])
    logs = {PHYSICAL: np.concatenate([np.log(joule(m, rows.terms[b], rows.facts[b]))
                                      for m, (_, b) in zip(without, parts, strict=True)])}
    for name in tried(len(rows)):
        plain = [rows.terms[b] @ fit_plain(name, rows.terms[a], rows.joule[a]) for a, b in parts]
        logs[name] = np.maximum(np.log(np.maximum(np.concatenate(plain), 1e-300)), logs[PHYSICAL] - 20.0)
    measured = rows.joule[order]
    share = shares({n: np.abs(np.exp(x) / measured - 1) for n, x in logs.items()}, rows.group_count)
    kept = {n: s for n, s in share.items() if n != PHYSICAL and s > _NOTICED}
    plain_models = {n: tuple(map(float, fit_plain(n, rows.terms, rows.joule))) for n in kept}
    pooled = logs[PHYSICAL] + sum(s * (logs[n] - logs[PHYSICAL]) for n, s in kept.items())
    unseen = HeldOut(measured, np.exp(pooled), np.zeros(len(order)), rows.groups[order])
    return replace(model, plain=plain_models, shares=kept), unseen


def _worth_correcting(rows: Rows, choices: Choices, level: str, plain: HeldOut) -> bool:
    """Where groups are few: whether errors on held-out groups are so much less than without a correction that their
    likelihood (as in ``shares``) outweighs the odds against it."""
    corrected = []
    for a, b in folds(rows.groups, 5, choices.seed):
        part, rest = rows.take(a), rows.take(b)
        bare = _physical(part, choices, level)
        mended = _corrected(bare, _learned(part, bare, choices.seed))
        corrected.append(joule(mended, rest.terms, rest.facts) / rest.joule)
    without = np.abs(plain.predicted / plain.joule - 1).mean()
    gain = without / np.abs(np.concatenate(corrected) - 1).mean()
    return bool((rows.group_count - 1) * math.log(gain) > math.log(_ODDS))


def _physical(rows: Rows, choices: Choices, level: str) -> EnergyModel:
    """One coefficient for each term: the posterior's geometric mean, without bias on the rows."""
    model = _posteriors(rows, choices, level, [np.arange(len(rows))])[0]
    bare = replace(model, draws=None)
    off = float(np.median(np.log(rows.joule / joule(bare, rows.terms, rows.facts)))) / model.exponent
    return replace(bare, coefficients=tuple(c * math.exp(off) for c in model.coefficients))


def _posteriors(rows: Rows, choices: Choices, level: str, parts: Sequence[Index]) -> list[EnergyModel]:
    """A model of each part of the rows, with draws of its posterior."""
    used = np.array([choices.terms is None or name in choices.terms for name in _NAMES])
    weights = np.zeros((len(parts), len(rows)))
    for weight, part in zip(weights, parts, strict=True):
        weight[part] = group_weights(rows.groups[part])
    draws, middle = sample(_prior(choices), rows.terms * used, np.log(rows.joule), weights, choices.seed)
    low, high = _range(rows.terms)
    return [replace(_drawn(drawn, centre, level, used), low=low, high=high, rows=len(part),
                    measured=(float(np.log(rows.joule[part].min())), float(np.log(rows.joule[part].max()))))
            for drawn, centre, part in zip(draws[:, ::draws.shape[1] // _KEPT + 1], middle, parts, strict=True)]


def unmeasured(prior: Normal, seed: int = 0) -> EnergyModel:
    """What is known of a device before any row: whole programs by draws of the prior, without a bend."""
    draws = np.random.default_rng(seed).multivariate_normal(prior.mean, prior.covariance, _UNMEASURED)
    draws[:, NAMES.index("bend")] = 0.0
    everywhere = (_FAR,) * len(_NAMES)
    model = _drawn(draws, 0.0, "program", np.ones(len(_NAMES)))
    return replace(model, low=tuple(-x for x in everywhere), high=everywhere)


def _drawn(draws: Array, centre: float, level: str, used: Array) -> EnergyModel:
    """The model of draws of log coefficients, bend and log noise, the bend about a log energy."""
    bend = draws[:, -2]
    logs = np.clip(draws[:, :-2] - (bend * centre / (1 + bend))[:, None], -_FAR, _FAR)
    every = np.exp(logs) * used
    return EnergyModel(
        level, _NAMES, tuple(map(float, np.exp(logs.mean(0)) * used)), Interval(0.9, 0.0, (0.0,), (0.0,), 0, 0.0),
        tuple(tuple(map(float, row)) for row in np.cov(every.T)), exponent=float(1 + bend.mean()),
        draws=Draws(every, 1 + bend, np.exp(draws[:, -1])))


def _prior(choices: Choices) -> Normal:
    """The choices' prior (or that of a device of which nothing is known), without a bend where none is allowed, and
    with the coefficients that are known from elsewhere."""
    prior = choices.prior or shipped_prior().of(Facts(), load_runtime("generic"), False)
    fixed = {name: math.log(max(value, _NOTHING)) for name, value in choices.known}
    fixed |= {} if choices.exponent else {"bend": 0.0}
    mean, covariance = prior.mean.copy(), prior.covariance.copy()
    for name, value in fixed.items():
        place = NAMES.index(name)
        mean[place], covariance[place], covariance[:, place] = value, 0.0, 0.0
        covariance[place, place] = 1e-8
    return Normal(mean, covariance)


def _range(terms: Array) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Smallest and largest logarithm of the positive values of each term; an empty range where there are none."""
    logs = [np.log(column[column > 0]) for column in terms.T]
    return (tuple(float(x.min()) if len(x) else math.inf for x in logs),
            tuple(float(x.max()) if len(x) else -math.inf for x in logs))


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
