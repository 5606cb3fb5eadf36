"""Meters behind vendors' libraries, each against a stand-in for its library; logs and traces; powermetrics' output."""

from __future__ import annotations

import io
import plistlib
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from hardware.meters import MeterError, open_meter
from hardware.meters.apple import Apple
from hardware.meters.traces import External, Replay


class NvmlError(Exception):
    """What every call of the stand-in raises."""


def nvml(counter: bool = True, instant: bool = True, reasons: int = 0) -> SimpleNamespace:
    """A stand-in for pynvml with one GPU: 7 J more at each reading, 120 W."""
    state = {"millijoule": 1000}

    def energy(gpu: str) -> int:
        if not counter:
            raise NvmlError("Not Supported")
        state["millijoule"] += 7000
        return state["millijoule"]

    def fields(gpu: str, wanted: list[int]) -> list[SimpleNamespace]:
        assert wanted == [186]  # never 185, the average
        return [SimpleNamespace(nvmlReturn=0 if instant else 3, value=SimpleNamespace(uiVal=120_000))]

    return SimpleNamespace(
        NVMLError=NvmlError, NVML_SUCCESS=0, NVML_FI_DEV_POWER_INSTANT=186, NVML_TEMPERATURE_GPU=0, NVML_CLOCK_SM=1,
        nvmlInit=lambda: None, nvmlShutdown=lambda: state.update(closed=True), state=state,
        nvmlDeviceGetHandleByIndex=lambda i: f"gpu{i}", nvmlDeviceGetName=lambda gpu: b"Imaginary 9000",
        nvmlDeviceGetTotalEnergyConsumption=energy, nvmlDeviceGetFieldValues=fields,
        nvmlDeviceGetTemperature=lambda gpu, kind: 61, nvmlDeviceGetClockInfo=lambda gpu, kind: 1740,
        nvmlDeviceGetCurrentClocksThrottleReasons=lambda gpu: reasons,
        nvmlClocksThrottleReasonHwThermalSlowdown=0x40, nvmlClocksThrottleReasonSwThermalSlowdown=0x20,
        nvmlClocksThrottleReasonHwSlowdown=0x8, nvmlClocksThrottleReasonHwPowerBrakeSlowdown=0x80)


def test_the_energy_counter_of_an_nvidia_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    library = nvml()
    monkeypatch.setitem(sys.modules, "pynvml", library)  # type: ignore[arg-type]
    meter = open_meter("nvidia:0")
    first = meter.read().total
    assert meter.read().total - first == pytest.approx(7.0)
    assert meter.scope == "Imaginary 9000 (GPU 0), board and memory"
    assert meter.conditions() == {"temperature_celsius": "61", "clock_megahertz": "1740"}
    meter.close()
    assert library.state["closed"]


def test_without_a_counter_instantaneous_power_is_integrated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", nvml(counter=False))  # type: ignore[arg-type]
    meter = open_meter("nvidia")
    begin = meter.read()
    time.sleep(0.03)
    end = meter.read()
    assert end.total - begin.total == pytest.approx(120 * (end.second - begin.second), rel=1e-6)


def test_averaged_power_alone_is_no_meter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", nvml(counter=False, instant=False))  # type: ignore[arg-type]
    with pytest.raises(MeterError, match="averaged power cannot tell one workload from the next"):
        open_meter("nvidia")


@pytest.mark.parametrize(("reasons", "said"), [(0x40, "thermal slowdown"), (0x8, "hardware slowdown"), (0x4, None)])
def test_throttling_is_reported_and_a_power_cap_is_not(reasons: int, said: str | None,
                                                       monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", nvml(reasons=reasons))  # type: ignore[arg-type]
    assert open_meter("nvidia").conditions().get("throttled") == said


def test_a_missing_library_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)
    with pytest.raises(MeterError, match="nvidia-ml-py is not installed"):
        open_meter("nvidia")


@pytest.mark.parametrize("key", ["energy_accumulator", "power"])
def test_amdsmi_counts_steps_of_microjoules_under_either_name(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = iter((100, 1100, 3100, 9100))

    def count(gpu: str) -> dict[str, float]:
        return {key: next(steps), "counter_resolution": 15.259}

    library = SimpleNamespace(AmdSmiException=NvmlError, amdsmi_init=lambda: None, amdsmi_shut_down=lambda: None,
                              amdsmi_get_processor_handles=lambda: ["a"], amdsmi_get_energy_count=count)
    monkeypatch.setitem(sys.modules, "amdsmi", library)  # type: ignore[arg-type]
    meter = open_meter("amd")  # two readings: the resolution, and the start
    assert meter.read().total == pytest.approx(2000 * 15.259e-6)
    with pytest.raises(MeterError, match="there is no GPU '3'"):
        open_meter("amd:3")


def test_zeus_stands_in_where_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    reading = iter((1000, 3500))

    class Gpus:
        def __len__(self) -> int:
            return 1

        def get_total_energy_consumption(self, index: int) -> int:
            return next(reading)

    class Known(Gpus):
        def get_total_energy_consumption(self, index: int) -> int:
            return 4000

    library: Any = SimpleNamespace(get_gpus=Known, get_cpus=Gpus)
    monkeypatch.setitem(sys.modules, "zeus", SimpleNamespace(device=library))  # type: ignore[arg-type]
    monkeypatch.setitem(sys.modules, "zeus.device", library)
    meter = open_meter("zeus")
    assert meter.read().total == meter.read().total == 0.0
    assert meter.domains == ("gpu-0",)


class Hardware:
    """A CPU as codecarbon describes it."""

    def __init__(self, mode: str) -> None:
        self._mode = mode


Hardware.__name__ = "CPU"


@pytest.mark.parametrize(("mode", "found"), [("intel_rapl", True), ("constant", False)])
def test_codecarbon_counts_only_what_it_measures(mode: str, found: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    class Tracker:
        def __init__(self, **options: object) -> None:
            self._hardware = [Hardware(mode)]
            self._total_cpu_energy = SimpleNamespace(kWh=1e-6)

        def start(self) -> None:
            pass

        def stop(self) -> None:
            pass

    monkeypatch.setitem(sys.modules, "codecarbon", SimpleNamespace(OfflineEmissionsTracker=Tracker))  # type: ignore[arg-type]
    if not found:
        with pytest.raises(MeterError, match="codecarbon found nothing to measure"):
            open_meter("codecarbon")
        return
    assert open_meter("codecarbon").domains == ("cpu",)


def test_powermetrics_samples_are_summed() -> None:
    def sample(milliwatt: float) -> bytes:
        return plistlib.dumps({"elapsed_ns": 100_000_000, "processor": {"combined_power": milliwatt}})

    meter = Apple(io.BytesIO(sample(5000) + b"\0" + sample(7000) + b"\0"))
    meter._thread.join(5)
    assert meter._latest.total == pytest.approx(1.2)
    with pytest.raises(MeterError, match="powermetrics ended: its output stopped"):
        meter.read()


def test_powermetrics_that_prints_something_else_is_an_error() -> None:
    meter = Apple(io.BytesIO(plistlib.dumps({"elapsed_ns": 1}) + b"\0"))
    meter._thread.join(5)
    with pytest.raises(MeterError, match="cannot be read"):
        meter.read()


def log(folder: Path, *lines: str) -> Path:
    path = folder / "log.csv"
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def test_an_external_log_is_followed_as_it_grows_and_keeps_its_own_time(tmp_path: Path) -> None:
    path = log(tmp_path, "second,watt", "1000,10", "1001,10")
    meter = External(path, wall=lambda: 1002.0, monotonic=lambda: 2.0)
    assert (meter.read().second, meter.read().total) == (1.0, 10.0)  # an hour later it would still say so
    with path.open("a", encoding="utf-8") as file:
        file.write("1002,30\n1003,3")
        file.flush()
        assert (meter.read().second, meter.read().total) == (2.0, 30.0)
        file.write("0\n")
    assert (meter.read().second, meter.read().total) == (3.0, 60.0)


def test_a_step_of_the_loggers_clock_is_an_error(tmp_path: Path) -> None:
    path = log(tmp_path, "second,joule", "1000,10", "1001,20")
    meter = External(path)
    with path.open("a", encoding="utf-8") as file:
        file.write("990,30\n")
    with pytest.raises(MeterError, match=r"time goes back from 1001.000 to 990.000 s: the logger's clock was set"):
        meter.read()


@pytest.mark.parametrize(("lines", "said"), [
    (("time,watt", "1,2"), "the first line must name a column 'second'"),
    (("second,watt", "1,none", "2,3"), "'1,none' lacks"),
    (("second,watt", "1,2"), "at least two readings"),
])
def test_a_log_that_cannot_be_read_says_why(lines: tuple[str, ...], said: str, tmp_path: Path) -> None:
    with pytest.raises(MeterError, match=said.replace("(", r"\(")):
        open_meter(f"replay:{log(tmp_path, *lines)}")


def test_a_trace_is_played_back_and_ends(tmp_path: Path) -> None:
    now = [100.0]
    meter = Replay(log(tmp_path, "second,joule", "5,0", "5.5,4", "6,10"), clock=lambda: now[0])
    assert meter.read().total == 0.0
    now[0] = 100.7
    assert (meter.read().total, meter.read().second) == (4.0, 100.5)
    now[0] = 102.0
    with pytest.raises(MeterError, match="the trace ended after 1 s"):
        meter.read()
