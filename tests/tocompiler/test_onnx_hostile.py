"""ONNX files that say what cannot be: each is refused in one line that names the file and the operator."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from tocompiler import compile, limits, load
from tocompiler.frontends import onnx_compiled
from tocompiler.frontends.onnx import read

FLOAT, INT64, BOOL = TensorProto.FLOAT, TensorProto.INT64, TensorProto.BOOL


def model(nodes: list[Any], inputs: dict[str, list[int]] | None = None, outputs: tuple[str, ...] = ("y",),
          stored: dict[str, Any] | None = None, opset: int = 17, functions: tuple[Any, ...] = ()) -> Any:
    graph = helper.make_graph(
        nodes, "g", [helper.make_tensor_value_info(n, FLOAT, d) for n, d in (inputs or {"x": [4, 4]}).items()],
        [helper.make_tensor_value_info(n, FLOAT, None) for n in outputs],
        [onnx.numpy_helper.from_array(np.asarray(v), n) for n, v in (stored or {}).items()])
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid("own", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8, functions=functions)


def refusal(tmp_path: Path, made: Any) -> str:
    """The one line with which a model is refused, on the way to its totals."""
    path = tmp_path / "model.onnx"
    path.write_bytes(made if isinstance(made, bytes) else made.SerializeToString())
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the text is what the caller looks at
        compile(load(path))
    text = str(caught.value)
    assert "\n" not in text
    return text


def body(*results: str, nodes: tuple[Any, ...] = (), inputs: tuple[str, ...] = ("i", "c", "s")) -> Any:
    return helper.make_graph(list(nodes), "body", [helper.make_tensor_value_info(n, FLOAT, None) for n in inputs],
                             [helper.make_tensor_value_info(n, FLOAT, None) for n in results])


RELU = helper.make_node("Relu", ["x"], ["y"], name="n")


@pytest.mark.parametrize(("made", "text"), [
    (model([helper.make_node("Relu", ["gone"], ["y"], name="n")]), "Relu 'n' reads 'gone', which nothing before it"),
    (model([helper.make_node("RegexFullMatch", ["gone"], ["y"], name="n", pattern="a")], opset=20), "reads 'gone'"),
    (model([RELU, RELU]), "Relu 'n' makes 'y', which is there already"),
    (model([RELU], outputs=("z",)), "the graph's output reads 'z'"),
    (model([helper.make_node("Transpose", ["x"], ["y"], name="n", perm="banana")]),
     "Transpose 'n': its attribute perm is text, and ONNX defines it as integers"),
    (model([helper.make_node("Scan", ["x"], ["y"], name="n", body=body("s"))]),
     "lacks its attribute 'num_scan_inputs'"),
    (model([helper.make_node("Loop", ["", "", "x"], ["y"], name="n")]), "Loop 'n' lacks its attribute 'body'"),
    (model([helper.make_node("If", [], ["y"], name="n", then_branch=body("s"), else_branch=body("s"))]),
     "If 'n' has 0 inputs and ONNX defines it with 1"),
    (model([helper.make_node("Add", ["x"], ["y"], name="n")]), "Add 'n' has 1 inputs and ONNX defines it with 2"),
    (model([helper.make_node("ConstantOfShape", ["d"], ["y"], name="n")], stored={"d": np.array([-1, 3])}),
     "ConstantOfShape 'n': a dimension of tensor 'y' cannot be -1"),
    (model([helper.make_node("Tile", ["x", "r"], ["y"], name="n")], stored={"r": np.array([-2, 1])}), "Tile 'n'"),
    (model([RELU], opset=0), "opset 0 of the domain 'ai.onnx' does not exist"),
    (model([RELU], opset=-1), "opset -1 of the domain 'ai.onnx' does not exist"),
    (model([helper.make_node("MaxPool", ["x"], ["y"], name="n", kernel_shape=[2, 2], strides=[0, 0])],
           {"x": [1, 1, 4, 4]}), "MaxPool 'n'"),
    (model([helper.make_node("Conv", ["x", "w"], ["y"], name="n", strides=[0, 0])], {"x": [1, 1, 4, 4]},
           stored={"w": np.ones((1, 1, 2, 2), np.float32)}), "Conv 'n'"),
], ids=lambda value: value if isinstance(value, str) else "")
def test_what_cannot_be_is_one_line(made: Any, text: str, tmp_path: Path) -> None:
    found = refusal(tmp_path, made)
    assert found.startswith(str(tmp_path / "model.onnx"))
    assert text in found


def test_an_input_that_is_there_twice(tmp_path: Path) -> None:
    made = model([RELU])
    made.graph.input.append(made.graph.input[0])
    assert "an input of the graph makes 'x', which is there already" in refusal(tmp_path, made)


def test_a_stored_tensor_of_a_negative_size(tmp_path: Path) -> None:
    made = model([helper.make_node("Add", ["x", "w"], ["y"], name="n")], stored={"w": np.ones(4, np.float32)})
    made.graph.initializer[0].dims[0] = -4
    assert "stored tensor 'w' has the negative size [-4]" in refusal(tmp_path, made)


@pytest.mark.parametrize("old", [b"node_name", b"tensor_name", b"Relu", b"own_domain"])
def test_names_that_are_not_utf_8(old: bytes, tmp_path: Path) -> None:
    made = model([helper.make_node("Relu", ["tensor_name"], ["y"], name="node_name"),
                  helper.make_node("F", ["y"], ["z"], domain="own_domain")], {"tensor_name": [2]})
    data = made.SerializeToString()
    assert old in data
    assert "not UTF-8" in refusal(tmp_path, data.replace(old, b"\xff" + old[1:]))


@pytest.mark.parametrize("trips", [-5, -2**63])
def test_a_loop_that_runs_less_than_never(trips: int, tmp_path: Path) -> None:
    inner = body("c", "r", nodes=(helper.make_node("Add", ["s", "s"], ["r"]),))
    made = model([helper.make_node("Loop", ["m", "", "x"], ["y"], name="n", body=inner)], stored={"m": np.array(trips)})
    assert f"Loop 'n': cannot run {trips} times" in refusal(tmp_path, made)


@pytest.mark.parametrize("offset", ["-1", "9" * 19, "9" * 40, "²", ""])
def test_external_data_that_no_file_holds(offset: str, tmp_path: Path) -> None:
    (tmp_path / "w.bin").write_bytes(bytes(64))
    made = model([helper.make_node("Reshape", ["x", "w"], ["y"], name="n")], stored={"w": np.array([16])})
    tensor = made.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in (("location", "w.bin"), ("length", "8"), ("offset", offset)):
        tensor.external_data.add(key=key, value=value)
    if offset == "":
        made.graph.initializer[0].external_data[0].value = "\0"
    assert "Reshape 'n'" in refusal(tmp_path, made)


def doubling(levels: int) -> Any:
    """Functions that call the one below twice."""
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("own", 1)]
    made = [helper.make_function("own", "f0", ["a"], ["b"], [helper.make_node("Relu", ["a"], ["b"])], opsets)]
    for i in range(1, levels):
        nodes = [helper.make_node(f"f{i - 1}", ["a"], ["m"], domain="own"),
                 helper.make_node(f"f{i - 1}", ["m"], ["b"], domain="own")]
        made.append(helper.make_function("own", f"f{i}", ["a"], ["b"], nodes, opsets))
    return model([helper.make_node(f"f{levels - 1}", ["x"], ["y"], domain="own")], functions=tuple(made))


def test_functions_are_counted_before_they_are_expanded(tmp_path: Path) -> None:
    (tmp_path / "ten.onnx").write_bytes(doubling(10).SerializeToString())
    assert len(load(tmp_path / "ten.onnx").operators) == 512
    assert "has more than 2000000 operators" in refusal(tmp_path, doubling(30))
    assert "has more than 64 levels of nesting" in refusal(tmp_path, doubling(70))
    with limits.raised(nodes=300):
        assert "raise the budget with --limit nodes=N" in refusal(tmp_path, doubling(10))


def test_functions_that_call_themselves(tmp_path: Path) -> None:
    opsets = [helper.make_opsetid("own", 1)]
    made = helper.make_function("own", "f", ["a"], ["b"], [helper.make_node("f", ["a"], ["b"], domain="own")], opsets)
    found = refusal(tmp_path, model([helper.make_node("f", ["x"], ["y"], domain="own")], functions=(made,)))
    assert "function 'f' calls itself" in found


def test_a_long_name_is_over_budget_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "long.onnx"
    long = helper.make_node("Relu", ["x"], ["y"], name="n" * (1 << 21))
    path.write_bytes(model([long]).SerializeToString())
    with pytest.raises(ValueError, match="more than 1048576 bytes in one name or attribute"):
        read(path)
    with limits.raised(text_byte=1 << 22):
        assert len(read(path).operators) == 1
    small = limits.raised(graph_byte=1 << 10, text_byte=1 << 22)
    with small, pytest.raises(ValueError, match="bytes beside its weights"):
        read(path)


def test_unknown_and_impossible_budgets() -> None:
    with pytest.raises(ValueError, match="there is no budget 'node'"), limits.raised(node=3):
        pass
    with pytest.raises(ValueError, match="cannot be 0"), limits.raised(nodes=0):
        pass


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the child is forked")
def test_compiled_code_that_dies_takes_nothing_with_it(tmp_path: Path) -> None:
    """A child that is killed while it answers is a refusal, and the next request has a new one."""
    script = ("import os, sys\nfrom tocompiler.frontends import onnx_compiled as c\n"
              "c._SERVICES = {**c._SERVICES, b'infer': lambda frames: os.kill(os.getpid(), 11)}\n"
              "import onnx\n"
              "for i in range(2):\n    try:\n        c.inferred(onnx.ModelProto())\n"
              "    except ValueError as error:\n        print(error)\n"
              "print(len(c.inlined(onnx.ModelProto(ir_version=8)).functions))")
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.splitlines() == ["onnx's compiled code does not survive it"] * 2 + ["0"]


def test_the_child_is_told_types_values_and_opsets() -> None:
    node = helper.make_node("Reshape", ["x", "shape"], ["y"])
    types = {"x": helper.make_tensor_type_proto(FLOAT, [3, 4]), "shape": helper.make_tensor_type_proto(INT64, [2])}
    data = {"shape": onnx.numpy_helper.from_array(np.array([2, -1]))}
    found = onnx_compiled.node_outputs(node, "", types, data, {"com.microsoft": 1, "": 17})
    assert [d.dim_value for d in found["y"].tensor_type.shape.dim] == [2, 6]
    data = {"shape": onnx.numpy_helper.from_array(np.array([5, -1]))}
    with pytest.raises(ValueError, match="incompatible shapes"):
        onnx_compiled.node_outputs(node, "", types, data, {"": 17})
