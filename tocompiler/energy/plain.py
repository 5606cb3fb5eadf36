"""Plain models: what anyone would try first, fitted beside the physical one and trusted where they predict better."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from hardware.energy_model import Array
from hardware.terms import TERMS
from tocompiler.regression import fit_relative

__all__ = ["PHYSICAL", "PLAIN", "fit_plain", "shares", "tried"]

PHYSICAL = "physical"
FREE = "every term"
_ARITHMETIC, _BYTES, _CONSTANT = ("compute", "depthwise"), ("near", "weights"), ("constant",)
PLAIN: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "arithmetic": (_ARITHMETIC,), "bytes": (_BYTES,), "arithmetic, constant": (_ARITHMETIC, _CONSTANT),
    "arithmetic, bytes": (_ARITHMETIC, _BYTES), "arithmetic, bytes, constant": (_ARITHMETIC, _BYTES, _CONSTANT),
    FREE: tuple((term,) for term in TERMS),
}
"""Each plain model's factors, and the terms that share each."""
_BELIEF = 0.95  # in the physical model before any row was held out
_FADE = 100  # rows from which terms that nothing is known of are as likely a model as those of the prior
_FREE_FROM = 30  # rows below which they are not tried: there are a dozen of them
_EXACT = 0.02  # a mean relative error below this is as good as none


def fit_plain(name: str, terms: Array, joule: Array) -> Array:
    """Coefficients (TERMS) of a plain model of rows of terms (rows, TERMS)."""
    place = list(TERMS)
    alike = np.zeros((len(place), len(PLAIN[name])))
    for column, members in enumerate(PLAIN[name]):
        alike[[place.index(m) for m in members], column] = 1.0
    return np.asarray(alike @ fit_relative(terms @ alike, joule))


def tried(rows: int) -> list[str]:
    """The plain models that are fitted to a number of rows."""
    return [name for name in PLAIN if name != FREE or rows >= _FREE_FROM]


def shares(errors: Mapping[str, Sequence[float]], groups: int) -> dict[str, float]:
    """How much each model counts, by its relative errors on held-out rows of a number of groups.

    The likelihood of Laplace distributed errors, their mean to the power of minus the groups held out less one, times
    the belief of before (a pseudo Bayesian model average: Yao, Vehtari, Simpson and Gelman 2018). As rows grow, what
    was known before them matters less: every term by itself is believed as they outnumber ``_FADE``.
    """
    mean = {name: max(float(np.mean(e)), _EXACT) for name, e in errors.items()}
    rows = len(errors[PHYSICAL])
    free = rows / (rows + _FADE) if FREE in mean else 0.0
    simple = mean.keys() - {PHYSICAL, FREE}
    belief = {PHYSICAL: (1 - free) * _BELIEF, FREE: free}
    belief |= dict.fromkeys(simple, (1 - free) * (1 - _BELIEF) / max(len(simple), 1))
    logs = {name: math.log(belief[name]) - (groups - 1) * math.log(m) for name, m in mean.items()}
    best = max(logs.values())
    raw = {name: math.exp(x - best) for name, x in logs.items()}
    return {name: x / sum(raw.values()) for name, x in raw.items()}
