"""Zeus and CodeCarbon as meters, where they are installed: they know machines that no file here knows."""

from __future__ import annotations

import time
from collections.abc import Callable

from hardware.meters import meter
from hardware.meters.base import Counter, Meter, MeterError, Reading

__all__ = ["Tracker", "open_codecarbon", "open_zeus"]

_ACCESS = "pip install {}, and give it access as its own documentation says"


class Tracker(Meter):
    """Another tool's running total, in joule by domain."""

    def __init__(self, name: str, total: Callable[[], dict[str, float]], tick_second: float,
                 stop: Callable[[], object] = lambda: None) -> None:
        self.name = name
        self.tick_second = tick_second
        self._total, self._stop = total, stop
        self._counters = {domain: Counter(f"{name} {domain}") for domain in total()}
        if not self._counters:
            raise MeterError(f"{name} found nothing to measure on this machine")
        self.domains = tuple(self._counters)
        self.scope = f"{', '.join(self.domains)} as {name} reads them"

    def read(self) -> Reading:
        now, found = time.monotonic(), self._total()
        missing = [domain for domain in self.domains if domain not in found]
        if missing:
            raise MeterError(f"{self.name}: domain {missing[0]} vanished")
        return Reading(now, {d: self._counters[d].since(now, found[d]) for d in self.domains})

    def close(self) -> None:
        self._stop()


@meter("zeus", looks_for="the package zeus", access=_ACCESS.format("zeus"))
def open_zeus(argument: str = "") -> Tracker:
    """Zeus's view of every GPU, or with the argument ``cpu`` of every CPU package."""
    try:
        from zeus.device import get_cpus, get_gpus
    except ImportError:
        raise MeterError("zeus is not installed") from None
    try:
        devices = get_cpus() if argument == "cpu" else get_gpus()
        count = len(devices)
    except Exception as error:  # its exceptions share no base
        raise MeterError(f"zeus says: {error}") from None

    def total() -> dict[str, float]:
        if argument == "cpu":
            return {f"cpu-{i}": devices.get_total_energy_consumption(i).cpu_mj * 1e-3 for i in range(count)}
        return {f"gpu-{i}": devices.get_total_energy_consumption(i) * 1e-3 for i in range(count)}

    return Tracker("zeus", total, 0.1)


@meter("codecarbon", looks_for="the package codecarbon", access=_ACCESS.format("codecarbon"))
def open_codecarbon(argument: str = "") -> Tracker:
    """CodeCarbon's measured CPUs and GPUs. Its estimate of memory and its constants for unknown CPUs are no readings
    and are left out: MeterError where nothing else remains."""
    try:
        from codecarbon import OfflineEmissionsTracker
    except ImportError:
        raise MeterError("codecarbon is not installed") from None
    tracker = OfflineEmissionsTracker(country_iso_code="FRA", save_to_file=False, measure_power_secs=1,
                                      log_level="critical")
    tracker.start()
    by_counter = [d for d in tracker._hardware if getattr(d, "_mode", "") == "intel_rapl" or type(d).__name__ == "GPU"]

    def total() -> dict[str, float]:
        kinds = {"GPU": "_total_gpu_energy", "CPU": "_total_cpu_energy"}
        return {type(d).__name__.lower(): getattr(tracker, kinds[type(d).__name__]).kWh * 3.6e6
                for d in by_counter if type(d).__name__ in kinds}

    return Tracker("codecarbon", total, 1.0, tracker.stop)
