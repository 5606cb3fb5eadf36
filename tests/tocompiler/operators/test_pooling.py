"""Pooling: k - 1 comparisons or additions for each window."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alu_library.tasks import Tasks


def test_a_window_of_nine_is_eight_comparisons(make, work, gradient):
    op = make("MaxPool", (2, 64, 112, 112), kernel_shape=(3, 3), strides=(2, 2), pads=(1, 1, 1, 1))
    results = 2 * 64 * 56 * 56
    assert work(op).tasks == Tasks.of("fp32", compare=8 * results)
    assert work(op).multiply_accumulates == 0
    assert gradient(op).tasks == Tasks.of("fp32", add=results)


def test_a_mean_is_a_division_more(make, work, gradient):
    assert work(make("AveragePool", (1, 4, 8, 8), kernel_shape=(2, 2), strides=(2, 2))).tasks == Tasks.of(
        "fp32", add=3 * 64, divide=64)
    everything = make("GlobalAveragePool", (1, 512, 7, 7))
    assert work(everything).tasks == Tasks.of("fp32", add=48 * 512, divide=512)
    assert gradient(everything).tasks == Tasks.of("fp32", divide=512)  # its windows are disjoint


def test_norms_of_a_window(make, work):
    k, y = 4, 3 * 16
    attributes = {"kernel_shape": (2, 2), "strides": (2, 2)}
    assert work(make("LpPool", (1, 3, 8, 8), **attributes)).tasks == Tasks.of(
        "fp32", multiply_accumulate=k * y, sqrt=y)
    assert work(make("LpPool", (1, 3, 8, 8), p=1, **attributes)).tasks == Tasks.of("fp32", logic=k * y, add=(k - 1) * y)
    assert work(make("LpPool", (1, 3, 8, 8), p=3, **attributes)).tasks == Tasks.of(
        "fp32", logic=k * y, pow=k * y + y, add=(k - 1) * y)


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_shapes_agree_with_onnx(agrees, data):
    rank = data.draw(st.integers(1, 3))

    def each(low: int, high: int, n: int = rank) -> list[int]:
        return data.draw(st.lists(st.integers(low, high), min_size=n, max_size=n))

    kernel = each(1, 3)
    attributes = {"kernel_shape": kernel, "strides": each(1, 3), "ceil_mode": data.draw(st.integers(0, 1)),
                  "pads": [data.draw(st.integers(0, k // 2)) for k in kernel + kernel]}
    x = (2, 3, *each(6, 11))
    agrees("AveragePool", x, **attributes)
    agrees("LpPool", x, **attributes)
    agrees("MaxPool", x, dilations=each(1, 2), results=2, **attributes)
    agrees("GlobalMaxPool", x)


def test_a_last_window_that_would_start_outside_is_dropped(make):
    # 4 elements, window 1, stride 3, rounded up: starts at 0 and 3; a third at 6 would lie outside
    op = make("MaxPool", (1, 1, 4), kernel_shape=(1,), strides=(3,), pads=(0, 2), ceil_mode=1)
    assert op.outputs[0].shape == (1, 1, 2)


def test_a_symbolic_size_rounds_the_same_way(make):
    sympy = pytest.importorskip("sympy")
    n = sympy.Symbol("n", integer=True, positive=True)
    attributes = {"kernel_shape": (3,), "strides": (2,), "pads": (1, 1), "ceil_mode": 1}
    symbolic = make("MaxPool", (1, 1, n), **attributes).outputs[0].shape[2]
    for size in range(4, 12):
        assert symbolic.subs({n: size}) == make("MaxPool", (1, 1, size), **attributes).outputs[0].shape[2]
