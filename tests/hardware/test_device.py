"""A device file holds everything by name: it reads back equal, and a bad one is refused in one line."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
import tomli_w

from hardware.device import Device, device_names, load_device
from hardware.energy_model import EnergyModel, Interval
from hardware.facts import Facts
from hardware.memory import MemoryLevel, beyond
from hardware.runtime import RuleUse, Runtime

MODEL = EnergyModel("operator", ("compute", "constant"), (2.0, 0.5), Interval(0.9, 1.5, (0.0, 1.0), (0.1, 0.2), 40),
                    ((1.0, 0.0), (0.0, 1.0)), ("Conv",), "forward", 1.1, (0.0, 0.0), (5.0, 0.0), {"mape": 7.0})
DEVICE = Device("board", Runtime("own", "a test", (RuleUse("in_place", {"operators": ["Relu"]}, "seen"),)),
                (MemoryLevel("l2", 1024), MemoryLevel("dram")), {"conv": MODEL}, "00ff", 3, 'with "quotes"',
                times={"conv": MODEL}, facts=Facts("cpu", power_watt=65.0, idle_watt=2.0))


def test_a_device_reads_back_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "board.toml"
    DEVICE.write(path)
    assert load_device(path) == DEVICE


def edited(**changes: object) -> str:
    """The device's file with other values at dotted paths (``__`` for a dot); None takes a key away."""
    table = tomllib.loads(DEVICE.to_toml())
    for path, value in changes.items():
        *parents, last = path.split("__")
        inner = table
        for key in parents:
            inner = inner[key]
        if value is None:
            del inner[last]
        else:
            inner[last] = value
    return tomli_w.dumps(table)


@pytest.mark.parametrize(("text", "message"), [
    ("name =", "Invalid"),
    ("name = 'x'\n[models.a]\nlevel = 'operator'\n", "not those of schema 1|'terms' is missing"),
    ("name = 'x'\nweight = 3\n", "a device has no 'weight'; use one of schema, name"),
    (edited(schema=5), "its schema is 5, this version reads up to 4"),
    (edited(models__conv__coefficients={"heat": 1.0}), "the list of terms has no 'heat'; use one of compute"),
    (edited(models__conv__coefficients={"compute": float("nan")}), "coefficient compute is nan: give a finite number"),
    (edited(models__conv__coefficients={"compute": -1.0}), "coefficient compute is -1.0: give a finite number"),
    (edited(models__conv__coefficients={"compute": 0.0}), "every coefficient is 0"),
    (edited(models__conv__covariance={"compute": {"compute": -1.0}}), "variance of compute is -1.0"),
    (edited(models__conv__interval=None), "'interval' is missing"),
    (edited(models__conv__kernel={"inputs": ["colour"], "lengths": "1\n", "centres": "1\n", "weights": "1\n"}),
     "no term or fact is called 'colour'"),
    (edited(runtime={"name": "own", "lanes": 8}), "unknown key lanes"),
    (edited(name=7), "name is 7, not text"),
])
def test_a_bad_device_file_is_refused_in_one_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=rf"bad\.toml: not a device file: .*({message})") as error:
        load_device(path)
    assert "\n" not in str(error.value)


def test_an_unknown_device_lists_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"unknown device 'toaster'; use one of .*cpu_raptorlake"):
        load_device("toaster")


def test_every_shipped_device_loads_and_names_its_source() -> None:
    for device in map(load_device, device_names()):
        assert device.models
        assert device.source
        assert device.data_hash
        assert all(c >= 0 for model in device.models.values() for c in model.coefficients)


def test_a_cache_overflows_softly() -> None:
    assert beyond(10.0, None) == 0.0
    assert beyond(1.0, 100.0) < 0.001
    assert beyond(1e4, 100.0) > 0.999
    with pytest.raises(ValueError, match="capacity_byte must be positive"):
        MemoryLevel("l1", 0)
