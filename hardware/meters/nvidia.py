"""NVIDIA GPUs: NVML's energy counter, or its instantaneous power where a GPU has no counter."""

from __future__ import annotations

import time
from typing import Any

from hardware.meters import meter
from hardware.meters.base import Counter, Meter, MeterError, PowerIntegral, Reading

__all__ = ["Nvidia", "open_nvidia"]

_ACCESS = 'pip install "tocompiler[measure]" (nvidia-ml-py) and the NVIDIA driver; in a container run with --gpus all'
_DISTURBED = {
    "thermal slowdown": ("HwThermalSlowdown", "SwThermalSlowdown"),
    "hardware slowdown": ("HwSlowdown", "HwPowerBrakeSlowdown"),
}


class Nvidia(Meter):
    """One GPU, board and memory.

    The counter (millijoule since the driver was loaded; Volta and newer) steps about every 100 ms. Without it, power
    is read from the field for the instant (NVML_FI_DEV_POWER_INSTANT): nvmlDeviceGetPowerUsage is a mean over the last
    second from Ampere on (NVML API reference), whose tail would be charged to the next workload. The systematic error
    is within 5 % (Yang, Adamek and Armour 2024, "Part-time power measurements", SC'24).
    """

    name = "nvidia"
    accuracy = 0.05

    def __init__(self, nvml: Any, index: int) -> None:
        self._nvml = nvml
        self._gpu = nvml.nvmlDeviceGetHandleByIndex(index)
        self.domains = (f"gpu-{index}",)
        self.scope = f"{_text(nvml.nvmlDeviceGetName(self._gpu))} (GPU {index}), board and memory"
        self.counts = self._has_counter()
        self.tick_second = 0.1 if self.counts else 0.0
        self.resolution_joule = 1e-3
        self._joule: Counter | PowerIntegral = (Counter if self.counts else PowerIntegral)(f"NVML GPU {index}")
        self.read()

    def read(self) -> Reading:
        try:
            raw = self._nvml.nvmlDeviceGetTotalEnergyConsumption(self._gpu) if self.counts else self._milliwatt()
        except self._nvml.NVMLError as error:
            raise MeterError(f"NVML stopped answering for {self.domains[0]}: {error}") from None
        now = time.monotonic()
        return Reading(now, {self.domains[0]: self._joule.since(now, raw * 1e-3)})

    def conditions(self) -> dict[str, str]:
        nvml, gpu = self._nvml, self._gpu
        found = {}
        asked = {"temperature_celsius": lambda: nvml.nvmlDeviceGetTemperature(gpu, nvml.NVML_TEMPERATURE_GPU),
                 "clock_megahertz": lambda: nvml.nvmlDeviceGetClockInfo(gpu, nvml.NVML_CLOCK_SM),
                 "throttled": self._throttled}
        for name, ask in asked.items():
            try:
                value = ask()
            except nvml.NVMLError:
                continue  # not every GPU answers every question
            if value != "":
                found[name] = str(value)
        return found

    def close(self) -> None:
        self._nvml.nvmlShutdown()

    def _has_counter(self) -> bool:
        try:
            self._nvml.nvmlDeviceGetTotalEnergyConsumption(self._gpu)
        except self._nvml.NVMLError:
            return False
        return True

    def _milliwatt(self) -> float:
        field = self._nvml.nvmlDeviceGetFieldValues(self._gpu, [self._nvml.NVML_FI_DEV_POWER_INSTANT])[0]
        if field.nvmlReturn != self._nvml.NVML_SUCCESS:
            raise MeterError(f"{self.domains[0]} has neither an energy counter nor instantaneous power, and its "
                             "averaged power cannot tell one workload from the next")
        return float(field.value.uiVal)

    def _throttled(self) -> str:
        reasons = self._nvml.nvmlDeviceGetCurrentClocksThrottleReasons(self._gpu)
        for said, names in _DISTURBED.items():
            if any(reasons & getattr(self._nvml, f"nvmlClocksThrottleReason{name}") for name in names):
                return said
        return ""


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


@meter("nvidia", covers="gpu", looks_for="an NVIDIA GPU through NVML", access=_ACCESS, rank=1)
def open_nvidia(argument: str = "") -> Nvidia:
    """The GPU with that index (default 0)."""
    try:
        import pynvml
    except ImportError:
        raise MeterError("nvidia-ml-py is not installed") from None
    if not (argument or "0").isdecimal():
        raise MeterError(f"'{argument}' is not the index of a GPU")
    try:
        pynvml.nvmlInit()
        return Nvidia(pynvml, int(argument or 0))
    except pynvml.NVMLError as error:
        raise MeterError(f"NVML says: {error}") from None
