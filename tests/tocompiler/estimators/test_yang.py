"""Yang's method against the Eyeriss chip's published measurements."""

from __future__ import annotations

import tomllib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import tocompiler.estimators
from alu_library.tasks import Tasks
from tocompiler.estimators.hierarchy import load_hierarchy
from tocompiler.estimators.mapping import LEVELS, OPERANDS, Data
from tocompiler.estimators.yang import LayerEnergy, Yang, layer_energy, split_table
from tocompiler.operators import Access, Loops
from tocompiler.tensors import Statistics

EYERISS = load_hierarchy()
_TABLE = tomllib.loads(Path(tocompiler.estimators.__file__).with_name("eyeriss_silicon.toml").read_text("utf-8"))
ALEXNET = _TABLE["alexnet"]


def _alexnet(i: int, dataflows: tuple[str, ...] | None = ("row_stationary",)) -> tuple[LayerEnergy, float]:
    g, m, c, p, q, kernel, stride = ALEXNET["layers"][i]
    loops = Loops(n=ALEXNET["batch"], g=g, m=m, c=c, p=p, q=q, r=kernel, s=kernel, stride=(stride, stride))
    data = Data(input_zeros=ALEXNET["input_zeros"][i], output_zeros=ALEXNET["output_zeros"][i])
    return (layer_energy(EYERISS, loops, data, ALEXNET["latency_second"][i], dataflows),
            ALEXNET["latency_second"][i] * ALEXNET["power_watt"][i])


def test_published_power_and_latency_are_the_published_energies() -> None:
    millijoule = [1e3 * p * t / 4 for p, t in zip(ALEXNET["power_watt"], ALEXNET["latency_second"], strict=True)]
    assert millijoule == pytest.approx([1.735, 3.017, 1.569, 1.081, 0.620], abs=0.0006)


@pytest.mark.parametrize(("layer", "percent"), [(0, 10), (1, 10), (2, 10), (3, 10), (4, 16)])
def test_alexnet_layers(layer: int, percent: float) -> None:
    predicted, measured = _alexnet(layer)
    assert predicted.chip_joule == pytest.approx(measured, rel=percent / 100)


def test_alexnet_sum() -> None:
    pairs = [_alexnet(i) for i in range(5)]
    assert sum(p.chip_joule for p, _ in pairs) == pytest.approx(sum(m for _, m in pairs), rel=0.028)


def test_dram_traffic_is_the_chips() -> None:
    # Not fitted to anything: run-length coded traffic of the best mapping against the chip's counters.
    for i, megabyte in enumerate(ALEXNET["dram_megabyte"]):
        energy = _alexnet(i)[0].dram_joule
        words = energy / (EYERISS.dram * EYERISS.multiply_accumulate_joule)
        assert words * 2 / 1e6 == pytest.approx(megabyte, rel=0.22)


def test_parts_add_up() -> None:
    e, _ = _alexnet(2)
    assert e.total_joule == pytest.approx(e.computation_joule + sum(e.by_operand(o) for o in OPERANDS)
                                          + e.clock_joule + e.control_joule)
    assert {key[0] for key in e.movement_joule} == set(LEVELS)
    assert e.clock_joule == pytest.approx(0.1063 * ALEXNET["latency_second"][2])
    assert e.control_joule == pytest.approx(0.15 * e.chip_joule)


def test_split_table_has_a_line_for_each_layer() -> None:
    e, _ = _alexnet(4)
    head, _, line = split_table({"conv5": e}).splitlines()
    assert head.split() == ["mJ", "computation", *OPERANDS, *LEVELS, "clock", "control", "total"]
    name, *values = line.split()
    assert name == "conv5"
    assert float(values[-1]) == pytest.approx(1e3 * e.total_joule, rel=1e-3)
    assert sum(map(float, values[1:4])) == pytest.approx(sum(map(float, values[4:8])), rel=1e-3)


def test_computation_scales_with_bits_and_zeros() -> None:
    layer = Loops(m=64, c=64, p=14, q=14, r=3, s=3)
    full = layer_energy(EYERISS, layer).computation_joule
    part = layer_energy(EYERISS, layer, Data(weight_zeros=0.5, input_bits=8, weight_bits=4)).computation_joule
    assert full == pytest.approx(layer.products * EYERISS.multiply_accumulate_joule)
    assert part == pytest.approx(full / 2 / 2 / 4)


def test_time_of_passes_when_none_is_given() -> None:
    layer = Loops(m=16, c=16, p=14, q=14, r=3, s=3)
    clock = layer_energy(EYERISS, layer).clock_joule / EYERISS.clock_watt
    assert clock >= layer.products / EYERISS.elements / EYERISS.clock_hertz


def _program(zeros: float = 0.0) -> Any:
    reads = (Access("x", 100, "fp32"), Access("w", 100, "fp32"))
    alu = SimpleNamespace(loops=Loops(m=8, c=8, p=7, q=7, r=3, s=3), reads=reads, traffic_bit=0, tasks=Tasks(),
                          operands=(Statistics(zeros), Statistics()))
    other = SimpleNamespace(loops=None, reads=reads, traffic_bit=3200, tasks=Tasks.of("fp32", compare=10), operands=())
    return SimpleNamespace(rows=[SimpleNamespace(name="conv", alu=alu), SimpleNamespace(name="relu", alu=other)])


def test_a_program_is_its_contractions_and_the_rest() -> None:
    yang = Yang()
    contraction = yang.layers(_program())["conv"].total_joule
    rest = (10 + 200 * (6 + 200)) * EYERISS.multiply_accumulate_joule
    assert yang.predict(_program()) == pytest.approx(contraction + rest)
    assert yang.predict(_program(zeros=0.9)) < yang.predict(_program())


def test_fit_learns_one_factor() -> None:
    yang = Yang()
    joule = yang.predict(_program())
    measured = SimpleNamespace(program=_program(), joule_per_execution=3 * joule)
    assert yang.fit([measured]).predict(_program()) == pytest.approx(3 * joule)
    with pytest.raises(ValueError, match="yang needs at least 1 measurements, got 0"):
        yang.fit([])
