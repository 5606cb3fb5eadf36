"""What a server adds to the operators that it runs: steps, and requests that are scheduled and sampled.

Operators measured alone know nothing of it, and what runs on another device of the same kind tells: energy of services
there is a multiple of their operators' by this device's models, the rest is what a step and a request take.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from hardware.device import Device
from hardware.energy_model import EnergyModel, Interval
from hardware.measurement import Measurement
from hardware.terms import TERMS
from tocompiler.energy.columns import Columns
from tocompiler.energy.prediction import predict
from tocompiler.energy.regression import fit_relative
from tocompiler.execution import execute

__all__ = ["with_server"]

_ADDED = ("samples", "constant")


def with_server(device: Device, services: Sequence[Measurement]) -> Device:
    """A device calibrated on operators, with what a step and each of its requests add, from measured steps of services.

    ValueError where the device's models are of whole programs, which have it already, or no service is given.
    """
    if not services or any(m.level == "program" for m in device.models.values()):
        raise ValueError(f"device '{device.name}': give measured services, and a device calibrated on operators")
    place = [list(TERMS).index(name) for name in _ADDED]
    terms = np.zeros((len(services), 1 + len(_ADDED)))
    for row, m in zip(terms, services, strict=True):
        found = execute(m.program, device.runtime, last_cache_byte=device.last_cache_byte, conditions=m.conditions)
        row[0] = predict(m.program, device, m.conditions).energy_joule
        row[1:] = Columns(found).execution_terms[place]
    joule = np.array([m.joule_per_execution for m in services])
    cost = fit_relative(terms, joule)
    off = np.abs(np.log(terms @ cost / joule))
    rank = min(1.0, 0.9 * (1 + 1 / len(joule)))
    interval = Interval(0.9, float(np.quantile(off, rank)), (0.0,), (1.0,), len(joule))
    seen = np.log(np.maximum(terms[:, 1:], 1e-9))
    model = EnergyModel(
        "operator", _ADDED, tuple(map(float, cost[1:])), interval, tuple((0.0,) * len(_ADDED) for _ in _ADDED),
        ("execution",), low=tuple(map(float, seen.min(0))), high=tuple(map(float, seen.max(0))), rows=len(joule))
    kept = {label: m for label, m in device.models.items() if "execution" not in m.operators}
    return replace(device, models={**kept, "server": model})
