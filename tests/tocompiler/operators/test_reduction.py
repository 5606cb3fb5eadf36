"""Reductions, searches and running sums."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alu_library.tasks import Tasks
from tocompiler.operators.reduction import selection_compares


@pytest.mark.parametrize(("operator", "tasks"), [
    ("ReduceSum", {"add": 18}), ("ReduceMean", {"add": 18, "divide": 6}), ("ReduceMax", {"compare": 18}),
    ("ReduceProd", {"multiply": 18}), ("ReduceL1", {"logic": 24, "add": 18}),
    ("ReduceL2", {"multiply_accumulate": 24, "sqrt": 6}), ("ReduceSumSquare", {"multiply_accumulate": 24}),
    ("ReduceLogSum", {"add": 18, "log": 6}),
    ("ReduceLogSumExp", {"compare": 18, "add": 24 + 18 + 6, "exp": 24, "log": 6}),
])
def test_rows_of_four_are_three_joins(make, work, operator, tasks):
    assert work(make(operator, (2, 3, 4), [-1])).tasks == Tasks.of("fp32", **tasks)
    assert work(make(operator, (2, 3, 4), axes=(2,), keepdims=0)).tasks == Tasks.of("fp32", **tasks)


def test_nothing_is_reduced_from_nothing(make, work):
    assert work(make("ReduceSum", (2, 0), [1])).tasks == Tasks()


def test_gradients_of_reductions(make, gradient):
    assert gradient(make("ReduceSum", (2, 3, 4), [-1])).tasks == Tasks()  # repeated
    assert gradient(make("ReduceMean", (2, 3, 4), [-1])).tasks == Tasks.of("fp32", divide=6)
    assert gradient(make("ReduceMax", (2, 3, 4), [-1])).tasks == Tasks.of("fp32", compare=24, select=24)


def test_positions_and_running_sums(make, work):
    assert work(make("ArgMax", (2, 3, 4), axis=-1)).tasks == Tasks.of("fp32", compare=18)
    assert work(make("CumSum", (2, 3, 4), [1])).tasks == Tasks.of("fp32", add=24 - 8)
    assert work(make("CumProd", (2, 3, 4), [1])).tasks == Tasks.of("fp32", multiply=24 - 8)


def test_selection_goes_through_a_heap(make, work):
    # 100 comparisons with the root; 5 elements sink through ceil(log2 5) + 1 = 4 levels
    assert selection_compares(100, 5) == 100 + 5 * 4
    assert work(make("TopK", (3, 100), [5], results=2)).tasks == Tasks.of("fp32", compare=3 * 120)


def test_a_range_is_an_addition_for_each_number(make, work):
    op = make("Range", [0], [10], [3])
    assert op.outputs[0].shape == (4,)
    assert work(op).tasks == Tasks.of("int64", add=4, divide=1, convert=1)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_shapes_agree_with_onnx(agrees, data):
    shape = tuple(data.draw(st.lists(st.integers(1, 4), min_size=1, max_size=4)))
    axes = data.draw(st.lists(st.integers(-len(shape), len(shape) - 1), max_size=2))
    axes = [a for i, a in enumerate(axes) if a % len(shape) not in {b % len(shape) for b in axes[:i]}]
    keep = data.draw(st.integers(0, 1))
    agrees("ReduceSum", shape, axes, keepdims=keep, noop_with_empty_axes=data.draw(st.integers(0, 1)))
    agrees("ArgMax", shape, axis=data.draw(st.integers(-len(shape), len(shape) - 1)), keepdims=keep)
    agrees("TopK", shape, [1], results=2)
    agrees("CumSum", shape, [0])
