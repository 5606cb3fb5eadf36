"""Run times alone: what can be learned of a machine without a meter. Seconds, never joules.

The device that comes of it has models of run times and none of energy: it is refused wherever joules are asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from hardware.device import Device
from hardware.measurement import read_table
from hardware.runtime import Runtime
from tocompiler.costing import TransistorProgram
from tocompiler.energy.calibration import calibrate
from tocompiler.energy.prediction import predict
from tocompiler.tables import compiled, table_path

__all__ = ["TimePrediction", "calibrate_time", "predict_time"]


@dataclass(frozen=True)
class TimePrediction:
    """Seconds of one execution, with a 90 % interval."""

    second: float
    low_second: float
    high_second: float
    in_domain: bool


def predict_time(program: TransistorProgram, device: Device) -> TimePrediction:
    """Run time of one execution; ValueError where the device's runs were not timed, and as for
    ``tocompiler.predict``."""
    if not device.times:
        raise ValueError(f"no run of device '{device.name}' was timed: calibrate it on rows with latency_second")
    found = predict(program, replace(device, models=device.times, times={}))
    return TimePrediction(found.energy_joule, found.low_joule, found.high_joule, found.in_domain)


def calibrate_time(table: str | Path, name: str, runtime: Runtime | None = None,
                   where: Mapping[str, str] | None = None) -> Device:
    """Fit the run times of a table (``latency_second``), with or without energy beside them.

    Rows marked as disturbed are kept: a run time holds nothing of what other programs drew. ValueError names the row
    that has no run time, or whose model cannot be built.
    """
    path = table_path(table)
    programs: dict[tuple[str, int, str, str], TransistorProgram] = {}
    rows = []
    for line, row in enumerate(read_table(path, where, "latency_second"), 2):
        # No joule is fitted: the energy that a measurement must have stands for nothing.
        rows.append(replace(row, energy_joule=1.0).measurement(compiled(row, programs, path, line)))
    device = calibrate(rows, name, runtime=runtime, source=str(table), energy=False)
    return replace(device, description=f"run times of {len(rows)} rows: seconds, not joules")
