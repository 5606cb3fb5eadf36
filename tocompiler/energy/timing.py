"""Run times by the same terms: what can be learned of a machine without a meter. Seconds, never joules.

The fit is that of ``calibrate`` with seconds at a nominal power in the place of joules: a second per transistor
operation, per byte, per kernel. Terms add up as if nothing ran beside anything else, which overstates machines that
overlap them. The file says that its quantity is the second, and is no device file: nobody can take its predictions for
energy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from hardware.device import Device
from hardware.files import write_text
from hardware.measurement import read_table
from hardware.runtime import Runtime
from tocompiler.costing import TransistorProgram
from tocompiler.energy.calibration import calibrate
from tocompiler.energy.prediction import predict
from tocompiler.tables import compiled, table_path

__all__ = ["TimePrediction", "Timing", "calibrate_time", "load_timing"]

_WATT = 30.0  # what turns seconds into joules while fitting, of which the prior speaks; it cancels in predictions
_MARK = 'quantity = "second"\n'


@dataclass(frozen=True)
class TimePrediction:
    """Seconds of one execution, with a 90 % interval."""

    second: float
    low_second: float
    high_second: float
    in_domain: bool


@dataclass(frozen=True)
class Timing:
    """A machine whose run times are known: ``machine`` holds seconds times a nominal power where a device holds joules.
    """

    machine: Device

    def predict(self, program: TransistorProgram) -> TimePrediction:
        """Run time of one execution; ValueError as for ``tocompiler.predict``."""
        found = predict(program, self.machine)
        second, low, high = (joule / _WATT for joule in (found.energy_joule, found.low_joule, found.high_joule))
        return TimePrediction(second, low, high, found.in_domain)

    def to_toml(self) -> str:
        """As TOML text that ``load_timing`` reads back and ``load_device`` refuses."""
        return _MARK + self.machine.to_toml()

    def write(self, path: str | Path) -> None:
        """Write it to a TOML file."""
        write_text(path, self.to_toml())


def calibrate_time(table: str | Path, name: str, runtime: Runtime | None = None,
                   where: Mapping[str, str] | None = None) -> Timing:
    """Fit the run times of a table (``latency_second``), with or without energy beside them.

    Rows marked as disturbed are kept: a run time holds nothing of what other programs drew. ValueError names the row
    that has no run time, or whose model cannot be built.
    """
    path = table_path(table)
    programs: dict[tuple[str, int, str, str], TransistorProgram] = {}
    rows = []
    for line, row in enumerate(read_table(path, where, "latency_second"), 2):
        assert row.latency_second is not None
        # A measurement of so many seconds: the one place where the fit of joules is given something else.
        seconds = replace(row, energy_joule=row.latency_second * _WATT, executions=1)
        rows.append(seconds.measurement(compiled(row, programs, path, line)))
    machine = calibrate(rows, name, runtime=runtime, source=str(table))
    return Timing(replace(machine, description=f"run times of {len(rows)} rows: seconds, not joules"))


def load_timing(path: str | Path) -> Timing:
    """A timing file; ValueError where it is another one."""
    text = Path(path).read_text(encoding="utf-8")
    if not text.startswith(_MARK):
        raise ValueError(f"{path}: is no timing file; write one with tocompiler calibrate TABLE --time")
    return Timing(Device.from_toml(text.removeprefix(_MARK)))
