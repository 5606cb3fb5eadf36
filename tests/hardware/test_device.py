"""A device file holds everything: it reads back equal, and a bad one is refused in one line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hardware.device import Device, device_names, load_device
from hardware.energy_model import EnergyModel, Interval, Kernel, Trees
from hardware.memory import MemoryLevel, beyond
from hardware.runtime import Runtime, preset, presets

KERNEL = Kernel((0, 2), np.array([1.0, 2.0]), np.array([[0.0, 0.0], [1.0, 0.5]]), np.array([0.3, -0.1]))
# One tree: above 1.0 in input 1 it adds 0.5, otherwise -0.25.
TREES = Trees(np.array([0.0]), np.array([1.0, -1.0, -1.0]), np.array([1.0, -0.25, 0.5]))
MODEL = EnergyModel("operator", ("compute", "constant"), (2.0, 0.5), Interval(0.9, 1.5, (0.0, 1.0), (0.1, 0.2), 40),
                    ((1.0, 0.0), (0.0, 1.0)), ("Conv",), "forward", 1.1, (0.0, 0.0), (5.0, 0.0), {"mape": 7.0}, KERNEL,
                    TREES)
DEVICE = Device("board", Runtime("own", "a test", 8, 8, {"fp16": 0.5}, in_place=("Relu",)),
                (MemoryLevel("l2", 1024), MemoryLevel("dram")), {"conv": MODEL}, "00ff", 3, 'with "quotes"')


def test_a_device_reads_back_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "board.toml"
    DEVICE.write(path)
    again = load_device(path)
    assert again.to_toml() == DEVICE.to_toml()
    assert again.runtime == DEVICE.runtime
    assert again.memory == DEVICE.memory
    terms, facts = np.array([[3.0, 1.0]]), np.array([[0.2]])
    assert again.models["conv"].joule(terms, facts) == pytest.approx(DEVICE.models["conv"].joule(terms, facts))


def test_a_tree_sends_an_input_to_the_side_its_threshold_says() -> None:
    assert TREES(np.array([[0.0, 1.0], [0.0, 1.1]])).tolist() == [-0.25, 0.5]


def test_breadth_first_trees_find_their_children() -> None:
    # Two trees; the second splits its left child again: root, inner, leaf, leaf, leaf.
    trees = Trees(np.array([0.0, 3.0]), np.array([0.0, -1, -1, 0, 0, -1, -1, -1]),
                  np.array([0.0, 1.0, 2.0, 5.0, 3.0, 10.0, 20.0, 30.0]))
    # x = -1: 1 + 20; x = 4: 2 + 30; x = 6: 2 + 10.
    assert trees(np.array([[-1.0], [4.0], [6.0]])).tolist() == [21.0, 32.0, 12.0]


def test_a_correction_fades_away_from_the_data() -> None:
    near, far = np.array([[1.0, 0.0]]), np.array([[1e9, 0.0]])
    facts = np.zeros((1, 1))
    plain = EnergyModel(**{**vars(MODEL), "kernel": None, "trees": None})
    assert MODEL.joule(near, facts) != pytest.approx(plain.joule(near, facts), rel=1e-3)
    assert MODEL.joule(far, facts) == pytest.approx(plain.joule(far, facts), rel=1e-9)


def test_distance_counts_e_folds_outside_the_data() -> None:
    terms = np.array([[np.exp(2.0), 1.0], [np.exp(7.0), 1.0], [0.0, 1.0]])
    assert MODEL.distance(terms) == pytest.approx([0.0, 2.0, 0.0])


def test_an_interval_widens_with_distance() -> None:
    interval = Interval(0.9, 2.0, (0.0, 1.0), (0.1, 0.3), 40, widening=0.5)
    assert interval.half_width(np.array([1.0]))[0] == pytest.approx(0.2)
    assert interval.half_width(np.array([np.e**0.5]))[0] == pytest.approx(0.4)
    assert interval.half_width(np.array([1.0]), 3.0)[0] == pytest.approx(1.7)


@pytest.mark.parametrize("text", ["name =", "name = 'x'\n[models.a]\nlevel = 'operator'\n", "name = 'x'\nweight = 3\n"])
def test_a_bad_device_file_is_refused_in_one_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=r"bad\.toml: not a device file") as error:
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


def test_a_runtime_refuses_an_unknown_key_and_an_unknown_preset() -> None:
    with pytest.raises(ValueError, match="unknown key lanes"):
        Runtime.from_dict({"lanes": 8})
    with pytest.raises(ValueError, match="unknown runtime 'abacus'"):
        preset("abacus")
    assert all(p.source for p in presets().values())


def test_a_cache_overflows_softly() -> None:
    assert beyond(10.0, None) == 0.0
    assert beyond(1.0, 100.0) < 0.001
    assert beyond(1e4, 100.0) > 0.999
    with pytest.raises(ValueError, match="capacity_byte must be positive"):
        MemoryLevel("l1", 0)


def test_errors_of_a_sum_add_up_as_far_as_they_go_together() -> None:
    joule, half = np.array([3.0, 4.0]), np.array([0.1, 0.1])
    widths = [Interval(0.9, 1.0, (0.0,), (0.1,), 100, correlation=c).of_sum(joule, half) for c in (0.0, 0.5, 1.0)]
    assert widths[0] == pytest.approx(0.5)
    assert widths[2] == pytest.approx(0.7)
    assert widths[0] < widths[1] < widths[2]
