"""Zeros measured in weights and in a calibration run change what is priced."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from click.testing import CliRunner
from onnx import TensorProto, helper, numpy_helper

from tocompiler.commands.compile import command
from tocompiler.compiler import compile
from tocompiler.loading import load
from tocompiler.profiling import load_profile, profiled_statistics, weight_statistics
from tocompiler.tensors import Statistics


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """x (2, 4) times a weight that is three quarters zero, then ReLU."""
    weight = np.zeros((4, 4), np.float32)
    weight[0] = [1, -1, 1, -1]
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["h"]), helper.make_node("Relu", ["h"], ["y"])], "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, (2, 4))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, (2, 4))],
        [numpy_helper.from_array(weight, "w")])
    path = tmp_path / "sparse.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def test_zeros_of_the_weights(model: Path) -> None:
    assert weight_statistics(model) == {"w": Statistics(zeros=0.75)}
    plain, sparse = compile(load(model)), compile(load(model), statistics=weight_statistics(model))
    assert sparse.totals.transistor_operations < plain.totals.transistor_operations
    assert sparse.totals.alu_tasks == plain.totals.alu_tasks


def test_zeros_of_every_tensor_in_a_run(model: Path, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    np.savez(tmp_path / "inputs.npz", x=np.ones((2, 4), np.float32))
    found = profiled_statistics(model, tmp_path / "inputs.npz")
    # h = [1, -1, 1, -1] in both rows, so that ReLU zeroes half.
    assert {name: s.zeros for name, s in found.items()} == {"x": 0.0, "h": 0.0, "y": 0.5}


def test_a_missing_input_is_named(model: Path, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    np.savez(tmp_path / "inputs.npz", z=np.ones((2, 4), np.float32))
    with pytest.raises(ValueError, match="has no array 'x'"):
        profiled_statistics(model, tmp_path / "inputs.npz")


def test_a_profile_is_written_once_and_read_again(model: Path, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    np.savez(tmp_path / "inputs.npz", x=np.ones((2, 4), np.float32))
    written = tmp_path / "profile.json"
    measured = CliRunner().invoke(command, [str(model), "--profile", str(tmp_path / "inputs.npz"), "--read-weights",
                                            "--write-operands", str(written), "--json", "-"])
    again = CliRunner().invoke(command, [str(model), "--operands", str(written), "--json", "-"])
    assert measured.exit_code == again.exit_code == 0, again.output
    assert json.loads(again.output)["totals"] == json.loads(measured.output)["totals"]
    assert load_profile(written)["w"] == Statistics(zeros=0.75)
    assert load_profile(written)["y"] == Statistics(0.5, "relu")


@pytest.mark.parametrize("text", ["{}", "[]", "{", '{"tensors": {"w": {"zero": 1}}}',
                                  '{"tensors": {"w": {"zeros": 2}}}'])
def test_a_file_that_is_no_profile_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "profile.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"profile\.json: "):
        load_profile(path)
