"""What a server adds to the operators that it runs: steps, and requests that are scheduled and sampled.

Operators measured alone know nothing of it, and what runs on another device of the same kind tells: energy of services
there is a multiple of their operators' by this device's models, the rest is what a step and a request take.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from hardware.device import Device
from hardware.energy_model import Array, EnergyModel, Interval
from hardware.measurement import Measurement
from hardware.terms import TERMS
from tocompiler.energy.columns import Columns
from tocompiler.energy.prediction import predict
from tocompiler.execution import execute
from tocompiler.regression import fit_relative

__all__ = ["with_server"]

_ADDED = ("samples", "constant")


def with_server(device: Device, services: Sequence[Measurement]) -> Device:
    """A device calibrated on operators, with what a step and each of its requests add, from measured steps of services;
    to run times too, where both were timed.

    ValueError where the device's models are of whole programs, which have it already, or no service is given.
    """
    if not services or any(m.level == "program" for m in device.models.values()):
        raise ValueError(f"device '{device.name}': give measured services, and a device calibrated on operators")
    place = [list(TERMS).index(name) for name in _ADDED]
    bare = replace(device, models=_without(device.models), times=_without(device.times))
    added, operators, seconds = [], [], []
    for m in services:
        found = execute(m.program, device.runtime, last_cache_byte=device.last_cache_byte, conditions=m.conditions)
        added.append(Columns(found).execution_terms[place])
        predicted = predict(m.program, bare, m.conditions)
        operators.append(predicted.energy_joule)
        seconds.append(predicted.second)
    joule = np.array([m.joule_per_execution for m in services])
    served = replace(bare, models={**bare.models, "server": _server(np.array(operators), np.array(added), joule)})
    timed = [m.latency_second for m in services]
    if not bare.times or None in timed:
        return served
    model = _server(np.array(seconds, dtype=float), np.array(added), np.array(timed, dtype=float))
    return replace(served, times={**bare.times, "server": model})


def _without(models: Mapping[str, EnergyModel]) -> dict[str, EnergyModel]:
    return {label: m for label, m in models.items() if "execution" not in m.operators}


def _server(operators: Array, added: Array, measured: Array) -> EnergyModel:
    """Joule (or seconds) for each request and step, beside a multiple of what the operators take."""
    terms = np.column_stack([operators, added])
    cost = fit_relative(terms, measured)
    off = np.abs(np.log(terms @ cost / measured))
    rank = min(1.0, 0.9 * (1 + 1 / len(measured)))
    interval = Interval(0.9, float(np.quantile(off, rank)), (0.0,), (1.0,), len(measured))
    logs = np.log(np.maximum(added, 1e-9))
    return EnergyModel(
        "operator", _ADDED, tuple(map(float, cost[1:])), interval, tuple((0.0,) * len(_ADDED) for _ in _ADDED),
        ("execution",), low=tuple(map(float, logs.min(0))), high=tuple(map(float, logs.max(0))), rows=len(measured))
