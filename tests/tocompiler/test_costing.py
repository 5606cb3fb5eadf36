"""Pricing is linear in the counts, follows the data, and never switches more than there is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from alu_library.pricing import Operands, price
from tocompiler.compiler import compile
from tocompiler.network import Network
from tocompiler.tensors import Statistics


def linear(zeros: float | None = None, format: str = "fp32") -> Network:
    net = Network("n")
    x = net.input((1, 64), format=format)
    net.output(net.linear(x, out_features=32, bias=False))
    if zeros is not None:
        return net.map_tensors({x.name: replace(x, statistics=Statistics(zeros=zeros))})
    return net


def test_a_row_costs_its_tasks_times_their_price() -> None:
    (row,) = compile(linear()).rows
    p = price("multiply_accumulate", "fp32", Operands())
    assert row.transistor_operations == pytest.approx(64 * 32 * p.transistor_operations)
    assert row.transistors_exercised == 64 * 32 * p.transistors  # both count on one basis unless told otherwise


def test_zeros_switch_less() -> None:
    # A few zeros among dense operands need not: every change to and from zero moves the alignment shifters.
    dense, *sparse = (compile(linear(zeros)).totals.transistor_operations for zeros in (0.0, 0.5, 0.9, 1.0))
    assert sparse == sorted(sparse, reverse=True)
    assert sparse[1] < 0.5 * dense


def test_narrow_formats_switch_less() -> None:
    costs = [compile(linear(), format=f).totals.transistor_operations for f in ("fp32", "fp16", "bf16", "fp8_e4m3")]
    assert costs == sorted(costs, reverse=True)


def test_switching_stays_below_the_transistors_exercised() -> None:
    for row in compile(linear(), phase="training").rows:
        assert 0 < row.transistor_operations <= row.transistors_exercised
        assert row.glitch_factor >= 1


def test_an_unknown_circuit_set_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="relays"):
        compile(linear(), circuits="relays")
