"""Few points or none: a calibrated device rescaled by a few rows, and a device known from its data sheet alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from hardware.device import Device
from hardware.energy_model import EnergyModel
from hardware.facts import Facts
from hardware.measurement import Measurement
from hardware.memory import MemoryLevel
from hardware.runtime import Runtime, load_runtime
from tocompiler.bayes.prior import Prior, shipped_prior
from tocompiler.energy.fitting import unmeasured
from tocompiler.energy.prediction import predict

__all__ = ["transfer", "zero_shot"]


def transfer(origin: Device, measurements: Sequence[Measurement], name: str) -> Device:
    """A new device from a calibrated one and a few rows measured on the new one.

    Every coefficient is scaled by the same factor: the geometric mean of measured over predicted, drawn towards 1 as
    if one row had said 1 (a prior of weight one row). Intervals grow by the spread of the ratios. ValueError without
    rows.
    """
    if not measurements:
        raise ValueError("no measurements: give at least one row to transfer by")
    predicted = [predict(m.program, origin, m.conditions) for m in measurements]
    ratios = [math.log(m.joule_per_execution / p.energy_joule) for m, p in zip(measurements, predicted, strict=True)]
    seconds = [math.log(m.latency_second / p.second) for m, p in zip(measurements, predicted, strict=True)
               if m.latency_second and p.second]
    factor, extra = _apart(ratios)
    return replace(
        origin, name=name, models={label: _scaled(model, factor, extra) for label, model in origin.models.items()},
        times={label: _scaled(model, *_apart(seconds)) for label, model in origin.times.items()} if seconds else {},
        facts=Facts(), measured_watt=None, rows=len(ratios), data_hash="",
        description=f"{origin.name} rescaled by {factor:.3g} to {len(ratios)} rows",
        source=f"transfer from {origin.name} ({origin.source})")


def _apart(logs: Sequence[float]) -> tuple[float, float]:
    """The factor that log ratios say, and by how much they widen an interval."""
    count = len(logs)
    # With one row its own distance from 1 is all there is to go by; with more, their spread about their mean.
    spread = float(np.std(logs, ddof=1)) if count > 1 else abs(logs[0])
    return math.exp(sum(logs) / (count + 1)), 1.645 * spread * math.sqrt(1 + 1 / count)


def _scaled(model: EnergyModel, factor: float, extra: float) -> EnergyModel:
    found = model.scaled(factor)
    interval = found.interval
    typical = float(np.median(interval.scale)) * interval.quantile
    grown = math.hypot(typical, extra) / typical if typical > 0 else 1.0
    return replace(found, metrics={}, interval=replace(interval, quantile=interval.quantile * grown))


def zero_shot(name: str, facts: Facts, *, memory: Sequence[MemoryLevel] = (), runtime: Runtime | None = None,
              prior: Prior | None = None) -> Device:
    """A device that nobody measured, from its data sheet: calibration without a row.

    Its interval is that of the prior, a factor of several. ValueError where nothing is known of it.
    """
    if replace(facts, source="") == Facts():
        raise ValueError("give at least one fact of the device: kind, process, power, peak rate or bandwidth")
    runtime = runtime or load_runtime("generic")
    cached = any(level.capacity_byte is not None for level in memory)
    model = unmeasured((prior or shipped_prior()).of(facts, runtime, cached))
    return Device(name, runtime, tuple(memory), {"program": model}, "", 0,
                  "not measured: estimated from its data sheet and all measured devices",
                  facts.source or "data sheet", facts=facts)
