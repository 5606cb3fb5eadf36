"""The proxies, TOML's table, SyNERGY and the scaling law recover what made their data."""

from __future__ import annotations

from collections import OrderedDict
from itertools import product
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from alu_library.tasks import Tasks
from tocompiler.estimators import estimator
from tocompiler.estimators.proxies import Roofline
from tocompiler.estimators.synergy import DirectLoop, Machine, Synergy
from tocompiler.estimators.toml_costs import Toml, cost_table
from tocompiler.estimators.transistor_operations import ScalingLaw
from tocompiler.operators import Access, Loops
from tocompiler.tensors import Statistics


def _row(products: int, adds: int, byte: int, operator: str = "Conv") -> Any:
    tasks = Tasks.of("fp32", multiply_accumulate=products, add=adds)
    alu = SimpleNamespace(tasks=tasks, writes=(Access("y", adds or 1, "fp32"),), loops=None,
                          traffic=lambda capacities: [8 * byte for _ in capacities], operands=(Statistics(),) * 2)
    return SimpleNamespace(operator=operator, alu=alu, alu_tasks=tasks.by_task(), traffic_bit=8 * byte)


def _program(products: int = 0, adds: int = 0, byte: int = 0, *rows: Any) -> Any:
    every = [_row(products, adds, byte), *rows]
    totals = SimpleNamespace(multiply_accumulates=sum(r.alu_tasks.get("multiply_accumulate", 0) for r in every),
                             alu_tasks=sum((r.alu.tasks for r in every), Tasks()).by_task(),
                             transistor_operations=100.0 * products + 10.0 * adds,
                             traffic_bit=sum(r.traffic_bit for r in every))
    return SimpleNamespace(rows=every, totals=totals)


def _measured(program: Any, joule: float) -> Any:
    return SimpleNamespace(program=program, joule_per_execution=joule)


SIZES = [(10 ** 6, 500, 4000), (10 ** 8, 10 ** 6, 10 ** 5), (10 ** 7, 10 ** 7, 10 ** 7), (10 ** 4, 10 ** 3, 10 ** 8),
         (10 ** 9, 10 ** 5, 10 ** 7)]


@pytest.mark.parametrize(("name", "energy"), [
    ("macs", lambda m, a, b: 3e-12 * m + 0.5),
    ("flops", lambda m, a, b: 3e-12 * (2 * m + a) + 0.5),
    ("roofline", lambda m, a, b: 3e-12 * max(2 * m + a, 8 * b) + 0.5),
    ("synergy", lambda m, a, b: 3e-11 * (m + a) / 8 + 1e-9 * b / 64 + 0.5),
    ("toml", lambda m, a, b: 2 * 5e-12 * (m + a) + 3 * 240e-12 * b / 4 + 0.5),
])
def test_coefficients_are_recovered(name: str, energy: Any) -> None:
    made = estimator(name).fit([_measured(_program(*size), energy(*size)) for size in SIZES])
    for size in SIZES:
        assert made.predict(_program(*size)) == pytest.approx(energy(*size), rel=1e-6)


@pytest.mark.parametrize("name", ["macs", "flops", "roofline", "synergy", "scaling_law"])
def test_predict_before_fit_says_so(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} has no published coefficients: call fit with measurements first"):
        estimator(name).predict(_program(1))


def test_roofline_takes_each_operator_by_itself() -> None:
    whole = _program(10 ** 6, 0, 4, _row(0, 10, 10 ** 6))
    roofline = Roofline()
    roofline.coefficients_, roofline.ridge_ = np.array([1.0, 0.0]), 8.0
    assert roofline.predict(whole) == 2e6 + 8e6


def test_toml_prices_by_its_table() -> None:
    assert cost_table()["multiply_accumulate"]["femtojoule"] == 5000
    gelu = _program(0, 0, 0, _row(0, 100, 0, "Gelu"))
    assert Toml().predict(gelu) == pytest.approx(100 * 20000e-15)
    assert Toml("hbm2e").predict(_program(0, 0, 4)) == pytest.approx(192e-12)


def test_scaling_law() -> None:
    law = ScalingLaw()
    assert law.relative(_program(20), _program(10)) == 2.0
    law.fit([_measured(_program(m), 7 * (100.0 * m) ** 0.8) for m in (10, 1000, 10 ** 6)])
    assert law.exponent_ == pytest.approx(0.8)
    assert law.predict(_program(50)) == pytest.approx(7 * 5000 ** 0.8)
    assert law.relative(_program(20), _program(10)) == pytest.approx(2 ** 0.8)


def test_synergy_counts_lanes_by_format() -> None:
    program = _program(800)
    assert Synergy(Machine(vector_bit=256)).counts(program)[0] == 100
    program.rows[0].alu.tasks = Tasks.of("fp16", multiply_accumulate=800)
    assert Synergy(Machine(vector_bit=256)).counts(program)[0] == 50


def test_direct_loop_instructions_by_hand() -> None:
    # one tap over two rows of six outputs in vectors of four: 35 + 2 (8 + 2 x 8 + 14)
    assert DirectLoop().instructions(Loops(p=2, q=6), Machine(vector_bit=128)) == 35 + 2 * (8 + 16 + 14)
    # a stride is scalar: 35 + 2 (6 x 8 + 14)
    assert DirectLoop().instructions(Loops(p=2, q=6, stride=(2, 2)), Machine(vector_bit=128)) == 35 + 2 * (48 + 14)


def _misses(layer: Loops, machine: Machine) -> int:
    """Run the nest's addresses through a fully associative LRU cache."""
    lines: OrderedDict[int, None] = OrderedDict()
    capacity, missed = machine.cache_byte // machine.line_byte, 0
    width = (layer.q - 1) * layer.stride[1] + layer.s
    starts = [0, 1 << 24, 1 << 25]
    for m, c, r, s, p, q in product(*map(range, (layer.m, layer.c, layer.r, layer.s, layer.p, layer.q))):
        words = ((c * width + p * layer.stride[0] + r) * width + q * layer.stride[1] + s,
                 ((m * layer.c + c) * layer.r + r) * layer.s + s, (m * layer.p + p) * layer.q + q)
        for start, word in zip(starts, words, strict=True):
            line = (start + 4 * word) // machine.line_byte
            if line not in lines:
                missed += 1
                if len(lines) >= capacity:
                    lines.popitem(last=False)
            lines[line] = None
            lines.move_to_end(line)
    return missed


@pytest.mark.parametrize("cache_byte", [1 << 20, 1 << 13, 1 << 11])
def test_bus_accesses_are_an_lru_caches_misses(cache_byte: int) -> None:
    layer = Loops(m=4, c=4, p=16, q=16, r=3, s=3)  # 5 KiB of inputs, planes of 1.3 and 1 KiB
    machine = Machine(vector_bit=128, cache_byte=cache_byte)
    assert DirectLoop().bus_accesses(layer, machine) == pytest.approx(_misses(layer, machine), rel=0.25)
