"""ONNX models as Networks: shapes everywhere, parameters, bound and symbolic dimensions, bodies, and clear errors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from tocompiler import compile, load
from tocompiler.network import Network
from tocompiler.operators import rule

DATA = Path(__file__).parent.parent / "data"
RECORDED = json.loads((DATA / "exports.json").read_text(encoding="utf-8"))["models"]
LIGHT = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"
FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64


def save(path: Path, nodes: list[Any], inputs: dict[str, Any], outputs: list[str], initializers: tuple[Any, ...] = (),
         opset: int = 17, functions: tuple[Any, ...] = (), types: dict[str, int] | None = None) -> Path:
    """Write a model; ``inputs`` maps names to dimensions (names, numbers or None)."""
    kinds = types or {}
    graph = helper.make_graph(
        nodes, "g", [helper.make_tensor_value_info(n, kinds.get(n, FLOAT), d) for n, d in inputs.items()],
        [helper.make_tensor_value_info(n, kinds.get(n, FLOAT), None) for n in outputs], list(initializers))
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid("com.microsoft", 1), helper.make_opsetid("own", 1)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8, functions=functions), str(path))
    return path


def floats(name: str, *dims: int) -> Any:
    return onnx.numpy_helper.from_array(np.ones(dims, np.float32), name)


def integers(name: str, *values: int) -> Any:
    return onnx.numpy_helper.from_array(np.array(values, np.int64), name)


def products(network: Network) -> Any:
    return sum(rule(op.operator).work(op).multiply_accumulates for op in network.operators)


@pytest.mark.parametrize("file", sorted(LIGHT.glob("*.onnx")), ids=lambda f: f.stem)
def test_light_models_have_shapes_everywhere_and_an_image_classifier_s_output(file: Path) -> None:
    network = load(file)
    assert [t.shape[:2] for t in network.outputs] == [(1, 1000)]
    assert all(isinstance(d, int) and d > 0 for op in network.operators for t in op.outputs for d in t.shape)
    assert not any(op.operator in ("Constant", "ConstantOfShape") for op in network.operators)


@pytest.mark.parametrize(("name", "products_expected", "parameters"), [
    # torch's figures for torchvision's models of the same architecture
    ("light_vgg19", 19632062464, 143667240),
    ("light_resnet50", 4089184256, 25557032),
    ("light_squeezenet", None, 1235496),
])
def test_weights_made_by_constant_of_shape_are_parameters(name: str, products_expected: int | None,
                                                          parameters: int) -> None:
    network = load(LIGHT / f"{name}.onnx")
    assert network.parameters == parameters
    if products_expected is not None:
        assert products(network) == products_expected


@pytest.mark.parametrize("file", sorted(DATA.glob("*.onnx")), ids=lambda f: f.stem)
def test_exports_load_with_torch_s_products(file: Path) -> None:
    """Both exporters, and the products that torch counted when the file was made."""
    name, form = file.name.split(".")[:2]
    network = load(file, batch=1 if name.endswith("_dynamic") else None)
    assert all(isinstance(d, int) for op in network.operators for t in op.outputs for d in t.shape)
    if form in ("script", "dynamo", "qdq", "qoperator", "dynamic_int8"):
        assert products(network) == RECORDED[name]["multiply_accumulates"]


def test_folded_batch_norms_are_the_only_parameters_that_an_export_lacks() -> None:
    """ResNet-50 has 26,560 batch-norm channels; folding turns weight and bias of each into one bias."""
    for exporter in ("script", "dynamo"):
        assert load(DATA / f"resnet50.{exporter}.onnx").parameters == 25557032 - 26560


def test_kinds_of_stored_tensors(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"]),
        helper.make_node("BatchNormalization", ["c", "scale", "shift", "mean", "var"], ["b"]),
        helper.make_node("Mul", ["b", "number"], ["m"]),
        helper.make_node("Resize", ["m", "", "scales"], ["r"]),
        helper.make_node("DequantizeLinear", ["q", "qs"], ["d"]),
        helper.make_node("MatMul", ["r", "d"], ["y"]),
        helper.make_node("Add", ["y", "offset"], ["z"]),
    ]
    file = save(tmp_path / "kinds.onnx", nodes, {"x": [1, 3, 4, 4]}, ["z"], (
        floats("w", 2, 3, 1, 1), floats("scale", 2), floats("shift", 2), floats("mean", 2), floats("var", 2),
        floats("number"), floats("scales", 4), floats("offset", 5), floats("qs"),
        onnx.numpy_helper.from_array(np.ones((4, 5), np.int8), "q")))
    network = load(file)
    kinds = {t.name: t.kind for t in network.stored_tensors()}
    assert kinds == {"w": "parameter", "scale": "parameter", "shift": "parameter", "mean": "buffer", "var": "buffer",
                     "number": "constant", "scales": "constant", "q": "parameter", "qs": "constant",
                     "offset": "parameter"}
    assert network.parameters == 6 + 2 + 2 + 20 + 5


def test_opset_12_softmax_is_flattened_first(tmp_path: Path) -> None:
    file = save(tmp_path / "s.onnx", [helper.make_node("Softmax", ["x"], ["y"], axis=1)], {"x": [2, 3, 4]}, ["y"],
                opset=11)
    assert [(op.operator, op.outputs[0].shape) for op in load(file).operators] == [
        ("Flatten", (2, 12)), ("Softmax", (2, 12)), ("Reshape", (2, 3, 4))]


def reshaping(path: Path) -> Path:
    """x.view(x.size(0), -1) as the script exporter writes it, then a Gemm."""
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], pads=[1, 1, 1, 1]),
        helper.make_node("Shape", ["c"], ["s"]),
        helper.make_node("Gather", ["s", "zero"], ["n"], axis=0),
        helper.make_node("Unsqueeze", ["n", "axes"], ["n1"]),
        helper.make_node("Concat", ["n1", "minus"], ["target"], axis=0),
        helper.make_node("Reshape", ["c", "target"], ["flat"]),
        helper.make_node("Gemm", ["flat", "v"], ["y"]),
    ]
    zero = onnx.numpy_helper.from_array(np.array(0, np.int64), "zero")
    return save(path, nodes, {"x": ["batch", 3, 8, "width"]}, ["y"],
                (floats("w", 4, 3, 3, 3), floats("v", 256, 10), zero, integers("axes", 0), integers("minus", -1)))


def test_shape_arithmetic_is_evaluated_and_leaves_no_operator(tmp_path: Path) -> None:
    network = load(reshaping(tmp_path / "r.onnx"), batch=5, dims={"width": 8})
    assert [op.operator for op in network.operators] == ["Conv", "Reshape", "Gemm"]
    assert network.outputs[0].shape == (5, 10)


def test_symbols_give_what_numbers_give(tmp_path: Path) -> None:
    file = reshaping(tmp_path / "r.onnx")
    symbolic = load(file, dims={"width": 8}, symbolic=True)
    expression = products(symbolic)
    [batch] = expression.free_symbols
    assert str(batch) == "batch"
    for n in (1, 2, 7):
        assert expression.subs(batch, n) == products(load(file, batch=n, dims={"width": 8}))


def test_a_dynamic_export_is_its_fixed_export_at_any_batch() -> None:
    for exporter in ("script", "dynamo"):
        file = DATA / f"resnet18_dynamic.{exporter}.onnx"
        one = RECORDED["resnet18"]["multiply_accumulates"]
        assert products(load(file, batch=3)) == 3 * one
        assert products(load(file, dims={"batch": 2})) == 2 * one
        assert str(products(load(file, symbolic=True))) == f"{one}*batch"


@pytest.mark.parametrize(("arguments", "why"), [
    ({}, r"unbound dimensions 'batch' \(input 'x', axis 0\), 'width' \(input 'x', axis 3\); "
     r"bind them with --batch 1 --dim width=224$"),
    ({"batch": 2}, r"unbound dimension 'width' \(input 'x', axis 3\); bind it with --batch 2 --dim width=224$"),
    ({"batch": 2, "dims": {"width": 0}}, "dimension 'width' cannot be 0; give a positive integer"),
    ({"batch": 2, "dims": {"width": 8, "height": 3}}, "has no dimension 'height'; it has batch, width"),
])
def test_dimensions_that_do_not_work_out_are_named(tmp_path: Path, arguments: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why) as caught:
        load(reshaping(tmp_path / "r.onnx"), **arguments)
    assert str(caught.value).startswith(f"{tmp_path / 'r.onnx'}: ")
    assert "\n" not in str(caught.value)


def test_operands_that_do_not_fit_name_their_operator(tmp_path: Path) -> None:
    """At the latest when they are counted: not every onnx looks at a Gemm's inner dimension."""
    with pytest.raises(ValueError, match="Gemm 'Gemm_y'"):
        compile(load(reshaping(tmp_path / "r.onnx"), batch=2, dims={"width": 9}))


def test_a_fixed_batch_is_not_changed() -> None:
    assert load(DATA / "resnet18.script.onnx", batch=1).outputs[0].shape == (1, 1000)
    with pytest.raises(ValueError, match=r"its batch is fixed \(1\), not 8"):
        load(DATA / "resnet18.script.onnx", batch=8)


def test_what_depends_on_data_is_asked_for_and_can_be_bound(tmp_path: Path) -> None:
    file = save(tmp_path / "n.onnx", [helper.make_node("NonZero", ["x"], ["found"], name="search")], {"x": [3, 4]},
                ["found"], types={"found": INT64})
    with pytest.raises(ValueError,
                       match=r"NonZero 'search': .* bind it with --dim found_1=N, at the most --dim found_1=12$"):
        load(file)
    assert load(file, dims={"found_1": 6}).outputs[0].shape == (2, 6)


def test_functions_are_inlined(tmp_path: Path) -> None:
    body = [helper.make_node("MatMul", ["a", "b"], ["p"]), helper.make_node("Relu", ["p"], ["r"])]
    function = helper.make_function("own", "Dense", ["a", "b"], ["r"], body, [helper.make_opsetid("", 17)])
    file = save(tmp_path / "f.onnx", [helper.make_node("Dense", ["x", "w"], ["h"], domain="own"),
                                      helper.make_node("Dense", ["h", "v"], ["y"], domain="own")],
                {"x": [2, 3]}, ["y"], (floats("w", 3, 4), floats("v", 4, 5)), functions=(function,))
    network = load(file)
    assert [op.operator for op in network.operators] == ["MatMul", "Relu", "MatMul", "Relu"]
    assert products(network) == 2 * 3 * 4 + 2 * 4 * 5


def test_if_on_a_known_condition_is_its_branch(tmp_path: Path) -> None:
    def branch(operator: str) -> Any:
        return helper.make_graph([helper.make_node(operator, ["x"], ["o"])], operator, [],
                                 [helper.make_tensor_value_info("o", FLOAT, None)])

    node = helper.make_node("If", ["c"], ["y"], name="choice", then_branch=branch("Relu"), else_branch=branch("Erf"))
    known = onnx.numpy_helper.from_array(np.array(False), "c")
    file = save(tmp_path / "known.onnx", [node], {"x": [2, 3]}, ["y"], (known,))
    assert [op.operator for op in load(file).operators] == ["Erf"]
    file = save(tmp_path / "open.onnx", [node], {"x": [2, 3], "c": []}, ["y"], types={"c": TensorProto.BOOL})
    [choice] = load(file).operators
    assert choice.outputs[0].shape == (2, 3)
    assert [op.operator for op in choice.attributes["then_branch"].operators] == ["Relu"]


def test_loop_and_scan_stack_what_their_bodies_yield(tmp_path: Path) -> None:
    info = helper.make_tensor_value_info
    body = helper.make_graph(
        [helper.make_node("MatMul", ["h", "w"], ["h2"]), helper.make_node("Identity", ["go"], ["go2"])], "body",
        [info("i", INT64, []), info("go", TensorProto.BOOL, []), info("h", FLOAT, None)],
        [info("go2", TensorProto.BOOL, None), info("h2", FLOAT, None), info("h2", FLOAT, None)])
    loop = helper.make_node("Loop", ["trips", "", "x"], ["last", "all"], name="loop", body=body)
    count = onnx.numpy_helper.from_array(np.array(7, np.int64), "trips")
    network = load(save(tmp_path / "loop.onnx", [loop], {"x": [2, 4]}, ["last", "all"], (count, floats("w", 4, 4))))
    assert [t.shape for t in network.outputs] == [(2, 4), (7, 2, 4)]
    assert products(network) == 7 * 2 * 4 * 4
    file = save(tmp_path / "open.onnx", [loop], {"x": [2, 4], "trips": []}, ["last", "all"], (floats("w", 4, 4),),
                types={"trips": INT64})
    with pytest.raises(ValueError, match=r"Loop 'loop': .* give --trips loop=N"):
        load(file)
    assert products(load(file, trips={"loop": 3})) == 3 * 2 * 4 * 4

    step = helper.make_graph([helper.make_node("Add", ["s", "e"], ["s2"])], "step",
                             [info("s", FLOAT, None), info("e", FLOAT, None)],
                             [info("s2", FLOAT, None), info("s2", FLOAT, None)])
    scan = helper.make_node("Scan", ["x0", "xs"], ["end", "sums"], body=step, num_scan_inputs=1)
    network = load(save(tmp_path / "scan.onnx", [scan], {"x0": [5], "xs": [9, 5]}, ["end", "sums"]))
    assert [t.shape for t in network.outputs] == [(5,), (9, 5)]


def test_external_data_may_be_missing_and_small_pieces_are_read_where_present(tmp_path: Path) -> None:
    file = save(tmp_path / "plain.onnx", [helper.make_node("Reshape", ["x", "shape"], ["r"]),
                                          helper.make_node("MatMul", ["r", "w"], ["y"])],
                {"x": [4, 6]}, ["y"], (integers("shape", 3, 8), floats("w", 8, 100)))
    target = tmp_path / "external.onnx"
    onnx.save(onnx.load(str(file)), str(target), save_as_external_data=True, location="weights", size_threshold=0)
    assert load(target).outputs[0].shape == (3, 100)
    onnx.save(onnx.load(str(file)), str(target), save_as_external_data=True, location="more", size_threshold=100)
    (tmp_path / "more").unlink()
    network = load(target)
    assert network.parameters == 800
    assert products(network) == 3 * 8 * 100


def test_external_data_outside_the_model_s_folder_is_not_opened(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(np.array([3, 8], np.int64).tobytes())
    folder = tmp_path / "inner"
    folder.mkdir()
    shape = integers("shape", 3, 8)
    shape.ClearField("raw_data")
    shape.data_location = TensorProto.EXTERNAL
    for key, value in {"location": "../secret", "length": "16"}.items():
        entry = shape.external_data.add()
        entry.key, entry.value = key, value
    file = save(folder / "m.onnx", [helper.make_node("Reshape", ["x", "shape"], ["y"])], {"x": [4, 6]}, ["y"], (shape,))
    with pytest.raises(ValueError, match="Reshape 'Reshape_y'"):
        load(file)


def test_unknown_operators_stay_in_the_network_by_name(tmp_path: Path) -> None:
    nodes = [helper.make_node("Strange", ["x"], ["s"], domain="own"), helper.make_node("Relu", ["s"], ["y"])]
    file = save(tmp_path / "u.onnx", nodes, {"x": [2, 3]}, ["y"])
    why = r"own\.Strange 'Strange_s': no rule is registered .* no shape of its result 's'"
    with pytest.raises(ValueError, match=why):
        load(file)
    model = onnx.load(str(file))
    model.graph.value_info.append(helper.make_tensor_value_info("s", FLOAT, [2, 3]))
    onnx.save(model, str(file))
    assert [op.operator for op in load(file).operators] == ["own.Strange", "Relu"]


def test_an_opset_of_the_future_asks_for_a_newer_onnx(tmp_path: Path) -> None:
    file = save(tmp_path / "new.onnx", [helper.make_node("Relu", ["x"], ["y"])], {"x": [1]}, ["y"], opset=999)
    with pytest.raises(ValueError, match=r"opset 999 is newer than .* update it with 'pip install -U onnx'"):
        load(file)


def test_nodes_out_of_order_are_named(tmp_path: Path) -> None:
    nodes = [helper.make_node("Relu", ["h"], ["y"], name="second"),
             helper.make_node("Relu", ["x"], ["h"], name="first")]
    with pytest.raises(ValueError, match="Relu 'second' reads 'h', which nothing before it makes"):
        load(save(tmp_path / "o.onnx", nodes, {"x": [1]}, ["y"]))


def test_a_missing_attribute_is_named(tmp_path: Path) -> None:
    file = save(tmp_path / "a.onnx", [helper.make_node("Concat", ["x", "x"], ["y"], name="join")], {"x": [2, 3]}, ["y"])
    with pytest.raises(ValueError, match=r"a\.onnx: Concat 'join'.*axis"):
        load(file)


def test_a_constant_without_a_value_is_named(tmp_path: Path) -> None:
    nodes = [helper.make_node("Constant", [], ["c"], name="nothing"), helper.make_node("Add", ["x", "c"], ["y"])]
    with pytest.raises(ValueError, match="Constant 'nothing' holds no value"):
        load(save(tmp_path / "c.onnx", nodes, {"x": [2, 3]}, ["y"]))


def test_what_is_no_model_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cannot load a int"):
        load(3)
    with pytest.raises(ValueError, match=r"cannot be read \(No such file"):
        load(tmp_path / "missing.onnx")
    with pytest.raises(ValueError, match="no such file"):
        load(str(tmp_path / "missing"))


def test_the_printed_network_is_stable(tmp_path: Path) -> None:
    from tocompiler.report.levels import print_network

    assert print_network(load(reshaping(tmp_path / "r.onnx"), batch=2, dims={"width": 8})) == (
        (Path(__file__).parent.parent / "golden" / "onnx_reshaping.txt").read_text(encoding="utf-8").rstrip("\n"))
