"""Operators outside ONNX' own domains: Brevitas' quantisers, and rules that a user's file registers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")

from onnx import TensorProto, helper, numpy_helper  # noqa: E402

from tocompiler import compile, load  # noqa: E402


def model(path: Path, nodes: list[Any], stored: dict[str, Any], shape: list[int],
          stated: list[int] | None = None) -> Path:
    domains = {n.domain for n in nodes}
    graph = helper.make_graph(
        nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, stated)],
        [numpy_helper.from_array(np.asarray(value, np.float32), name) for name, value in stored.items()])
    opsets = [helper.make_opsetid(d, 1 if d else 17) for d in domains | {""}]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), str(path))
    return path


@pytest.mark.parametrize("domain", ["onnx.brevitas", "qonnx.custom_op.general"])
@pytest.mark.parametrize(("bits", "format"), [(4, "int4"), (8, "int8"), (3, "int4")])
def test_quantisers_are_the_integers_they_simulate(tmp_path: Path, domain: str, bits: int, format: str) -> None:
    """A convolution between quantisers runs on integers of that many bits; 5 x 5 places, 2 x 3 x 9 products each."""
    def quant(source: str, target: str) -> Any:
        return helper.make_node("Quant", [source, "scale", "zero", "bits"], [target], domain=domain, signed=1)

    nodes = [quant("x", "a"), quant("w", "v"), helper.make_node("Conv", ["a", "v"], ["c"]),
             helper.make_node("Relu", ["c"], ["r"]), quant("r", "y")]
    file = model(tmp_path / "q.onnx", nodes, {"w": np.zeros((2, 3, 3, 3)), "scale": .1, "zero": 0., "bits": bits},
                 [1, 3, 7, 7])
    program = compile(load(file), strict=True)
    [row] = [row for row in program.rows if row.multiply_accumulates]
    assert (row.operator, row.multiply_accumulates) == ("QLinearConv", 5 * 5 * 2 * 3 * 9)
    assert program.alu.tasks["multiply_accumulate", format] == 5 * 5 * 2 * 3 * 9
    assert load(file).parameters == 2 * 3 * 9


def test_a_quantiser_to_computed_bits_simulates(tmp_path: Path) -> None:
    nodes = [helper.make_node("BipolarQuant", ["x", "scale"], ["b"], domain="onnx.brevitas"),
             helper.make_node("Abs", ["scale"], ["bits"]),
             helper.make_node("Quant", ["b", "scale", "scale", "large"], ["y"], domain="onnx.brevitas")]
    file = model(tmp_path / "q.onnx", nodes, {"scale": .1, "large": 40.}, [10])
    assert compile(load(file)).alu.tasks.by_task() == {
        "compare": 10 + 20, "multiply": 10 + 10, "divide": 10, "convert": 10, "add": 20}


RULE = '''
from alu_library.tasks import Tasks
from tocompiler.operators import Rule, Work, register

@register("com.example.Odd")
class Odd(Rule):
    """Two additions for each element."""
    def results(self, op):
        return [(op.given(0).shape, op.given(0).format)]
    def work(self, op):
        return Work(Tasks.of("fp32", add=2 * op.given(0).elements))
'''


def test_a_users_file_registers_rules_for_the_command(tmp_path: Path) -> None:
    file = model(tmp_path / "odd.onnx", [helper.make_node("Odd", ["x"], ["y"], domain="com.example")], {}, [6])
    (tmp_path / "odd.py").write_text(RULE)
    (tmp_path / "wrong.py").write_text("1 / 0")

    def run(*options: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, "-m", "tocompiler.cli", "compile", str(file), *options],
                              capture_output=True, text=True, check=False, timeout=120)

    refused = run()
    assert refused.returncode == 1
    assert "no rule is registered for it, and the file states no shape of its result 'y'" in refused.stderr
    done = run("--operators", str(tmp_path / "odd.py"))
    assert (done.returncode, done.stderr) == (0, "")
    assert "com.example.Odd" in done.stdout
    wrong = run("--operators", str(tmp_path / "wrong.py"))
    assert wrong.returncode == 2
    assert "ZeroDivisionError" in wrong.stderr


def test_strict_raises_what_would_be_warned_of(tmp_path: Path) -> None:
    file = model(tmp_path / "odd.onnx", [helper.make_node("Odder", ["x"], ["y"], domain="com.example")], {}, [6],
                 stated=[6])
    network = load(file)
    with pytest.warns(UserWarning, match=r"1 operators are not modelled \(com\.example\.Odder\); totals are without"):
        compile(network)
    with pytest.raises(ValueError, match=r"com\.example\.Odder\); register rules for them"):
        compile(network, strict=True)
