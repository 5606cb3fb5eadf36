"""Which workload to measure next: the one that shrinks the coefficients' uncertainty most (D-optimal design).

Energy is a sum of physical terms, ``sum_j exp(theta_j) x_ij``. With s the shares of the terms in a workload's energy,
a row of noise sigma adds s s' / sigma^2 to the information matrix M of theta, and ln det M grows by
``ln(1 + s' M^-1 s / sigma^2)`` (Fedorov 1972, Theory of Optimal Experiments). A calibrated device says what theta is
likely, up to a common factor and some e-folds each; every row that is measured moves theta, and with it the shares.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from hardware.device import Device
from tocompiler.compiler import compile
from tocompiler.families import build
from tocompiler.measuring.plan import Workload
from tocompiler.measuring.session import Chooser

__all__ = ["Informative"]

Array: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]
_SIGMA = 0.1  # what a row says of log energy is no surer than the form of the model
_COMMON, _EACH = 2.0, 1.5  # e-folds that all coefficients together, and each by itself, may be off
_UNSEEN = 0.03  # share of the median workload's energy that a term is given that costs the prior device nothing
_STEPS = 30


class Informative(Chooser):
    """Chooses by the gain in ln det M; what cannot be compiled comes last, so that the session says why."""

    def __init__(self, prior: Device) -> None:
        self._prior = prior
        self._terms: dict[Workload, Array | None] = {}
        self._start: Array | None = None
        self._theta: Array = np.zeros(0)
        self._taken: list[tuple[Array, float]] = []

    def next(self, left: Sequence[Workload]) -> int:
        rows = [self._row(w) for w in left]
        known = [row for row in rows if row is not None]
        if not known:
            return 0
        self._begin(np.array(known))
        shares = _shares(np.array([np.zeros(len(self._theta)) if row is None else row for row in rows]), self._theta)
        gain = np.einsum("ij,ij->i", shares, np.linalg.solve(self._information(), shares.T).T)
        return int(np.argmax(gain))

    def took(self, workload: Workload, joule: float) -> None:
        row = self._row(workload)
        if row is None or joule <= 0:
            return
        self._taken.append((row, joule))
        self._learn()

    def _begin(self, candidates: Array) -> None:
        """Theta of the prior device, from its energies of the candidates; a term that costs it nothing gets little."""
        if self._start is not None:
            return
        coefficients = _coefficients(self._prior, candidates)
        energy = candidates @ coefficients
        for j in np.flatnonzero(coefficients == 0):
            per_unit = energy[candidates[:, j] > 0] / candidates[candidates[:, j] > 0, j]
            coefficients[j] = _UNSEEN * float(np.median(per_unit)) if len(per_unit) else 1.0
        self._start = np.log(coefficients)
        self._theta = self._start.copy()
        self._learn()

    def _learn(self) -> None:
        """Theta that is most likely after the rows that were taken, by Gauss-Newton with a bounded step."""
        if not self._taken or self._start is None:
            return
        terms, joule = np.array([row for row, _ in self._taken]), np.array([joule for _, joule in self._taken])
        precision = _prior_precision(len(self._theta))
        for _ in range(_STEPS):
            shares = _shares(terms, self._theta)
            residual = np.log(joule) - np.log(np.maximum(terms @ np.exp(self._theta), 1e-300))
            slope = shares.T @ residual / _SIGMA**2 - precision @ (self._theta - self._start)
            step = np.linalg.solve(self._information(), slope)
            self._theta = self._theta + step * min(1.0, 1.0 / max(float(np.abs(step).max()), 1e-12))

    def _information(self) -> Array:
        """Of theta, by the prior and the rows that were taken."""
        shares = _shares(np.array([row for row, _ in self._taken]).reshape(-1, len(self._theta)), self._theta)
        return np.asarray(_prior_precision(len(self._theta)) + shares.T @ shares / _SIGMA**2)

    def _row(self, workload: Workload) -> Array | None:
        """The workload's terms; None where it cannot be compiled."""
        from tocompiler.energy.columns import Columns
        from tocompiler.execution import execute

        if workload not in self._terms:
            try:
                program = compile(build(workload.model, workload.batch), format=workload.format, phase=workload.phase)
                executed = execute(program, self._prior.runtime, last_cache_byte=self._prior.last_cache_byte)
                self._terms[workload] = Columns(executed).total
            except ValueError:
                self._terms[workload] = None
        return self._terms[workload]


def _prior_precision(count: int) -> Array:
    return np.asarray(np.linalg.inv(np.full((count, count), _COMMON**2) + np.eye(count) * _EACH**2))


def _shares(terms: Array, theta: Array) -> Array:
    parts = terms * np.exp(theta)
    return np.asarray(parts / np.maximum(parts.sum(1, keepdims=True), 1e-300))


def _coefficients(device: Device, candidates: Array) -> Array:
    """Joule per unit of each term: those of the model of whole programs, or the mean of the operators' models."""
    from hardware.terms import TERMS

    models = list(device.models.values())
    whole = [m for m in models if m.level == "program"] or models
    each = np.array([[m.coefficient(term) for term in TERMS] for m in whole])
    found = each.mean(0)
    exponent = whole[0].exponent
    if exponent != 1.0:  # joule is a power of the sum: its slope at a typical candidate
        found = found * exponent * float(np.median(candidates @ found)) ** (exponent - 1)
    return np.asarray(found)
