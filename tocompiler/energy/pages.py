"""Pages: which measured rows paid for freshly mapped memory.

An allocation above the C library's threshold is mapped anew at every execution, and its pages are cleared when first
touched. Rows measured one after another in one process do not all pay: pages that an earlier row left behind serve
again. No architecture tells, so a fit to both kinds of rows is wrong for either. What a page costs does not depend on
the operator that touches it: with that cost held, each row's energy shows which kind it is.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np

from tocompiler.energy.fitting import Array, Choices, Rows, fit, folds

__all__ = ["resolved"]

Mask: TypeAlias = np.ndarray[Any, np.dtype[np.bool_]]

_ALWAYS_PAID_BYTE = 4e9  # above this all random ReLU layers of the Xeon study pay, below 2 GB about half
_ROUNDS = 4
_SEPARATE = 2.0  # a row is moved only if its two readings lie this many typical residuals apart


def resolved(rows: Rows, choices: Choices, joule_per_byte: float, level: str = "operator") -> Rows:
    """The rows with no fresh bytes where their energy says that pages served again.

    Predictions of held-out rows, with their pages and without, decide which of the two a row is nearer to. The first
    ones come from rows that are certain, with no fresh pages or with more than any process keeps.
    """
    known = replace(choices, held=(("fresh", joule_per_byte),))
    column = rows.names.index("fresh")
    bytes_ = rows.terms[:, column]
    open_ = (bytes_ > 0) & (bytes_ <= _ALWAYS_PAID_BYTE)
    paid, fitted = np.ones(len(rows), dtype=bool), ~open_
    for _ in range(_ROUNDS):
        without, with_ = _held_out(rows, _emptied(rows, column, ~paid), fitted, known, level)
        residual = np.log(np.where(paid, with_, without) / rows.joule)
        typical = float(np.median(np.abs(residual[fitted] - np.median(residual[fitted]))))
        nearer = np.abs(np.log(without / rows.joule)) < np.abs(np.log(with_ / rows.joule))
        paid = ~(open_ & nearer & (np.log(with_ / without) > _SEPARATE * typical))
        fitted = np.ones(len(rows), dtype=bool)
    return _emptied(rows, column, ~paid)


def _held_out(rows: Rows, state: Rows, fitted: Mask, choices: Choices, level: str) -> tuple[Array, Array]:
    """Predictions of rows that were held out, without fresh pages and with them."""
    nothing = _emptied(rows, rows.names.index("fresh"), np.ones(len(rows), dtype=bool))
    without, with_ = np.zeros(len(rows)), np.zeros(len(rows))
    for train, test in folds(np.arange(len(rows), dtype=float), 5, choices.seed):
        model = fit(state.take(train[fitted[train]]), choices, level)
        without[test] = model.joule(nothing.terms[test], rows.facts[test])
        with_[test] = model.joule(rows.terms[test], rows.facts[test])
    return without, with_


def _emptied(rows: Rows, column: int, where: Mask) -> Rows:
    terms = rows.terms.copy()
    terms[where, column] = 0.0
    return replace(rows, terms=terms)
