"""Few points or none: a calibrated device rescaled by a few rows, and a device known from its data sheet alone."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Sequence
from dataclasses import replace
from importlib import resources

import numpy as np

from hardware.device import Device
from hardware.energy_model import EnergyModel, Interval
from hardware.measurement import Measurement
from hardware.memory import MemoryLevel
from hardware.runtime import Runtime, load_runtime
from hardware.technology import node
from hardware.terms import TERMS
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
    ratios = np.array([math.log(m.joule_per_execution / predict(m.program, origin, m.conditions).energy_joule)
                       for m in measurements])
    count = len(ratios)
    factor = math.exp(float(ratios.sum()) / (count + 1))
    # With one row its own distance from 1 is all there is to go by; with more, their spread about their mean.
    spread = float(ratios.std(ddof=1)) if count > 1 else abs(float(ratios[0]))
    extra = 1.645 * spread * math.sqrt(1 + 1 / count)
    models = {label: _scaled(model, factor, extra) for label, model in origin.models.items()}
    return replace(origin, name=name, models=models, rows=count, data_hash="",
                   description=f"{origin.name} rescaled by {factor:.3g} to {count} rows",
                   source=f"transfer from {origin.name} ({origin.source})")


def _scaled(model: EnergyModel, factor: float, extra: float) -> EnergyModel:
    base = factor ** (1 / model.exponent)
    interval = model.interval
    typical = float(np.median(interval.scale)) * interval.quantile
    grown = math.hypot(typical, extra) / typical if typical > 0 else 1.0
    shifted = tuple(x + math.log(factor) for x in interval.log_joule)
    return replace(
        model, coefficients=tuple(c * base for c in model.coefficients), metrics={},
        covariance=tuple(tuple(v * base**2 for v in row) for row in model.covariance),
        interval=replace(interval, quantile=interval.quantile * grown, log_joule=shifted),
    )


def zero_shot(name: str, technology: str | None = None, *, tdp_watt: float | None = None,
              bandwidth_byte_per_second: float | None = None, idle_watt: float | None = None,
              last_cache_byte: int | None = None, runtime: Runtime | None = None) -> Device:
    """A device that nobody measured, from its process (``7nm``) and data sheet; the interval is a factor of several.

    Arithmetic costs the process's energy per transistor operation times an overhead for control, wires and clock;
    memory beyond the cache costs published energies per byte, or, with power and bandwidth given, the share of power
    above idle that streaming can draw. Priors and their sources stand in ``data/priors.toml``. ValueError if neither
    a process nor power and bandwidth is given.
    """
    if technology is None and (tdp_watt is None or bandwidth_byte_per_second is None):
        raise ValueError("give a technology (such as 7nm), or TDP and bandwidth")
    prior = _priors()
    process = node(technology or f"{prior['technology_nm']:g}nm")
    far = prior["far_joule_per_byte"]
    if tdp_watt is not None and bandwidth_byte_per_second is not None:
        far = max(tdp_watt - (idle_watt or 0.0), 0.0) / bandwidth_byte_per_second
    values = {"compute": process.energy_joule(1.0) * prior["overhead"], "near": prior["near_joule_per_byte"],
              "far": far, "fresh": far, "weights": far}
    half = math.log(prior["factor"])
    model = EnergyModel("program", tuple(TERMS), tuple(values.get(t, 0.0) for t in TERMS),
                        Interval(0.9, 1.0, (0.0,), (half,), 0, 0.0), low=(-1e3,) * len(TERMS), high=(1e3,) * len(TERMS))
    memory = (MemoryLevel("last", last_cache_byte, source="given"),) if last_cache_byte else ()
    return Device(name, runtime or load_runtime("generic"), memory, {"program": model}, "", 0,
                  f"not measured: estimated from {process.name} and the data sheet, within a factor of "
                  f"{prior['factor']:g}", f"{process.source}; hardware priors")


def _priors() -> dict[str, float]:
    text = resources.files("tocompiler").joinpath("data/priors.toml").read_text(encoding="utf-8")
    return {name: float(entry["value"]) for name, entry in tomllib.loads(text).items()}
