"""Make model.onnx: a transformer encoder of two layers, with open dimensions ``batch`` and ``sequence``.

    python make_model.py
"""

from __future__ import annotations

from collections.abc import Iterator

import onnx
from onnx import TensorProto, helper

WIDTH, INNER, HEADS, WORDS, LAYERS = 256, 1024, 4, 1000, 2


def weights() -> Iterator[onnx.TensorProto]:
    """Named weights; their values are kept elsewhere, and tocompiler never asks for them."""
    yield weight("embedding.weight", (WORDS, WIDTH))
    for i in range(LAYERS):
        for name, shape in (("query", (WIDTH, WIDTH)), ("key", (WIDTH, WIDTH)), ("value", (WIDTH, WIDTH)),
                            ("result", (WIDTH, WIDTH)), ("up", (WIDTH, INNER)), ("down", (INNER, WIDTH))):
            yield weight(f"layer.{i}.{name}.weight", shape)
        for name in ("norm_1", "norm_2"):
            yield weight(f"layer.{i}.{name}.weight", (WIDTH,))


def weight(name: str, shape: tuple[int, ...]) -> onnx.TensorProto:
    tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=shape, data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value="model.data")
    return tensor


def layer(i: int, x: str) -> Iterator[onnx.NodeProto]:
    """Attention and a perceptron, each with a norm and a shortcut."""
    place = f"layer.{i}"

    def node(kind: str, inputs: list[str], result: str, **attributes: object) -> onnx.NodeProto:
        return helper.make_node(kind, inputs, [f"{place}.{result}_out"], name=f"{place}.{result}", **attributes)

    for name in ("query", "key", "value"):
        yield node("MatMul", [x, f"{place}.{name}.weight"], name)
        yield node("Reshape", [f"{place}.{name}_out", "heads"], f"{name}_heads")
        yield node("Transpose", [f"{place}.{name}_heads_out"], f"{name}_split",
                   perm=[0, 2, 3, 1] if name == "key" else [0, 2, 1, 3])
    yield node("MatMul", [f"{place}.query_split_out", f"{place}.key_split_out"], "scores")
    yield node("Mul", [f"{place}.scores_out", "scale"], "scaled")
    yield node("Softmax", [f"{place}.scaled_out"], "softmax", axis=-1)
    yield node("MatMul", [f"{place}.softmax_out", f"{place}.value_split_out"], "mixed")
    yield node("Transpose", [f"{place}.mixed_out"], "joined", perm=[0, 2, 1, 3])
    yield node("Reshape", [f"{place}.joined_out", "flat"], "flattened")
    yield node("MatMul", [f"{place}.flattened_out", f"{place}.result.weight"], "result")
    yield node("Add", [f"{place}.result_out", x], "shortcut_1")
    yield node("LayerNormalization", [f"{place}.shortcut_1_out", f"{place}.norm_1.weight"], "norm_1", axis=-1)
    yield node("MatMul", [f"{place}.norm_1_out", f"{place}.up.weight"], "up")
    yield node("Gelu", [f"{place}.up_out"], "gelu")
    yield node("MatMul", [f"{place}.gelu_out", f"{place}.down.weight"], "down")
    yield node("Add", [f"{place}.down_out", f"{place}.norm_1_out"], "shortcut_2")
    yield node("LayerNormalization", [f"{place}.shortcut_2_out", f"{place}.norm_2.weight"], "norm_2", axis=-1)


def model() -> onnx.ModelProto:
    """The whole encoder."""
    nodes, x = [helper.make_node("Gather", ["embedding.weight", "words"], ["embedded"], name="embedding")], "embedded"
    for i in range(LAYERS):
        nodes += layer(i, x)
        x = f"layer.{i}.norm_2_out"
    constants = [helper.make_tensor("heads", TensorProto.INT64, [4], [0, 0, HEADS, WIDTH // HEADS]),
                 helper.make_tensor("flat", TensorProto.INT64, [3], [0, 0, WIDTH]),
                 helper.make_tensor("scale", TensorProto.FLOAT, [], [(WIDTH // HEADS) ** -0.5])]
    graph = helper.make_graph(nodes, "encoder",
                              [helper.make_tensor_value_info("words", TensorProto.INT64, ["batch", "sequence"])],
                              [helper.make_tensor_value_info(x, TensorProto.FLOAT, ["batch", "sequence", WIDTH])],
                              [*weights(), *constants])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)


if __name__ == "__main__":
    with open("model.onnx", "wb") as file:
        file.write(model().SerializeToString(deterministic=True))
