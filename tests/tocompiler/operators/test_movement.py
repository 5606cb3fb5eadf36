"""Operators that move data: no task, and only the traffic that there is."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alu_library.tasks import Tasks
from tocompiler.operators import Access, Refused, forward_work
from tocompiler.tensors import Tensor


@pytest.mark.parametrize(("operator", "operands", "attributes"), [
    ("Reshape", [[2, -1]], {}), ("Flatten", [], {}), ("Squeeze", [[1]], {}), ("Unsqueeze", [[0]], {}),
    ("Identity", [], {}), ("Dropout", [], {}), ("Shape", [], {}), ("Size", [], {}),
])
def test_a_view_moves_nothing(make, work, operator, operands, attributes):
    done = work(make(operator, (2, 1, 6), *operands, **attributes))
    assert (done.tasks, done.reads, done.writes) == (Tasks(), (), ())


@pytest.mark.parametrize(("operator", "operands", "attributes"), [
    ("Transpose", [], {"perm": (0, 2, 1)}), ("Concat", [(2, 1, 6)], {"axis": 1}), ("Pad", [[0, 0, 1, 0, 0, 1]], {}),
    ("Expand", [[2, 5, 6]], {}), ("Tile", [[1, 2, 1]], {}),
])
def test_a_copy_crosses_its_operands_and_results_once(make, work, operator, operands, attributes):
    done = work(make(operator, (2, 1, 6), *operands, **attributes))
    assert (done.tasks, done.reads, done.writes) == (Tasks(), None, None)


def test_only_what_is_taken_is_read(make, work):
    assert work(make("Slice", (10, 8), [2], [5], [0])).reads == (Access("t0", 24, "fp32"),)
    table = Tensor("table", (30522, 768), kind="parameter")
    ids = Tensor("ids", (1, 128), "int64")
    looked_up = work(make("Gather", table, ids))
    assert looked_up.reads == (Access("table", 128 * 768, "fp32", "parameter"), Access("ids", 128, "int64"))
    assert looked_up.writes is None


def test_gradients_add_what_was_shared(make, gradient):
    assert gradient(make("Gather", (100, 8), [1, 2, 3]), True, False).tasks == Tasks.of("fp32", add=24)
    assert gradient(make("Expand", (1, 8), [5, 8]), True, False).tasks == Tasks.of("fp32", add=32)
    assert gradient(make("Reshape", (4, 8), [32]), True, False).reads == ()


def test_a_scatter_joins_as_it_is_told(make, work):
    assert work(make("ScatterND", (8, 4), (3, 1), (3, 4))).tasks == Tasks()
    assert work(make("ScatterND", (8, 4), (3, 1), (3, 4), reduction="add")).tasks == Tasks.of("fp32", add=12)


def test_a_conversion_is_one_task_for_each_element(make, work):
    assert work(make("Cast", (3, 4), to=10)).tasks == Tasks.of("fp32", convert=12)
    assert work(make("Cast", (3, 4), to=1)).reads == ()
    assert make("Cast", (3, 4), to=10).outputs[0].format == "fp16"


def test_resampling(make, work):
    nearest = make("Resize", (1, 4, 8, 8), None, None, [1, 4, 16, 16])
    assert work(nearest).tasks == Tasks()
    linear = make("Resize", (1, 4, 8, 8), None, [1.0, 1.0, 2.0, 2.0], mode="linear")
    assert work(linear).tasks == Tasks.of("fp32", multiply_accumulate=4 * 4 * 256)
    one_axis = make("Resize", (1, 4, 8, 8), None, None, [1, 4, 8, 16], mode="cubic")
    assert work(one_axis).tasks == Tasks.of("fp32", multiply_accumulate=4 * 4 * 128)


@pytest.mark.parametrize(("wanted", "message"), [([5, -1], "does not fit"), ([3, 3], "does not fit")])
def test_a_misfit_is_named(make, wanted, message):
    with pytest.raises(ValueError, match=f"Reshape 'op': .*{message}"):
        make("Reshape", (2, 4), wanted)


def test_text_is_refused_by_name(make):
    words = Tensor("words", (3,), "string")
    with pytest.raises(Refused, match="Identity 'op': 'words' holds string"):
        forward_work(make("Identity", words))


def test_symbolic_shapes(make):
    sympy = pytest.importorskip("sympy")
    n = sympy.Symbol("n", integer=True, positive=True)
    assert make("Flatten", (n, 3, 4)).outputs[0].shape == (n, 12)
    assert make("Reshape", (n, 12), [0, 3, -1]).outputs[0].shape == (n, 3, 4)
    assert make("Slice", (n, 12), [1], [2**63 - 1], [0]).outputs[0].shape == (n - 1, 12)
    assert make("Concat", (n, 3), (2, 3), axis=0).outputs[0].shape == (n + 2, 3)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_shapes_agree_with_onnx(agrees, data):
    rank = data.draw(st.integers(1, 4))
    shape = tuple(data.draw(st.lists(st.integers(1, 5), min_size=rank, max_size=rank)))
    axis = data.draw(st.integers(-rank, rank - 1))
    starts, ends = ([data.draw(st.integers(-7, 7))] for _ in range(2))
    step = [data.draw(st.sampled_from([1, 2, 3, -1, -2]))]
    agrees("Slice", shape, starts, ends, [axis], step)
    agrees("Concat", shape, shape, axis=axis)
    agrees("Transpose", shape, perm=data.draw(st.permutations(range(rank))))
    agrees("Gather", shape, Tensor("i", (2, 3), "int64"), axis=axis)
    agrees("Flatten", shape, axis=data.draw(st.integers(-rank, rank)))
    agrees("Split", (*shape, 7), axis=-1, num_outputs=3, results=3)
    agrees("Pad", shape, data.draw(st.lists(st.integers(0, 3), min_size=2 * rank, max_size=2 * rank)))
    agrees("Tile", shape, data.draw(st.lists(st.integers(1, 3), min_size=rank, max_size=rank)))
    agrees("Unsqueeze", shape, [axis, rank + 1] if axis >= 0 else [axis])
    agrees("Reshape", shape, [-1, shape[-1]])
    agrees("Shape", shape, start=data.draw(st.integers(-2, 2)))
    scales = data.draw(st.lists(st.sampled_from([0.5, 1.0, 1.7, 2.0, 3.3]), min_size=rank, max_size=rank))
    agrees("Resize", shape, None, scales)


def test_more_shapes_agree_with_onnx(agrees):
    agrees("DepthToSpace", (1, 8, 2, 3), blocksize=2)
    agrees("SpaceToDepth", (1, 2, 4, 6), blocksize=2)
    agrees("Squeeze", (2, 1, 3, 1), [1, -1])
    agrees("Expand", (3, 1), [2, 1, 6])
    agrees("GatherND", (2, 3, 4), Tensor("i", (5, 2), "int64"))
    agrees("GatherElements", (2, 3), Tensor("i", (2, 2), "int64"), axis=1)
    agrees("Gather", (2, 3, 4), Tensor("i", (5, 2), "int64"), axis=1)
    agrees("ScatterND", (8, 4), Tensor("i", (3, 1), "int64"), (3, 4))
    agrees("ConstantOfShape", [2, 3])
    agrees("Cast", (2, 3), to=10)
    agrees("Trilu", (3, 3))
    agrees("OneHot", Tensor("i", (5,), "int64"), [4], (2,))
