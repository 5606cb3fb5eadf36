"""Sensors that the kernel shows under hwmon: INA219, INA226, INA3221 and energy counters of whole chips."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

from hardware.meters import meter
from hardware.meters.base import Counter, Meter, MeterError, PowerIntegral, Reading
from hardware.meters.sysfs import number, text, watt_of

__all__ = ["INPUT_RAILS", "SensorRails", "chips", "open_hwmon", "open_ina", "rails"]

_ROOT = Path("/sys/class/hwmon")
_INA = ("ina219", "ina226", "ina3221", "ina230", "ina231", "ina238")
INPUT_RAILS = ("VDD_IN", "POM_5V_IN", "VIN", "5V_IN", "VIN_SYS_5V0_IN")
"""Labels of rails that feed all others: beside one of them the others would be counted twice."""
_ACCESS = "sudo chmod a+r {}/hwmon*/*_input, and load the sensor's driver (modprobe ina2xx or ina3221)"


class SensorRails(Meter):
    """Rails summed: power read and integrated, or energy counters (µJ). INA219, INA3221: 1 % (Texas Instruments data
    sheets, gain and shunt-voltage offset over temperature), without the shunt's tolerance."""

    def __init__(self, name: str, watts: dict[str, Callable[[], float]], joules: dict[str, Callable[[], float]],
                 accuracy: float | None = None) -> None:
        self.name = name
        self.domains = (*watts, *joules)
        self.scope = f"rails {', '.join(self.domains)}"
        self.accuracy = accuracy
        self._sources: list[tuple[str, Callable[[], float], Counter | PowerIntegral]] = [
            *((n, read, PowerIntegral(n)) for n, read in watts.items()),
            *((n, read, Counter(n)) for n, read in joules.items())]
        self.read()

    def read(self) -> Reading:
        joule = {name: total.since(time.monotonic(), source()) for name, source, total in self._sources}
        return Reading(time.monotonic(), joule)


def chips(root: Path, wanted: Callable[[str], bool]) -> dict[str, Path]:
    """Folders of the chips whose name is wanted, by folder name."""
    return {folder.name: folder for folder in sorted(root.glob("hwmon*"))
            if (folder / "name").exists() and wanted(text(folder / "name"))}


def rails(folder: Path) -> dict[str, Callable[[], float]]:
    """Power of each channel of a chip by its label; only the one that feeds the others where there is such a one."""
    numbers = sorted({int(m[2]) for f in folder.iterdir() if (m := re.fullmatch(r"(power|in)(\d+)_input", f.name))})
    found = {}
    for channel in numbers:
        watt = watt_of(folder, channel)
        if watt is not None:
            found[_label(folder, channel)] = watt
    feeding = [label for label in found if label in INPUT_RAILS]
    return {label: found[label] for label in feeding} or found


def _label(folder: Path, channel: int) -> str:
    for kind in ("power", "in", "curr"):
        file = folder / f"{kind}{channel}_label"
        if file.exists():
            return text(file)
    return f"{text(folder / 'name')}-{channel}"


@meter("ina", covers="board", looks_for=f"an INA219 or INA3221 under {_ROOT}", access=_ACCESS.format(_ROOT), rank=3)
def open_ina(argument: str = "") -> SensorRails:
    """Every INA sensor's rails; the argument is another root."""
    root = Path(argument) if argument else _ROOT
    found = {f"{chip}:{label}": watt for chip, folder in chips(root, lambda n: n.startswith(_INA)).items()
             for label, watt in rails(folder).items()}
    if not found:
        raise MeterError(f"{root} has no INA sensor with power, or with voltage and current")
    return SensorRails("ina", found, {}, accuracy=0.01)


@meter("hwmon", covers="board", looks_for=f"energy or power of a chip under {_ROOT}", access=_ACCESS.format(_ROOT),
       rank=6)
def open_hwmon(argument: str = "") -> SensorRails:
    """The chip of that name (default: the first with an energy counter, else with power)."""
    root, _, chip = argument.rpartition(",")
    folders = chips(Path(root) if root else _ROOT, lambda n: chip in ("", n) and not n.startswith(_INA))
    counted = {f"{text(folder / 'name')}:{file.name}": _joule_of(file)
               for folder in folders.values() for file in sorted(folder.glob("energy*_input"))}
    if counted:
        return SensorRails("hwmon", {}, counted)
    for folder in folders.values():
        if list(folder.glob("power*_input")):
            return SensorRails("hwmon", rails(folder), {})
    raise MeterError(f"{root or _ROOT} has no chip{f' {chip}' if chip else ''} with energy*_input or power*_input")


def _joule_of(file: Path) -> Callable[[], float]:
    return lambda: number(file) * 1e-6
