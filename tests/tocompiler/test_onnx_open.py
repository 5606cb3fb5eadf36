"""What an ONNX file leaves open: branches that a value chooses, dimensions, and the names of its layers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from tocompiler import compile, load
from tocompiler.network import Network


def save(path: Path, nodes: list[Any], inputs: dict[str, Any], stored: tuple[Any, ...] = (),
         types: dict[str, int] | None = None) -> Path:
    """Write a model whose result is y; ``inputs`` maps names to dimensions (names, numbers or None)."""
    info = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes, "g", [info(n, (types or {}).get(n, TensorProto.FLOAT), d) for n, d in inputs.items()],
        [info("y", TensorProto.FLOAT, None)], list(stored))
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), str(path))
    return path


def floats(name: str, *dims: int) -> Any:
    return onnx.numpy_helper.from_array(np.ones(dims, np.float32), name)


def products(network: Network) -> Any:
    return compile(network).alu.multiply_accumulates


def by_rate(path: Path) -> Path:
    """An If whose branches take windows of 512 and of 256 samples, chosen by the input ``sr``."""
    def branch(name: str) -> Any:
        return helper.make_graph([helper.make_node("MatMul", ["x", name], ["o"])], name, [],
                                 [helper.make_tensor_value_info("o", TensorProto.FLOAT, None)])

    nodes = [helper.make_node("Equal", ["sr", "k"], ["c"]),
             helper.make_node("If", ["c"], ["y"], name="rate", then_branch=branch("w512"), else_branch=branch("w256"))]
    stored = (onnx.numpy_helper.from_array(np.array(16000, np.int64), "k"), floats("w512", 512, 4),
              floats("w256", 256, 4))
    return save(path, nodes, {"x": ["batch", "samples"], "sr": []}, stored, {"sr": TensorProto.INT64})


def test_a_value_chooses_a_branch_and_the_other_need_not_fit(tmp_path: Path) -> None:
    file = by_rate(tmp_path / "r.onnx")
    with pytest.raises(ValueError, match=r"MatMul .* if this branch is not taken, say so with --value sr=V$"):
        load(file, batch=1, dims={"samples": 512})
    assert products(load(file, batch=1, dims={"samples": 512}, values={"sr": 16000})) == 512 * 4
    assert products(load(file, batch=1, dims={"samples": 256}, values={"sr": 8000})) == 256 * 4
    with pytest.raises(ValueError, match="has no input 'rate' to give a value; it has x, sr"):
        load(file, values={"rate": 1})
    with pytest.raises(ValueError, match=r"input 'sr' is int64 and cannot be 1\.5"):
        load(file, values={"sr": 1.5})


def test_all_open_dimensions_are_named_with_the_options_that_bind_them(tmp_path: Path) -> None:
    """What is proposed binds the file, and a name that is a formula of others follows from them."""
    names = ["batch", "past_length + seq_len"]
    file = save(tmp_path / "o.onnx", [helper.make_node("Relu", ["m"], ["y"])], {
        "ids": ["batch", "seq_len"], "m": names, "image": [None, None, None, None], "past": ["past_length"]})
    with pytest.raises(ValueError, match=r"bind them with --batch 1 --dim seq_len=128 --dim image_0=1 --dim image_1=3 "
                                         "--dim image_2=224 --dim image_3=224 --dim past_length=1$"):
        load(file)
    image = {f"image_{i}": size for i, size in enumerate((1, 3, 224, 224))}
    network = load(file, batch=1, dims={"seq_len": 128, "past_length": 4, **image})
    assert network.outputs[0].shape == (1, 132)


@pytest.mark.parametrize("notes", [0, 3000])
def test_layers_keep_the_paths_of_their_modules(tmp_path: Path, notes: int) -> None:
    """However long the exporter's notes beside them are, which are left in the file."""
    def node(operator: str, name: str, source: str, target: str, **said: str) -> Any:
        made = helper.make_node(operator, [source], [target], name=name)
        for key, value in {"pkg.torch.onnx.stack_trace": "x" * notes, **said}.items():
            made.metadata_props.add(key=key, value=value)
        return made

    scopes = "pkg.torch.onnx.name_scopes"
    nodes = [node("Relu", "node_relu", "x", "a", **{scopes: "['', 'layer1', 'layer1.0', 'relu']"}),
             node("Erf", "node_erf_2", "a", "b", namespace=": net.Net/act: torch.nn.GELU/erf: aten.erf.default"),
             node("Neg", "node_neg", "b", "c", **{scopes: "['', 'neg'"}),
             node("Abs", "/own/Abs", "c", "y")]
    network = load(save(tmp_path / "names.onnx", nodes, {"x": [2]}))
    assert [op.name for op in network.operators] == ["layer1.0.relu", "act.erf_2", "node_neg", "/own/Abs"]
