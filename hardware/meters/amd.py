"""AMD GPUs: the energy accumulator of amdsmi."""

from __future__ import annotations

import time
from typing import Any

from hardware.meters import meter
from hardware.meters.base import Counter, Meter, MeterError, Reading

__all__ = ["Amd", "open_amd"]

_ACCESS = "install ROCm's amdsmi package and join the groups: sudo usermod -aG render,video $USER"


class Amd(Meter):
    """One GPU: accumulator times ``counter_resolution``, in microjoule (amdsmi_get_energy_count, AMD SMI reference)."""

    name = "amd"
    tick_second = 0.001

    def __init__(self, smi: Any, index: int) -> None:
        self._smi = smi
        self._gpu = smi.amdsmi_get_processor_handles()[index]
        self.domains = (f"gpu-{index}",)
        self.scope = f"AMD GPU {index}"
        self._counter = Counter(f"amdsmi GPU {index}")
        self.resolution_joule = float(smi.amdsmi_get_energy_count(self._gpu)["counter_resolution"]) * 1e-6
        self.read()

    def read(self) -> Reading:
        try:
            count = self._smi.amdsmi_get_energy_count(self._gpu)
        except self._smi.AmdSmiException as error:
            raise MeterError(f"amdsmi stopped answering for {self.domains[0]}: {error}") from None
        steps = count["energy_accumulator"] if "energy_accumulator" in count else count["power"]  # before 6.2.1
        now = time.monotonic()
        return Reading(now, {self.domains[0]: self._counter.since(now, steps * count["counter_resolution"] * 1e-6)})

    def close(self) -> None:
        self._smi.amdsmi_shut_down()


@meter("amd", covers="gpu", looks_for="an AMD GPU through amdsmi", access=_ACCESS, rank=2)
def open_amd(argument: str = "") -> Amd:
    """The GPU with that index (default 0)."""
    try:
        import amdsmi
    except (ImportError, OSError, KeyError):  # it loads ROCm's libraries when it is imported
        raise MeterError("amdsmi is not installed") from None
    if not (argument or "0").isdecimal():
        raise MeterError(f"'{argument}' is not the index of a GPU")
    try:
        amdsmi.amdsmi_init()
        return Amd(amdsmi, int(argument or 0))
    except IndexError:
        raise MeterError(f"there is no GPU '{argument or 0}'") from None
    except amdsmi.AmdSmiException as error:
        raise MeterError(f"amdsmi says: {error}") from None
