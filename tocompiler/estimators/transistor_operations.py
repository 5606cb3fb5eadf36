"""Transistor operations: our method, and the relative form in which it was first published.

``TransistorOperations`` is ``tocompiler.calibrate`` and ``tocompiler.predict`` behind the common interface.
``ScalingLaw`` keeps to what Li, Tsourdos and Guo modelled ("A Transistor Operations Model for Deep Learning Energy
Consumption Scaling Law", arXiv 2205.15062, 2022-2024): how energy grows with transistor operations, not how much it is:

    E / E0 = (T / T0)^g        T transistor operations, E joule, 0 a reference network of the same device

Their transistor operations of each operation, regression equation, hardware list and definition of "precision" (93.61
to 99.51 %) are not public; the operations are this compiler's own, g is fitted and 1 until then.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from hardware.measurement import Measurement
from hardware.program import Program
from tocompiler.estimators import register
from tocompiler.estimators.common import joules, require, unfitted

__all__ = ["ScalingLaw", "TransistorOperations"]


@register(ours=True)
class TransistorOperations:
    """Calibrated transistor operations: absolute joules with everything that ``tocompiler.calibrate`` knows.

    ``options`` go to ``calibrate`` (a device's runtimes and memory, the choices of its fit).
    """

    name = "transistor_operations"

    def __init__(self, **options: Any) -> None:
        self.options = options
        self.device_: Any = None

    def fit(self, measurements: Sequence[Measurement]) -> Self:
        from tocompiler import calibrate

        self.device_ = calibrate(measurements, **{"name": "estimator", **self.options})
        return self

    def predict(self, program: Program) -> float:
        from tocompiler import predict

        if self.device_ is None:
            raise unfitted(self.name)
        return float(predict(program, self.device_).energy_joule)


@register(ours=True)
class ScalingLaw:
    """The relative mode. ``relative`` needs no measurement; ``fit`` learns the exponent g and the reference's joules
    by least squares of logarithms, after which ``predict`` gives joules too."""

    name = "scaling_law"

    def __init__(self) -> None:
        self.exponent_ = 1.0
        self.logarithm_: float | None = None

    def relative(self, program: Program, reference: Any) -> float:
        """Energy of a program relative to that of a reference on the same device."""
        return float((_operations(program) / _operations(reference)) ** self.exponent_)

    def fit(self, measurements: Sequence[Measurement]) -> Self:
        require(measurements, 2, self.name)
        x = np.log([_operations(m.program) for m in measurements])
        y = np.log(joules(measurements))
        spread = float(np.sum((x - x.mean()) ** 2))
        if spread > 0:
            self.exponent_ = float((x - x.mean()) @ (y - y.mean()) / spread)
        self.logarithm_ = float(y.mean() - self.exponent_ * x.mean())
        return self

    def predict(self, program: Program) -> float:
        if self.logarithm_ is None:
            raise unfitted(self.name)
        return float(np.exp(self.logarithm_) * _operations(program) ** self.exponent_)


def _operations(program: Program) -> float:
    return max(float(program.totals.transistor_operations), 1.0)
