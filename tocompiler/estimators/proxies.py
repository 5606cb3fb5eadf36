"""The proxies: energy as a straight line in products, in floating-point operations, or along a roofline.

    macs      E = a MAC + b                                          (joule; a, b >= 0)
    flops     E = a (2 MAC + other operations) + b
    roofline  E = a sum over operators of max(operations, ridge x bytes) + b

The first two are what the literature calls linear proxies; the roofline is Williams, Waterman, Patterson, CACM 2009, at
constant power. All are fitted on relative errors.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np
from numpy.typing import NDArray

from hardware.measurement import Measurement
from hardware.program import Program
from tocompiler.estimators import register
from tocompiler.estimators.common import joules, require, unfitted
from tocompiler.regression import fit_relative

__all__ = ["Flops", "Macs", "Roofline"]

Array = NDArray[np.float64]


class Linear:
    """E = a x + b, joule, with a, b >= 0 fitted on relative errors; subclasses say what x is."""

    name = "linear"

    def __init__(self) -> None:
        self.coefficients_: Array | None = None

    def count(self, program: Program) -> float:
        """x."""
        raise NotImplementedError

    def fit(self, measurements: Sequence[Measurement]) -> Self:
        require(measurements, 2, self.name)
        terms = np.array([[self.count(m.program), 1.0] for m in measurements])
        self.coefficients_ = np.asarray(fit_relative(terms, joules(measurements)))
        return self

    def predict(self, program: Program) -> float:
        if self.coefficients_ is None:
            raise unfitted(self.name)
        return float(self.coefficients_ @ [self.count(program), 1.0])


@register
class Macs(Linear):
    """x is the products (multiply-accumulates) of convolutions, matrix products, attention."""

    name = "macs"

    def count(self, program: Program) -> float:
        return float(program.totals.multiply_accumulates)


@register
class Flops(Linear):
    """x is the arithmetic operations: every ALU task counts one, a multiply-accumulate two."""

    name = "flops"

    def count(self, program: Program) -> float:
        return _operations(program)


def _operations(program: Program) -> float:
    tasks = program.totals.alu_tasks
    return float(sum(tasks.values()) + tasks.get("multiply_accumulate", 0))


@register
class Roofline:
    """E = a sum over operators of max(operations, ridge x bytes) + b, bytes being the compulsory traffic; ``ridge``
    (operations per byte) is the one of a grid that fits best."""

    name = "roofline"
    ridges = tuple(float(r) for r in np.geomspace(0.25, 1024, 49))

    def __init__(self) -> None:
        self.coefficients_: Array | None = None
        self.ridge_ = 1.0

    def fit(self, measurements: Sequence[Measurement]) -> Self:
        require(measurements, 3, self.name)
        energy, points = joules(measurements), [_points(m.program) for m in measurements]
        best = np.inf
        for ridge in self.ridges:
            terms = np.array([[_along(p, ridge), 1.0] for p in points])
            coefficients = np.asarray(fit_relative(terms, energy))
            error = float(np.mean(np.abs(terms @ coefficients / energy - 1)))
            if error < best:
                best, self.ridge_, self.coefficients_ = error, ridge, coefficients
        return self

    def predict(self, program: Program) -> float:
        if self.coefficients_ is None:
            raise unfitted(self.name)
        return float(self.coefficients_ @ [_along(_points(program), self.ridge_), 1.0])


def _points(program: Program) -> Array:
    """Operations and compulsory bytes of each operator."""
    return np.array([[float(sum(row.alu_tasks.values()) + row.alu_tasks.get("multiply_accumulate", 0)),
                      float(row.traffic_bit) / 8] for row in program.rows])


def _along(points: Array, ridge: float) -> float:
    return float(np.maximum(points[:, 0], ridge * points[:, 1]).sum())
