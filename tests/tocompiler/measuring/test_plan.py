"""Plans: what ships can be built, what is drawn stays within its ranges, and every mistake is named."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocompiler.families import build
from tocompiler.measuring.operands import check_operands, fill
from tocompiler.measuring.plan import Workload, load_plan, plan_names


def plan(folder: Path, text: str) -> Path:
    path = folder / "plan.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("name", plan_names())
def test_a_shipped_plan_is_the_same_at_every_start_and_names_models_that_exist(name: str) -> None:
    found = load_plan(name)
    assert found == load_plan(name)
    assert sorted(map(repr, found.ordered())) == sorted(map(repr, found.workloads))
    assert len(set(found.workloads)) == len(found.workloads)
    for workload in found.workloads[:: max(len(found.workloads) // 12, 1)]:
        check_operands(workload.operands)
        assert build(workload.model, workload.batch).operators


def test_getzners_study_has_its_layer_types_within_the_ranges_of_its_data() -> None:
    workloads = load_plan("getzner").workloads
    assert {w.model.split()[0] for w in workloads} == {"conv2d", "linear", "max_pool2d", "relu", "sigmoid", "tanh",
                                                      "softmax", "adaptive_avg_pool2d"}
    for w in workloads:
        if w.model.startswith("conv2d"):
            numbers = dict(re.findall(r"(\w+)=(\d+)", w.model))
            assert 1 <= int(numbers["kernel_size"]) <= 11
            assert int(numbers["stride"]) <= 5
            assert 1 <= w.batch <= 256


def test_lists_are_crossed_and_ranges_are_drawn(tmp_path: Path) -> None:
    found = load_plan(plan(tmp_path, """
        visits = 2
        [[workloads]]
        models = ["resnet18", "relu 100"]
        batch = [1, 8]
        operands = ["normal", "zeros=0.5"]
        [[workloads]]
        template = "linear {inside} out_features={outside}"
        count = 20
        batch = {from = 2, to = 4}
        [workloads.ranges]
        inside = {from = 10, to = 4000}
        outside = {one_of = [7, 9]}
    """)).workloads
    assert sum(w.model == "resnet18" for w in found) == 2 * 2 * 2
    drawn = [w for w in found if w.model.startswith("linear")]
    assert len(drawn) == 40
    for w in drawn:
        inside, outside = map(int, re.findall(r"\d+", w.model))
        assert 10 <= inside <= 4000
        assert outside in (7, 9)
        assert 2 <= w.batch <= 4
    assert Workload("relu 100", 8, operands="zeros=0.5", visit=2) in found


def test_what_is_too_large_is_drawn_again(tmp_path: Path) -> None:
    found = load_plan(plan(tmp_path, """
        [[workloads]]
        template = "linear {n} out_features={n}"
        count = 30
        most_products = 1e6
        ranges = {n = {from = 1, to = 5000}}
    """)).workloads
    assert all(int(w.model.split("=")[1]) ** 2 <= 1e6 for w in found)


@pytest.mark.parametrize(("text", "said"), [
    ("", "has no [[workloads]]"),
    ("order = 'best'", "order 'best' is none of random, informative, listed"),
    ("speed = 3", "unknown key 'speed'"),
    ("[[workloads]]\nmodels = ['relu 1']\nsize = 3", "unknown key 'size'"),
    ("[[workloads]]\ntemplate = 'relu {n}'", "not a plan: 'count'"),
    ("[[workloads]]\ntemplate = 'relu {n}'\ncount = 1", "not a plan: 'n'"),
    ("[[workloads]]\ntemplate = 'nonsense {n}'\ncount = 1\nranges = {n = {from = 1, to = 2}}", "can be built"),
    ("[[workloads", "not a plan: "),
])
def test_a_mistake_is_one_line(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=re.escape(said)) as error:
        load_plan(plan(tmp_path, text))
    assert "\n" not in str(error.value)


def test_an_unknown_plan_lists_those_that_ship() -> None:
    with pytest.raises(ValueError, match="unknown plan 'slow'; use one of activations, getzner, layers"):
        load_plan("slow")


@given(st.floats(0, 1), st.integers(1, 500))
def test_the_share_of_zeros_is_exact(share: float, size: int) -> None:
    values = fill((size,), f"zeros={share}", np.random.default_rng(0))
    assert (values == 0).sum() == round(share * size)


def test_operands_are_what_their_names_say() -> None:
    random = np.random.default_rng(0)
    assert (fill((50,), "constant", random) == 1).all()
    assert (np.diff(fill((5, 50), "sorted", random).ravel()) >= 0).all()
    few = fill((1000,), "mantissa=2", random)
    assert (few.view(np.uint32) & 0x1FFFFF == 0).all()
    assert len(np.unique(few.view(np.uint32) >> 21 & 3)) == 4
    assert 0 <= fill((9,), "uniform", random).min() < 1


@pytest.mark.parametrize("spec", ["zeros=2", "zeros", "mantissa=x", "gauss"])
def test_unknown_operands_are_an_error(spec: str) -> None:
    with pytest.raises(ValueError, match=f"unknown operand distribution '{spec}'"):
        check_operands(spec)
