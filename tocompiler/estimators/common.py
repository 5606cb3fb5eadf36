"""What every estimator does with measurements."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hardware.measurement import Measurement

__all__ = ["joules", "median_ratio", "require", "unfitted"]


def joules(measurements: Sequence[Measurement]) -> NDArray[np.float64]:
    """Joules of one execution of each measurement."""
    return np.array([m.joule_per_execution for m in measurements], dtype=float)


def require(measurements: Sequence[object], least: int, name: str) -> None:
    """ValueError where an estimator got fewer measurements than it has free coefficients."""
    if len(measurements) < least:
        raise ValueError(f"{name} needs at least {least} measurements, got {len(measurements)}")


def unfitted(name: str) -> ValueError:
    """What ``predict`` raises before ``fit`` where a method has no published constants to fall back on."""
    return ValueError(f"{name} has no published coefficients: call fit with measurements first")


def median_ratio(predicted: Any, energy: Any) -> float:
    """The factor that makes the median of predicted / measured one: a method's single free scale."""
    return float(np.median(np.asarray(energy, dtype=float) / np.asarray(predicted, dtype=float)))
