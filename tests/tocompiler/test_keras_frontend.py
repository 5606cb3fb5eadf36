"""Keras configurations, read without Keras; the counts are those of the layers' definitions."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tocompiler import load, zoo
from tocompiler.frontends.keras import from_config, read
from tocompiler.network import Network
from tocompiler.operators import rule

Json = dict[str, Any]


def macs(net: Network) -> Any:
    return sum(rule(op.operator).work(op).multiply_accumulates for op in net.operators)


def layer(kind: str, name: str, **config: Any) -> Json:
    return {"module": "keras.layers", "class_name": kind, "config": {"name": name, **config}, "name": name}


def entry(name: str, *shape: int | None, dtype: str = "float32") -> Json:
    return {**layer("InputLayer", name, batch_shape=[None, *shape], dtype=dtype), "inbound_nodes": []}


def tensor(name: str, *shape: int | None) -> Json:
    return {"class_name": "__keras_tensor__",
            "config": {"shape": [None, *shape], "dtype": "float32", "keras_history": [name, 0, 0]}}


def after(made: Json, *arguments: Any, **keywords: Any) -> Json:
    return {**made, "inbound_nodes": [{"args": list(arguments), "kwargs": keywords}]}


def sequential(*layers: Json) -> Json:
    return {"module": "keras", "class_name": "Sequential", "config": {"name": "sequential", "layers": list(layers)}}


def functional(layers: list[Json], begin: str, end: str) -> Json:
    return {"module": "keras", "class_name": "Functional",
            "config": {"name": "functional", "layers": layers, "input_layers": [begin, 0, 0],
                       "output_layers": [end, 0, 0]}}


def conv(name: str, filters: int, kernel: int, strides: int = 1, padding: str = "valid", **more: Any) -> Json:
    return layer("Conv2D", name, filters=filters, kernel_size=[kernel, kernel], strides=[strides, strides],
                 padding=padding, data_format="channels_last", dilation_rate=[1, 1], groups=1, activation="linear",
                 use_bias=True, **more)


def dense(name: str, units: int, activation: str = "linear") -> Json:
    return layer("Dense", name, units=units, activation=activation, use_bias=True)


NORM = {"axis": -1, "momentum": 0.99, "epsilon": 0.001, "center": True, "scale": True}


def built(model: Json, **options: Any) -> Network:
    return read(json.dumps(model), **options)


def kinds(net: Network) -> list[str]:
    return [op.operator for op in net.operators]


def test_a_convolutional_network_transposes_once() -> None:
    net = built(sequential(
        entry("image", 9, 9, 3), conv("first", 8, 3, 2, "same"), layer("BatchNormalization", "norm", **NORM),
        layer("ReLU", "relu", max_value=None, negative_slope=0.0, threshold=0.0),
        layer("GlobalAveragePooling2D", "pool", data_format="channels_last", keepdims=False),
        dense("classes", 5, "softmax")), batch=2)
    assert kinds(net) == ["Transpose", "Conv", "BatchNormalization", "Relu", "GlobalAveragePool", "Flatten", "Gemm",
                          "Softmax"]
    # "same" at stride 2 makes 5 x 5 positions of 9 x 9.
    assert macs(net) == 2 * (5 * 5 * 8 * 27 + 8 * 5)
    assert net.parameters == 8 * 27 + 8 + 2 * 8 + 8 * 5 + 5
    assert [t.name for t in net.stored_tensors() if t.kind == "buffer"] == ["norm.moving_mean", "norm.moving_variance"]


def test_same_padding_puts_the_odd_element_last() -> None:
    net = built(sequential(entry("image", 9, 10, 3), conv("c", 8, 3, 2, "same")))
    assert net.operators[1].attributes["pads"] == (1, 0, 1, 1)
    assert net.outputs[0].shape == (1, 5, 5, 8)


@pytest.mark.parametrize(("padding", "stride", "size"), [("same", 2, 18), ("valid", 2, 19), ("valid", 3, 27),
                                                         ("same", 1, 9)])
def test_transposed_convolutions_have_keras_sizes(padding: str, stride: int, size: int) -> None:
    made = {**conv("up", 4, 3, stride, padding), "class_name": "Conv2DTranspose"}
    assert built(sequential(entry("image", 9, 9, 3), made)).outputs[0].shape == (1, size, size, 4)


def test_depthwise_and_separable_convolutions() -> None:
    shared = {"kernel_size": [3, 3], "strides": [1, 1], "padding": "same", "depth_multiplier": 2,
              "data_format": "channels_last", "dilation_rate": [1, 1], "activation": "linear", "use_bias": True}
    depthwise = built(sequential(entry("image", 8, 8, 3), layer("DepthwiseConv2D", "d", **shared)))
    assert (macs(depthwise), depthwise.parameters) == (64 * 6 * 9, 6 * 9 + 6)
    separable = built(sequential(entry("image", 8, 8, 3), layer("SeparableConv2D", "s", filters=5, **shared)))
    assert (macs(separable), separable.parameters) == (64 * (6 * 9 + 6 * 5), 6 * 9 + 6 * 5 + 5)


def test_a_residual_stays_channels_first_and_shapes_are_checked() -> None:
    layers = [entry("image", 8, 8, 3), after(conv("a", 4, 3, 1, "same"), tensor("image", 8, 8, 3)),
              after(conv("b", 4, 3, 1, "same"), tensor("a", 8, 8, 4)),
              after(layer("Add", "sum"), [tensor("a", 8, 8, 4), tensor("b", 8, 8, 4)]),
              after(layer("Concatenate", "join", axis=-1), [tensor("sum", 8, 8, 4), tensor("a", 8, 8, 4)])]
    net = built(functional(layers, "image", "join"))
    assert kinds(net) == ["Transpose", "Conv", "Conv", "Add", "Concat", "Transpose"]
    assert net.outputs[0].shape == (1, 8, 8, 8)
    layers[2] = after(conv("b", 4, 3, 1, "same"), tensor("a", 8, 8, 5))
    with pytest.raises(ValueError, match=r"Keras layer 'a': its result is \(None, 8, 8, 5\) in Keras"):
        built(functional(layers, "image", "join"))


def test_a_layer_called_twice_shares_its_parameters() -> None:
    twice = dense("shared", 6)
    twice["inbound_nodes"] = [{"args": [tensor("x", 6)], "kwargs": {}}, {"args": [tensor("shared", 6)], "kwargs": {}}]
    model = functional([entry("x", 6), twice], "x", "shared")
    model["config"]["output_layers"] = ["shared", 1, 0]
    net = built(model)
    assert (macs(net), net.parameters) == (2 * 36, 36 + 6)


def test_a_model_is_a_layer() -> None:
    inner = sequential(entry("inner_x", 6), dense("d", 4, "relu"))
    inner["config"]["name"] = "inner"
    outer = functional([entry("x", 6), {**after(inner, tensor("x", 6)), "name": "inner"},
                        after(dense("last", 2), tensor("inner", 4))], "x", "last")
    net = built(outer)
    assert [t.name for t in net.stored_tensors()] == ["inner.d.kernel", "inner.d.bias", "last.kernel", "last.bias"]


@pytest.mark.parametrize(("kind", "more", "gates", "biases"), [
    ("LSTM", {}, 4, 1), ("GRU", {"reset_after": True}, 3, 2), ("GRU", {"reset_after": False}, 3, 1),
    ("SimpleRNN", {}, 1, 1)])
def test_recurrent_layers_have_keras_parameters(kind: str, more: Json, gates: int, biases: int) -> None:
    config = {"units": 5, "return_sequences": False, "return_state": False, "use_bias": True, **more}
    net = built(sequential(entry("x", 7, 3), layer(kind, "r", **config)))
    assert net.parameters == gates * 5 * (3 + 5 + biases)
    assert macs(net) == 7 * gates * 5 * (3 + 5)
    assert net.outputs[0].shape == (1, 5)
    inner = layer(kind, "r", **{**config, "return_sequences": True})
    both = layer("Bidirectional", "b", merge_mode="concat", layer=inner)
    wide = built(sequential(entry("x", 7, 3), both))
    assert (wide.parameters, macs(wide)) == (2 * net.parameters, 2 * macs(net))
    assert wide.outputs[0].shape == (1, 7, 10)


def test_attention_over_embedded_tokens() -> None:
    attend = layer("MultiHeadAttention", "attend", num_heads=2, key_dim=4, value_dim=None, use_bias=True,
                   output_shape=None)
    layers = [entry("tokens", 7, dtype="int32"),
              after(layer("Embedding", "embed", input_dim=30, output_dim=6), tensor("tokens", 7)),
              after(attend, tensor("embed", 7, 6), tensor("embed", 7, 6)),
              after(layer("LayerNormalization", "norm", axis=[-1], epsilon=0.001, center=True, scale=True),
                    tensor("attend", 7, 6)),
              after(layer("GetItem", "first"), tensor("norm", 7, 6),
                    [{"class_name": "__slice__", "config": {"start": None, "stop": None, "step": None}}, 0])]
    net = built(functional(layers, "tokens", "first"))
    assert macs(net) == 7 * 4 * (6 * 8) + 2 * 7 * 7 * 8
    assert net.parameters == 30 * 6 + 3 * (6 * 8 + 8) + (8 * 6 + 6) + 12
    assert net.outputs[0].shape == (1, 6)


def test_open_dimensions_are_bound_or_symbols() -> None:
    model = sequential(entry("tokens", None, 4), dense("d", 3))
    with pytest.raises(ValueError, match="input 'tokens' leaves dimension 1 open; bind it with dims tokens_1=N"):
        built(model)
    assert macs(built(model, batch=2, dims={"tokens_1": 5})) == 2 * 5 * 12
    counted = macs(built(model, symbolic=True))
    assert {str(s) for s in counted.free_symbols} == {"batch", "tokens_1"}
    assert counted.subs({s: {"batch": 2, "tokens_1": 5}[str(s)] for s in counted.free_symbols}) == 2 * 5 * 12


def test_an_archive_is_read_by_its_configuration(tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps(sequential(entry("x", 6), dense("d", 4))))
    assert macs(load(path, batch=3)) == 3 * 24


@pytest.mark.parametrize(("model", "message"), [
    (sequential(entry("x", 6), layer("Lambda", "mystery")), r"Keras layer 'mystery' \(Lambda\): this kind of layer"),
    (sequential(entry("x", 6), dense("d", 4, "sparsemax")), "Keras layer 'd' .*activation 'sparsemax' is not modelled"),
    (sequential(dense("d", 4)), "has no input shape"),
    (functional([entry("x", 6), after(dense("d", 4), tensor("y", 6))], "x", "d"),
     "layer 'd' reads what no layer makes"),
    ({"class_name": "Sequential"}, "is not the configuration of a Keras 3 model"),
    (sequential(entry("x", 6), layer("Dense", "d", units=3, activation="linear")), "lacks 'use_bias'"),
])
def test_what_cannot_be_read_is_said_in_one_line(model: Json, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        built(model)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_no_archive(tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    with pytest.raises(ValueError, match="cannot be read"):
        load(path)
    path.write_bytes(b"HDF")
    with pytest.raises(ValueError, match=r"model\.keras: is not the JSON"):
        load(path)


@pytest.mark.parametrize(("name", "expected"), [
    ("MobileNetV2", (300774272, 3504872)), ("EfficientNetB0", (385814752, 5288548)),
    ("ResNet50", (3857973248, 25583592))])
def test_keras_applications(name: str, expected: tuple[int, int]) -> None:
    """Archives of keras.applications (Keras 3.15), weights left out.

    Expected: half of what torch's flop counter finds in a call of the model on its torch backend, and the elements of
    its trainable weights. Keras strides the first 1x1 convolution of a ResNet stage, so its ResNet-50 has fewer
    products than torchvision's.
    """
    net = load(Path(__file__).parent.parent / "data" / f"{name}.keras")
    assert (macs(net), net.parameters) == expected


def test_archives_agree_with_the_zoo_operator_by_operator() -> None:
    """Keras and torchvision define one MobileNetV2: the same ALU tasks in the same order, padding written apart."""
    def counted(net: Network) -> list[dict[tuple[str, str], int]]:
        return [dict(w.tasks) for w in (rule(op.operator).work(op) for op in net.operators) if w.tasks]

    keras = counted(load(Path(__file__).parent.parent / "data" / "MobileNetV2.keras"))
    built = counted(zoo.build("mobilenet_v2"))
    assert keras == [*built, *keras[len(built):]]
    assert [sorted(task for task, _ in row) for row in keras[len(built):]] == [["add", "compare", "divide", "exp"]]


def keras2(name: str, kind: str, reads: list[str], **config: Any) -> dict[str, Any]:
    """A layer as Keras 2 wrote it."""
    nodes = [[[end, 0, 0, {}] for end in reads]] if reads else []
    return {"class_name": kind, "name": name, "config": {"name": name, **config}, "inbound_nodes": nodes}


def test_keras_2_lists_what_a_layer_reads() -> None:
    layers = [
        keras2("x", "InputLayer", [], batch_input_shape=[None, 8], dtype="float32"),
        keras2("a", "Dense", ["x"], units=4, activation="relu", use_bias=True),
        keras2("b", "Dense", ["x"], units=4, activation="linear", use_bias=False),
        keras2("sum", "Add", ["a", "b"]),
    ]
    model = {"class_name": "Model", "config": {
        "name": "old", "layers": layers, "input_layers": [["x", 0, 0]], "output_layers": [["sum", 0, 0]]}}
    network = from_config(model, batch=2)
    assert [op.operator for op in network.operators] == ["Gemm", "Relu", "Gemm", "Add"]
    assert network.parameters == 8 * 4 + 4 + 8 * 4
    assert network.outputs[0].shape == (2, 4)


def test_hdf5_files_hold_their_configuration(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    model = {"class_name": "Sequential", "config": {"name": "s", "layers": [
        {"class_name": "InputLayer", "config": {"name": "x", "batch_shape": [None, 6]}},
        {"class_name": "Dense", "config": {"name": "d", "units": 3, "activation": "linear", "use_bias": True}}]}}
    with h5py.File(tmp_path / "whole.h5", "w") as file:
        file.attrs["model_config"] = json.dumps(model)
    assert load(tmp_path / "whole.h5").parameters == 21
    with h5py.File(tmp_path / "weights.h5", "w") as file:
        file.attrs["layer_names"] = ["d"]
    with pytest.raises(ValueError, match=r"holds weights alone; save the whole model with model.save\('model.keras'\)"):
        load(tmp_path / "weights.h5")
    (tmp_path / "text.h5").write_text("no")
    with pytest.raises(ValueError, match="is no HDF5 file, or damaged"):
        load(tmp_path / "text.h5")


def one_layer(each: Json, *shapes: tuple[int, ...], calls: Any = None) -> Network:
    """A model of one operation on as many inputs as there are shapes."""
    names = [f"x{i}" for i in range(len(shapes))]
    tensors = [{"class_name": "__keras_tensor__", "config": {"shape": [None, *shape], "dtype": "float32",
                                                            "keras_history": [name, 0, 0]}}
               for name, shape in zip(names, shapes, strict=True)]
    node = {"args": [tensors] if calls == "list" else tensors, "kwargs": {}}
    layers = [*(entry(name, *shape) for name, shape in zip(names, shapes, strict=True)),
              {**each, "inbound_nodes": [node]}]
    return read(json.dumps({"class_name": "Functional", "config": {
        "name": "one", "layers": layers, "input_layers": [[name, 0, 0] for name in names],
        "output_layers": [[each["name"], 0, 0]]}}))


@pytest.mark.parametrize(("each", "shapes", "calls", "operators", "result"), [
    (layer("Mean", "o", axis=[1, 2], keepdims=True), [(4, 4, 3)], None, ["ReduceMean"], (1, 1, 1, 3)),
    (layer("Matmul", "o"), [(4, 3), (3, 5)], None, ["MatMul"], (1, 4, 5)),
    (layer("Einsum", "o", subscripts="bij,bkj->bik"), [(4, 3), (5, 3)], None, ["Einsum"], (1, 4, 5)),
    (layer("Transpose", "o", axes=[0, 2, 1]), [(4, 3)], None, ["Transpose"], (1, 3, 4)),
    (layer("Reshape", "o", newshape=[-1, 6]), [(4, 3)], None, ["Reshape"], (2, 6)),
    (layer("ExpandDims", "o", axis=-1), [(4, 3)], None, ["Unsqueeze"], (1, 4, 3, 1)),
    (layer("Stack", "o", axis=1), [(3,), (3,)], "list", ["Unsqueeze", "Unsqueeze", "Concat"], (1, 2, 3)),
    (layer("Pad", "o", pad_width=[[0, 0], [1, 2]], mode="constant"), [(3,)], None, ["Pad"], (1, 6)),
    (layer("Split", "o", indices_or_sections=[1, 3], axis=1), [(4,)], None, ["Split"], (1, 1)),
    (layer("CustomScaleLayer", "o", scale=.2), [(8, 8, 3), (8, 8, 3)], "list", ["Mul", "Add"], (1, 8, 8, 3)),
    (layer("Dot", "o", axes=[2, 1], normalize=False), [(4, 3), (3, 5)], "list", ["MatMul"], (1, 4, 5)),
    (layer("EinsumDense", "o", equation="abc,cd->abd", output_shape=[None, 5], bias_axes="d"), [(4, 3)], None,
     ["Einsum", "Add"], (1, 4, 5)),
    (layer("RMSNormalization", "o", axis=-1), [(4, 3)], None, ["RMSNormalization"], (1, 4, 3)),
    (layer("UnitNormalization", "o", axis=-1), [(4, 3)], None, ["LpNormalization"], (1, 4, 3)),
    (layer("Attention", "o", score_mode="dot", use_scale=False), [(4, 3), (5, 3)], "list", ["Attention"], (1, 4, 3)),
], ids=lambda value: value.get("class_name") if isinstance(value, dict) else "")
def test_operations_are_layers_of_functional_models(each: Json, shapes: list[tuple[int, ...]], calls: Any,
                                                    operators: list[str], result: tuple[int, ...]) -> None:
    network = one_layer(each, *shapes, calls=calls)
    assert [op.operator for op in network.operators] == operators
    assert network.outputs[0].shape == result
