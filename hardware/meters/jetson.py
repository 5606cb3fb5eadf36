"""NVIDIA Jetson boards: the INA3221 on the module, under hwmon or, before JetPack 5, under iio."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from hardware.meters import meter
from hardware.meters.base import MeterError
from hardware.meters.hwmon import INPUT_RAILS, SensorRails, chips, rails
from hardware.meters.sysfs import number, text

__all__ = ["open_jetson"]

_ROOT = Path("/sys")


@meter("jetson", covers="board", looks_for=f"{_ROOT}/bus/i2c/drivers/ina3221*/*/(hwmon|iio:device)*", rank=2,
       access="sudo chmod -R a+r /sys/bus/i2c/drivers/ina3221*/ (or run as root)")
def open_jetson(argument: str = "") -> SensorRails:
    """The rail that feeds the module where it has one (VDD_IN, POM_5V_IN), else the sum of the others."""
    root = Path(argument) if argument else _ROOT
    devices = sorted((root / "bus/i2c/drivers").glob("ina3221*/*-00*"))
    found: dict[str, Callable[[], float]] = {}
    for device in devices:
        for folder in chips(device / "hwmon", lambda name: True).values():
            found |= rails(folder)
        for folder in sorted(device.glob("iio:device*")):
            found |= _old_rails(folder)
    feeding = {label: watt for label, watt in found.items() if label in INPUT_RAILS}
    if not found:
        raise MeterError(f"{root} has no INA3221 of a Jetson")
    return SensorRails("jetson", feeding or found, {}, accuracy=0.01)


def _old_rails(folder: Path) -> dict[str, Callable[[], float]]:
    """``in_power0_input`` in mW beside ``rail_name_0`` (Jetson Linux Developer Guide, release 32)."""
    def watt_of(file: Path) -> Callable[[], float]:
        return lambda: number(file) * 1e-3

    return {text(folder / f"rail_name_{i}"): watt_of(folder / f"in_power{i}_input")
            for i in range(3) if (folder / f"in_power{i}_input").exists()}
