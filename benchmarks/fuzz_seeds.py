"""Small ONNX models to start from: control flow, functions, quantisation, recurrence, shape arithmetic, which is what a
wrong field is dangerous in."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import onnx
from onnx import helper

__all__ = ["seeds"]


@cache
def seeds() -> tuple[bytes, ...]:
    """Every model, as a file holds it."""
    return (*_nested(), *_flat())


def save(nodes: list[Any], inputs: dict[str, Any], stored: dict[str, Any] | None = None, opset: int = 17,
         functions: tuple[Any, ...] = (), types: dict[str, int] | None = None) -> bytes:
    graph = helper.make_graph(
        nodes, "g", [helper.make_tensor_value_info(n, (types or {}).get(n, 1), d) for n, d in inputs.items()],
        [helper.make_tensor_value_info(nodes[-1].output[0], 1, None)],
        [onnx.numpy_helper.from_array(np.asarray(v), n) for n, v in (stored or {}).items()])
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid("com.microsoft", 1),
              helper.make_opsetid("own", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8, functions=functions).SerializeToString()


def node(operator: str, reads: str, writes: str, **attributes: Any) -> Any:
    return helper.make_node(operator, reads.split(), writes.split(), name=operator.lower(), **attributes)


def info(names: str, kind: int = 1) -> list[Any]:
    return [helper.make_tensor_value_info(n, kind, None) for n in names.split()]


def _nested() -> tuple[bytes, ...]:
    """Bodies and functions, and the plainest network."""
    w = np.zeros((4, 3, 3, 3), np.float32)
    step = helper.make_graph([node("Add", "s v", "t"), node("Identity", "t", "u")], "step", info("s v"), info("t u"))
    turn = helper.make_graph([node("Relu", "s", "t"), node("Identity", "c", "d")], "turn",
                             [*info("i", 7), *info("c", 9), *info("s")], [*info("d", 9), *info("t")])
    one = helper.make_graph([node("Relu", "x", "a")], "one", [], info("a"))
    two = helper.make_graph([node("Neg", "x", "b")], "two", [], info("b"))
    own = [helper.make_opsetid("", 17), helper.make_opsetid("own", 1)]
    inner = helper.make_function("own", "f", ["a"], ["b"], [node("Relu", "a", "b")], own)
    outer = helper.make_function("own", "g", ["a"], ["c"], [helper.make_node("f", ["a"], ["b"], domain="own"),
                                                           helper.make_node("f", ["b"], ["c"], domain="own")], own)
    rest: dict[str, Any] = {"x": [1, 3, 8, 8]}
    return (
        save([node("Conv", "x w", "c", pads=[1, 1, 1, 1], strides=[2, 2], group=1), node("Relu", "c", "r"),
              node("MaxPool", "r", "m", kernel_shape=[2, 2]), node("Flatten", "m", "y")], rest, {"w": w}),
        save([node("Shape", "x", "s"), node("Gather", "s i", "n"), node("Concat", "n m", "t", axis=0),
              node("Reshape", "x t", "y")], {"x": ["batch", 3, 8, 8]}, {"i": np.array([0]), "m": np.array([-1])}),
        save([node("Scan", "s0 x", "f y", num_scan_inputs=1, body=step)], {"s0": [4], "x": [5, 4]}),
        save([node("Loop", "m go x", "y", body=turn)], {"x": [2, 3]}, {"m": np.array(3), "go": np.array(True)}),
        save([node("If", "c", "y", then_branch=one, else_branch=two)], {"x": [2, 3], "c": []}, types={"c": 9}),
        save([helper.make_node("g", ["x"], ["y"], domain="own")], {"x": [2, 3]}, functions=(inner, outer)),
        save([node("LSTM", "x w r", "y", hidden_size=4)], {"x": [5, 1, 3]},
             {"w": np.zeros((1, 16, 3), np.float32), "r": np.zeros((1, 16, 4), np.float32)}),
    )


def _flat() -> tuple[bytes, ...]:
    """One or two operators that read sizes or values."""
    rest: dict[str, Any] = {"x": [1, 3, 8, 8]}
    return (
        save([node("Slice", "x a b c d", "y")], {"x": [4, 6]}, {"a": np.array([0]), "b": np.array([4]),
                                                               "c": np.array([1]), "d": np.array([2])}),
        save([node("Tile", "x r", "t"), node("Pad", "t p", "y")], {"x": [2, 3]},
             {"r": np.array([2, 2]), "p": np.array([0, 1, 0, 1])}),
        save([node("Resize", "x - s", "y")], rest,
             {"s": np.array([1, 1, 2, 2], np.float32), "-": np.zeros(0, np.float32)}),
        save([node("QuantizeLinear", "x s z", "q"), node("DequantizeLinear", "q s z", "y")], rest,
             {"s": np.float32(0.1), "z": np.uint8(3)}),
        save([node("Einsum", "x x", "y", equation="ij,kj->ik")], {"x": [4, 6]}),
        save([node("ConstantOfShape", "n", "o"), node("Add", "x o", "y")], {"x": [2, 3]}, {"n": np.array([2, 3])}),
        save([node("Range", "a b c", "i"), node("Gather", "x i", "y")], {"x": [9, 3]},
             {"a": np.array(0), "b": np.array(4), "c": np.array(1)}),
        save([node("Split", "x p", "u v", axis=1), node("Concat", "u v", "y", axis=-1)], {"x": [2, 6]},
             {"p": np.array([2, 4])}),
        save([node("TopK", "x k", "v i", axis=-1), node("Softmax", "v", "y")], {"x": [2, 9]}, {"k": np.array([3])}),
        save([node("MatMul", "x w", "m"), node("LayerNormalization", "m g", "l"), node("Gelu", "l", "y")],
             {"x": [2, 5, 4]}, {"w": np.zeros((4, 4), np.float32), "g": np.zeros(4, np.float32)}, opset=20),
        save([node("SplitToSequence", "x", "s", axis=0), node("ConcatFromSequence", "s", "y", axis=0)], {"x": [4, 3]}),
        save([node("Unsqueeze", "x a", "u"), node("Expand", "u e", "v"), node("Squeeze", "v a", "y")], {"x": [2, 3]},
             {"a": np.array([0]), "e": np.array([4, 2, 3])}),
        save([helper.make_node("Attention", ["x", "w", "b"], ["y"], name="at", domain="com.microsoft", num_heads=2)],
             {"x": [1, 5, 4]}, {"w": np.zeros((4, 12), np.float32), "b": np.zeros(12, np.float32)}),
        save([node("BatchNormalization", "x s s s s", "y")], rest, {"s": np.zeros(3, np.float32)}),
        save([node("GridSample", "x g", "y")], {"x": [1, 3, 8, 8], "g": [1, 4, 4, 2]}),
        save([node("STFT", "x h", "y", onesided=1)], {"x": [1, 64, 1]}, {"h": np.array(16)}),
    )
