"""Speed, held by counts of calls: the same on every machine, where seconds are not. A change that makes the compiler
call more raises a number here on purpose or is undone."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

import tocompiler
from hardware.device import load_device
from tocompiler.sweeping import NasBench201, sweep


def calls(function: Callable[[], Any]) -> int:
    """Python functions called, the second time: what is read once is read."""
    function()
    count = 0

    def note(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal count
        count += event == "call"

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        function()
    finally:
        sys.setprofile(before)
    return count


def chain(layers: int) -> tocompiler.Network:
    net = tocompiler.Network("chain")
    x = net.input((1, 16, 8, 8))
    for _ in range(layers):
        x = net.relu(net.conv2d(x, 16, 1))
    net.output(x)
    return net


@pytest.mark.parametrize(("name", "most"), [("resnet50", 32_000), ("vit_b_16", 52_000), ("bert_base", 45_000)])
def test_compiling_calls_no_more_than_it_did(name: str, most: int) -> None:
    assert most / 2 < calls(lambda: tocompiler.compile(tocompiler.load(name))) < most


def test_calls_grow_with_operators_and_no_faster() -> None:
    few, many = (calls(lambda n=n: tocompiler.compile(chain(n))) for n in (100, 1000))  # type: ignore[misc]
    assert many < 10.2 * few


def test_a_sweep_calls_no_more_for_more_points() -> None:
    def swept(batches: int) -> Callable[[], Any]:
        space = {"batch": [*range(1, batches + 1)], "width": [8, 16]}
        return lambda: sweep("resnet18", space, device="jetson_tx2_maxn")

    assert calls(swept(500)) < 1.02 * calls(swept(5))


def test_a_candidate_of_a_search_costs_next_to_nothing() -> None:
    import numpy as np

    space = NasBench201(load_device("jetson_tx2_maxn"))
    one, thousand = (np.random.default_rng(0).integers(0, 5, (n, 6)) for n in (1, 1000))
    assert calls(lambda: space(thousand)) < calls(lambda: space(one)) + 100
