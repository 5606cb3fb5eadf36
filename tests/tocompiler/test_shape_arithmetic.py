"""Shape arithmetic against onnx's reference evaluator, and on symbols."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
import sympy
from onnx import helper
from onnx.reference import ReferenceEvaluator

from tocompiler.frontends.onnx_reference import by_reference, has_reference
from tocompiler.frontends.shape_arithmetic import LARGEST, can_evaluate, evaluate, shape_value

I64 = np.int64
V = np.array([4, -3, 7, 2], I64)
M = np.arange(12, dtype=I64).reshape(3, 4)
F = np.array([1.5, -2.5, 4.0], np.float32)

CASES: list[tuple[str, list[Any], dict[str, Any], int]] = [
    ("Abs", [V], {}, 17), ("Add", [V, np.array(3, I64)], {}, 17), ("Sub", [V, V], {}, 17), ("Mul", [V, V], {}, 17),
    ("Div", [V, np.array([3, 2, -2, 5], I64)], {}, 17), ("Div", [F, np.float32(2)], {}, 17),
    ("Mod", [V, np.array([3, 2, -2, 5], I64)], {}, 17), ("Mod", [F, np.abs(F)], {"fmod": 1}, 17),
    ("And", [V > 0, V > 3], {}, 17), ("Or", [V > 0, V > 3], {}, 17), ("Not", [V > 0], {}, 17),
    ("Equal", [V, np.array([4, 0, 7, 0], I64)], {}, 17), ("Less", [V, V[::-1].copy()], {}, 17),
    ("LessOrEqual", [V, V], {}, 17), ("Greater", [V, np.array(2, I64)], {}, 17), ("GreaterOrEqual", [V, V], {}, 17),
    ("Cast", [F], {"to": 7}, 17), ("Ceil", [F], {}, 17), ("Floor", [F], {}, 17), ("Round", [F], {}, 17),
    ("Sqrt", [np.abs(F)], {}, 17), ("Neg", [V], {}, 17), ("Relu", [F], {}, 17), ("Pow", [V, np.array(2, I64)], {}, 17),
    ("Concat", [V, V], {"axis": 0}, 17), ("ConstantOfShape", [np.array([2, 3], I64)], {}, 17),
    ("CumSum", [M, np.array(1, I64)], {}, 17), ("Expand", [V, np.array([2, 1], I64)], {}, 17),
    ("Gather", [M, np.array([2, 0], I64)], {"axis": 1}, 17), ("Gather", [V, np.array(-1, I64)], {}, 17),
    ("GatherND", [M, np.array([[0, 1], [2, 3]], I64)], {}, 17), ("Identity", [V], {}, 17),
    ("Max", [V, V[::-1].copy()], {}, 17), ("Min", [V, V[::-1].copy()], {}, 17), ("Sum", [F, F], {}, 17),
    ("NonZero", [V - 2], {}, 17), ("Range", [np.array(7, I64), np.array(1, I64), np.array(-2, I64)], {}, 17),
    ("ReduceProd", [V], {"keepdims": 0}, 17), ("ReduceMax", [M], {"axes": [1]}, 17),
    ("ReduceMin", [M], {"axes": [0]}, 17),
    ("ReduceSum", [M, np.array([1], I64)], {"keepdims": 0}, 17), ("ReduceSum", [M], {"noop_with_empty_axes": 1}, 17),
    ("Reshape", [M, np.array([0, -1, 2], I64)], {}, 17),
    ("ScatterND", [V, np.array([[1], [3]], I64), np.array([9, 8], I64)], {}, 17),
    ("Slice", [V, np.array([-1], I64), np.array([-99], I64), np.array([0], I64), np.array([-1], I64)], {}, 17),
    ("Slice", [M, np.array([1], I64), np.array([99], I64), np.array([1], I64)], {}, 17),
    ("Split", [V, np.array([1, 3], I64)], {}, 17), ("Squeeze", [M[:1], np.array([0], I64)], {}, 17),
    ("Squeeze", [M[:1]], {}, 17), ("Tile", [V, np.array([2], I64)], {}, 17), ("Transpose", [M], {}, 17),
    ("Unsqueeze", [V, np.array([0, 2], I64)], {}, 17), ("Where", [V > 0, V, -V], {}, 17),
    ("Unique", [np.array([3, 1, 3, 2, 1], I64)], {}, 17),
    ("Unique", [np.array([3, 1, 3, 2, 1], I64)], {"sorted": 0}, 17),
    ("Slice", [M], {"starts": [1], "ends": [3]}, 9), ("Squeeze", [M[:1]], {"axes": [0]}, 11),
    ("Unsqueeze", [V], {"axes": [0]}, 11), ("Split", [V], {"split": [3, 1]}, 11),
]


@pytest.mark.parametrize(("operator", "inputs", "attributes", "opset"), CASES,
                         ids=[f"{i}-{case[0]}" for i, case in enumerate(CASES)])
def test_values_are_those_of_onnx(operator: str, inputs: list[Any], attributes: dict[str, Any], opset: int) -> None:
    ours = evaluate(operator, inputs, attributes)
    count = {"Split": 2, "Unique": 4}.get(operator, 1)
    names = [f"i{k}" for k in range(len(inputs))]
    node = helper.make_node(operator, names, [f"o{k}" for k in range(count)], **attributes)
    values = [helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(np.asarray(v).dtype), None)
              for n, v in zip(names, inputs, strict=True)]
    outputs = [helper.make_value_info(f"o{k}", onnx.TypeProto()) for k in range(count)]
    model = helper.make_model(helper.make_graph([node], "g", values, outputs),
                              opset_imports=[helper.make_opsetid("", opset)])
    theirs = ReferenceEvaluator(model).run(None, dict(zip(names, map(np.asarray, inputs), strict=True)))
    assert ours is not None
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs, strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)


def test_every_evaluator_is_tested() -> None:
    from tocompiler.frontends import shape_arithmetic

    assert {case[0] for case in CASES} == set(shape_arithmetic._EVALUATORS)
    assert can_evaluate("Concat")
    assert not can_evaluate("Conv")


def test_shape_of_a_symbolic_tensor_flows_through_arithmetic() -> None:
    """x.view(batch * 4, sequence // 2, -1): the chain that exporters write for it."""
    batch, sequence = sympy.symbols("batch sequence", integer=True, positive=True)
    shape = shape_value((batch, sequence, 64))
    assert shape.dtype == object
    [first] = evaluate("Gather", [shape, np.array([0], I64)], {"axis": 0}) or []
    [rows] = evaluate("Mul", [first, np.array([4], I64)], {}) or []
    [second] = evaluate("Slice", [shape, np.array([1], I64), np.array([2], I64)], {}) or []
    [half] = evaluate("Div", [second, np.array([2], I64)], {}) or []
    [target] = evaluate("Concat", [rows, half, np.array([-1], I64)], {"axis": 0}) or []
    assert list(target) == [4 * batch, sequence // 2, -1]


def test_what_has_no_value_is_none() -> None:
    batch = sympy.Symbol("batch", integer=True, positive=True)
    symbolic = shape_value((batch, 3))
    assert evaluate("Less", [symbolic, np.array([5, 5], I64)], {}) is None  # undecided
    assert evaluate("ConstantOfShape", [np.array([LARGEST + 1], I64)], {}) is None  # large
    assert evaluate("Add", [np.zeros(2), np.zeros(3)], {}) is None  # does not fit
    assert evaluate("Range", [np.array(0), np.array(10**12), np.array(1)], {}) is None
    assert evaluate("Add", [np.zeros(LARGEST + 1), np.zeros(1)], {}) is None


def test_shape_takes_a_slice_from_opset_15() -> None:
    assert list(shape_value((2, 3, 4, 5), {"start": 1, "end": -1})) == [3, 4]


@pytest.mark.parametrize("repeats", [[2**40], [-1], [2**62, 2**62, 2]])
def test_a_large_or_negative_tile_is_not_built(repeats: list[int]) -> None:
    assert evaluate("Tile", [np.ones((2,) * len(repeats), I64), np.array(repeats, I64)], {}) is None
    assert evaluate("Tile", [V, np.array([LARGEST // 4], I64)], {})[0].size == LARGEST  # type: ignore[index]


def test_powers_beside_symbols_stay_small() -> None:
    n = sympy.Symbol("n", integer=True, positive=True)
    mixed = np.array([n, 10**6], dtype=object)
    assert evaluate("Pow", [mixed, np.array(2)], {})[0].tolist() == [n**2, 10**12]  # type: ignore[index]
    assert evaluate("Pow", [mixed, np.array(10**6)], {}) is None
    assert evaluate("Pow", [mixed, mixed], {}) is None


@pytest.mark.parametrize(("operator", "inputs", "attributes", "expected"), [
    ("Clip", [V, np.array(0, I64), np.array(5, I64)], {}, [4, 0, 5, 2]),
    ("Sign", [V], {}, [1, -1, 1, 1]), ("Xor", [V > 0, V > 3], {}, [False, False, False, True]),
    ("ArgMax", [V], {"axis": 0, "keepdims": 0}, 2), ("Pad", [V, np.array([1, 2], I64)], {}, [0, 4, -3, 7, 2, 0, 0]),
    ("OneHot", [np.array([1], I64), np.array(3, I64), np.array([0, 1], I64)], {}, [[0, 1, 0]]),
    ("GatherElements", [V, np.array([2, 0], I64)], {}, [7, 4]), ("ReduceMean", [F], {"keepdims": 0}, 1.0),
])
def test_other_constants_come_from_the_reference(operator: str, inputs: list[Any], attributes: dict[str, Any],
                                                 expected: Any) -> None:
    node = helper.make_node(operator, [f"x{i}" for i in range(len(inputs))], ["y"], **attributes)
    assert has_reference(operator)
    found = by_reference(node, inputs, {"": 17})
    assert found is not None
    assert found[0].tolist() == expected


def test_the_reference_is_not_asked_for_what_is_large_or_symbolic() -> None:
    pad = helper.make_node("Pad", ["x", "p"], ["y"])
    assert by_reference(pad, [V, np.array([10**9, 0], I64)], {"": 17}) is None
    assert by_reference(pad, [V.reshape(1, 1, 2, 2), np.full(8, 500, I64)], {"": 17}) is None
    assert by_reference(pad, [np.zeros(LARGEST + 1), np.array([0, 0], I64)], {"": 17}) is None
    symbols = np.array([sympy.Symbol("n")], dtype=object)
    assert by_reference(helper.make_node("Clip", ["x"], ["y"]), [symbols], {"": 17}) is None
    assert by_reference(pad, [V, np.array([1, 2, 3], I64)], {"": 17}) is None  # operands that do not fit


def test_a_padding_that_is_clipped_builds() -> None:
    """As exporters of SAME padding write it: max(total, 0), halved, before Pad."""
    from onnx import TensorProto

    from tocompiler import compile, load

    nodes = [helper.make_node("Shape", ["x"], ["s"]), helper.make_node("Gather", ["s", "two"], ["h"]),
             helper.make_node("Sub", ["h", "four"], ["total"]), helper.make_node("Clip", ["total", "zero"], ["kept"]),
             helper.make_node("Concat", ["none", "kept", "kept", "none", "kept", "kept"], ["pads"], axis=0),
             helper.make_node("Pad", ["x", "pads"], ["y"])]
    stored = {"two": [2], "four": [4], "zero": None, "none": [0, 0]}
    tensors = [onnx.numpy_helper.from_array(np.array(0 if v is None else v, I64), k) for k, v in stored.items()]
    graph = helper.make_graph(nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 6, 6])],
                              [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)], tensors)
    network = load(helper.make_model(graph, ir_version=9, opset_imports=[helper.make_opsetid("", 17)]))
    assert network.outputs[0].shape == (1, 3, 10, 10)
    assert not compile(network).unmodelled
