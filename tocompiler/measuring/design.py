"""Which workload to measure next: the one that shrinks the coefficients' uncertainty most (D-optimal design).

A calibrated device says which share of a workload's energy each physical term takes. With theta the logarithms of the
coefficients, these shares are the derivatives of log energy, so one row of shares x adds x x' / sigma^2 to the
information matrix M, and ln det M grows by ln(1 + x' M^-1 x / sigma^2) (Fedorov 1972, Theory of Optimal Experiments).
The prior on theta is one e-fold: another machine of the same kind.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from hardware.device import Device
from hardware.energy_model import EnergyModel
from tocompiler.compiler import compile
from tocompiler.costing import TransistorProgram
from tocompiler.families import build
from tocompiler.measuring.plan import Workload
from tocompiler.measuring.session import Chooser

__all__ = ["Informative", "shares"]

Array: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]
_SIGMA = 0.1  # what a row says of log energy is no surer than the form of the model
_PRIOR = 1.0  # standard deviation of the logarithm of a coefficient before anything is measured


class Informative(Chooser):
    """Chooses by the gain in ln det M; ``second_of`` (a guess of the time a workload takes) makes it gain per second.
    """

    def __init__(self, prior: Device, second_of: Callable[[Workload], float] | None = None) -> None:
        self._prior = prior
        self._second_of = second_of or (lambda workload: 1.0)
        self._rows: dict[Workload, Mapping[str, float] | None] = {}
        self._terms: list[str] = []
        self._information: Array = np.zeros((0, 0))

    def next(self, left: Sequence[Workload]) -> int:
        rows = [self._row(w) for w in left]
        known = sorted({term for row in rows if row for term in row} | set(self._terms))
        self._grow(known)
        x = np.array([[row.get(t, 0.0) if row else 0.0 for t in self._terms] for row in rows]).reshape(len(left), -1)
        gain = np.log1p(np.einsum("ij,ij->i", x, np.linalg.solve(self._information, x.T).T) / _SIGMA**2)
        return int(np.argmax(gain / [self._second_of(w) for w in left]))

    def took(self, workload: Workload) -> None:
        row = self._row(workload)
        if row is not None:
            self._grow(sorted(set(self._terms) | set(row)))
            x = np.array([row.get(t, 0.0) for t in self._terms])
            self._information += np.outer(x, x) / _SIGMA**2

    def _row(self, workload: Workload) -> Mapping[str, float] | None:
        """The workload's shares; None where it cannot be compiled, which the session will say."""
        if workload not in self._rows:
            try:
                program = compile(build(workload.model, workload.batch), format=workload.format, phase=workload.phase)
                self._rows[workload] = shares(program, self._prior)
            except ValueError:
                self._rows[workload] = None
        return self._rows[workload]

    def _grow(self, terms: list[str]) -> None:
        """Make room for terms that no earlier workload had."""
        grown = np.eye(len(terms)) / _PRIOR**2
        at = [terms.index(t) for t in self._terms]
        grown[np.ix_(at, at)] = self._information
        self._terms, self._information = terms, grown


def shares(program: TransistorProgram, device: Device) -> dict[str, float]:
    """The share of a program's energy that each term of a device's models takes; they sum to 1."""
    from hardware.terms import TERMS
    from tocompiler.energy.columns import Columns
    from tocompiler.execution import execute

    found = Columns(execute(program, device.runtime, last_cache_byte=device.last_cache_byte))
    leaders = [found.execution.rows[i] for i in found.leaders]
    total = dict.fromkeys(TERMS, 0.0)
    if all(model.level == "program" for model in device.models.values()):
        _add(total, next(iter(device.models.values())), found.total)
    else:
        for leader, terms in zip(leaders, found.layer_terms, strict=True):
            serving = [m for m in device.models.values() if m.serves(leader.operator, leader.phase)]
            _add(total, max(serving, key=lambda m: bool(m.operators) + bool(m.phase)), terms)
    energy = sum(total.values())
    return {name: part / energy for name, part in total.items() if part > 0}


def _add(total: dict[str, float], model: EnergyModel, terms: Array) -> None:
    """Energy of each term by one model, its power of the sum included."""
    parts = {name: model.coefficient(name) * float(x) for name, x in zip(total, terms, strict=True)}
    linear = sum(parts.values())
    for name, part in parts.items():
        total[name] += part * linear ** (model.exponent - 1) if linear > 0 else 0.0
