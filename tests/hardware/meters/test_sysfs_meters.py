"""Meters that read the kernel's files, against trees made here."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from hardware.meters import MeterError, kinds, open_meter
from hardware.meters.hwmon import open_hwmon, open_ina
from hardware.meters.jetson import open_jetson
from hardware.meters.rapl import open_rapl


def put(root: Path, files: dict[str, object]) -> Path:
    for name, content in files.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{content}\n", encoding="ascii")
    return root


@pytest.fixture
def powercap(tmp_path: Path) -> Path:
    domain = {"max_energy_range_uj": 262143328850, "energy_uj": 1_000_000}
    return put(tmp_path, {
        f"{folder}/{file}": content
        for folder, name in (("intel-rapl:0", "package-0"), ("intel-rapl:0:0", "core"), ("intel-rapl:0:1", "dram"),
                             ("intel-rapl:1", "psys"))
        for file, content in {**domain, "name": name}.items()})


def test_package_and_dram_are_summed_and_what_is_inside_them_is_not(powercap: Path) -> None:
    meter = open_rapl(str(powercap))
    assert meter.domains == ("package-0", "package-0-dram")
    put(powercap, {"intel-rapl:0/energy_uj": 3_500_000, "intel-rapl:0:0/energy_uj": 2_000_000,
                   "intel-rapl:0:1/energy_uj": 1_250_000})
    assert meter.read().joule == pytest.approx({"package-0": 2.5, "package-0-dram": 0.25})
    assert meter.read().total == pytest.approx(2.75)


def test_the_counter_wraps_at_its_own_range(powercap: Path) -> None:
    put(powercap, {"intel-rapl:0/energy_uj": 262143328850 - 500_000})
    meter = open_rapl(str(powercap))
    put(powercap, {"intel-rapl:0/energy_uj": 700_000})
    assert meter.read().joule["package-0"] == pytest.approx(1.2)


def test_a_domain_that_vanishes_is_an_error(powercap: Path) -> None:
    meter = open_rapl(str(powercap))
    (powercap / "intel-rapl:0:1/energy_uj").unlink()
    with pytest.raises(MeterError, match=r"intel-rapl:0:1/energy_uj: cannot be read .* the domain vanished"):
        meter.read()


def test_a_closed_counter_says_how_to_open_it(powercap: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (powercap / "intel-rapl:0/energy_uj").chmod(0)
    if os.geteuid() == 0:  # nothing is closed to root
        read = Path.read_text

        def refuse(path: Path, *arguments: object, **options: object) -> str:
            if path.name == "energy_uj":
                raise PermissionError(13, "Permission denied", str(path))
            return read(path, *arguments, **options)  # type: ignore[arg-type]

        monkeypatch.setattr(Path, "read_text", refuse)
    with pytest.raises(MeterError, match=r"permission denied; run: sudo chmod a\+r .*intel-rapl:0/energy_uj"):
        open_rapl(str(powercap))


def test_garbage_in_a_counter_is_an_error(powercap: Path) -> None:
    put(powercap, {"intel-rapl:0/energy_uj": "error"})
    with pytest.raises(MeterError, match="'error' is not a number"):
        open_rapl(str(powercap))


def test_ina3221_power_is_voltage_times_current_by_label(tmp_path: Path) -> None:
    put(tmp_path, {"hwmon3/name": "ina3221", "hwmon3/in1_input": 5000, "hwmon3/curr1_input": 400,
                   "hwmon3/in1_label": "VDD_GPU", "hwmon3/in2_input": 5000, "hwmon3/curr2_input": 200,
                   "hwmon3/in2_label": "VDD_CPU", "hwmon0/name": "coretemp", "hwmon0/power1_input": 9_000_000})
    meter = open_ina(str(tmp_path))
    assert meter.domains == ("hwmon3:VDD_GPU", "hwmon3:VDD_CPU")
    begin, start = meter.read(), time.monotonic()
    time.sleep(0.05)
    end = meter.read()
    assert end.total - begin.total == pytest.approx(3.0 * (end.second - begin.second), rel=0.1)  # 5 V x 0.6 A
    assert end.second >= start


def test_a_rail_that_feeds_the_others_stands_for_them(tmp_path: Path) -> None:
    files = {"name": "ina3221", "in1_label": "VDD_IN", "in1_input": 5000, "curr1_input": 1000, "in2_label": "VDD_GPU",
             "in2_input": 5000, "curr2_input": 600}
    put(tmp_path / "bus/i2c/drivers/ina3221/1-0040/hwmon/hwmon1", files)
    assert open_jetson(str(tmp_path)).domains == ("VDD_IN",)


def test_the_jetson_of_older_releases(tmp_path: Path) -> None:
    folder = tmp_path / "bus/i2c/drivers/ina3221x/0-0041/iio:device1"
    put(folder, {"rail_name_0": "POM_5V_GPU", "in_power0_input": 1500, "rail_name_1": "POM_5V_CPU",
                 "in_power1_input": 500})
    meter = open_jetson(str(tmp_path))
    assert meter.domains == ("POM_5V_GPU", "POM_5V_CPU")
    begin = meter.read()
    time.sleep(0.05)
    end = meter.read()
    assert end.total - begin.total == pytest.approx(2.0 * (end.second - begin.second), rel=0.1)


def test_an_energy_counter_under_hwmon_is_taken_before_power(tmp_path: Path) -> None:
    put(tmp_path, {"hwmon0/name": "amd_energy", "hwmon0/energy1_input": 2_000_000, "hwmon1/name": "nvme",
                   "hwmon1/power1_input": 4_000_000})
    meter = open_hwmon(str(tmp_path) + ",")
    put(tmp_path, {"hwmon0/energy1_input": 5_000_000})
    assert meter.read().total == pytest.approx(3.0)


def test_averaged_power_is_never_read(tmp_path: Path) -> None:
    put(tmp_path, {"hwmon0/name": "amdgpu", "hwmon0/power1_average": 30_000_000})
    with pytest.raises(MeterError, match="no chip with energy"):
        open_hwmon(str(tmp_path) + ",")


def test_without_a_meter_every_place_and_every_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in kinds():  # whatever this machine has
        def none(argument: str, name: str = kind.name) -> None:
            raise MeterError(f"no {name} here")

        monkeypatch.setitem(__import__("hardware.meters", fromlist=["_KINDS"])._KINDS, kind.name,
                            type(kind)(kind.name, none, kind.covers, kind.looks_for, kind.access, kind.rank))
    with pytest.raises(MeterError) as error:
        open_meter("auto", "cpu")
    said = str(error.value)
    for part in ("no meter for the cpu", "intel-rapl", "chmod -R a+r /sys/class/powercap", "INA219", "powermetrics"):
        assert part in said
    with pytest.raises(MeterError, match=r"nvidia.*\n.*nvidia-ml-py"):
        open_meter("auto", "gpu")


def test_an_unknown_meter_lists_the_known_ones() -> None:
    with pytest.raises(MeterError, match="unknown meter 'voltmeter'; use auto or one of amd, apple, codecarbon"):
        open_meter("voltmeter")
