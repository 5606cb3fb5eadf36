"""Intel and AMD processors: RAPL energy counters through the kernel's powercap tree."""

from __future__ import annotations

import time
from pathlib import Path

from hardware.meters import meter
from hardware.meters.base import Counter, Meter, MeterError, Reading
from hardware.meters.sysfs import number, text

__all__ = ["Rapl", "open_rapl"]

_ROOT = Path("/sys/class/powercap")
_ACCESS = ("sudo chmod -R a+r /sys/class/powercap/intel-rapl:*/ (until the next boot; the counters are for root alone "
           "since CVE-2020-8694), and modprobe intel_rapl_msr where the folder is missing")


class Rapl(Meter):
    """Package and DRAM domains; core and uncore are inside the package and left out, psys covers them all.

    Counters step every millisecond or so and wrap at ``max_energy_range_uj`` (Intel SDM volume 3B, 15.10; Linux,
    Documentation/power/powercap). AMD's (family 17h on) appear in the same tree, packages only.
    """

    name = "rapl"
    tick_second = 0.001

    def __init__(self, folders: dict[str, Path]) -> None:
        self.domains = tuple(folders)
        self.scope = f"processor domains {', '.join(folders)}"
        self.resolution_joule = 1e-6 * len(folders)
        self._files = {name: folder / "energy_uj" for name, folder in folders.items()}
        self._counters = {name: Counter(f"RAPL {name}", number(folder / "max_energy_range_uj") * 1e-6)
                          for name, folder in folders.items()}
        self.read()

    def read(self) -> Reading:
        joule = {name: self._counters[name].since(time.monotonic(), number(file) * 1e-6)
                 for name, file in self._files.items()}
        return Reading(time.monotonic(), joule)


@meter("rapl", covers="cpu", looks_for=f"{_ROOT}/intel-rapl:*/energy_uj", access=_ACCESS, rank=1)
def open_rapl(argument: str = "") -> Rapl:
    """The counters of every package, and of its DRAM; the argument is another root, or ``psys`` for the platform."""
    root = Path(argument) if argument not in ("", "psys") else _ROOT
    found = {}
    for folder in sorted(root.glob("intel-rapl:*")):
        name = text(folder / "name")
        parent = folder.name.rpartition(":")[0]
        if name == "dram":
            name = f"{text(root / parent / 'name')}-dram" if (root / parent / "name").exists() else name
        wanted = name == "psys" if argument == "psys" else name.startswith("package") or name.endswith("dram")
        if wanted:
            found[name] = folder
    if not found:
        raise MeterError(f"{root} has no {'psys' if argument == 'psys' else 'package'} domain")
    return Rapl(found)
