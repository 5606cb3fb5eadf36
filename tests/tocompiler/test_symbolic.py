"""A dimension that stays a symbol gives formulas that equal the concrete compile at every binding."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import sympy
from click.testing import CliRunner

from tocompiler.cli import cli
from tocompiler.compiler import compile
from tocompiler.costing import TransistorProgram
from tocompiler.loading import load
from tocompiler.network import Network

MODEL = Path(__file__).parents[1] / "data" / "resnet18_dynamic.dynamo.onnx"


def figures(program: TransistorProgram) -> dict[str, Any]:
    totals = program.totals
    return {"products": totals.multiply_accumulates, "parameters": totals.parameters, "traffic": totals.traffic_bit,
            **totals.alu_tasks}


def bound(formulas: dict[str, Any], **values: int) -> dict[str, Any]:
    return {k: sympy.sympify(f).subs({s: values[s.name] for s in sympy.sympify(f).free_symbols})
            for k, f in formulas.items()}


@pytest.mark.parametrize("phase", ["inference", "training"])
@pytest.mark.parametrize("batch", [1, 5, 64])
def test_an_exported_network_at_any_batch(phase: str, batch: int) -> None:
    symbolic = compile(load(MODEL, symbolic=True), phase=phase)
    assert symbolic.totals.multiply_accumulates.free_symbols
    assert bound(figures(symbolic), batch=batch) == figures(compile(load(MODEL, batch=batch), phase=phase))


def attention(batch: Any, sequence: Any) -> Network:
    net = Network("attention")
    x = net.input((batch, sequence, 32))
    q, k, v = (net.linear(x, out_features=32) for _ in range(3))
    net.output(net.layer_norm(net.gelu(net.scaled_dot_product_attention(q, k, v))))
    return net


@pytest.mark.parametrize(("batch", "sequence"), [(1, 1), (2, 128), (7, 33)])
def test_a_built_network_at_any_batch_and_length(batch: int, sequence: int) -> None:
    symbols = sympy.symbols("batch sequence", integer=True, positive=True)
    formulas = figures(compile(attention(*symbols)))
    assert bound(formulas, batch=batch, sequence=sequence) == figures(compile(attention(batch, sequence)))


def test_formulas_print() -> None:
    done = CliRunner().invoke(cli, ["compile", str(MODEL), "--symbolic", "--emit", "alu"])
    assert "products=118013952*batch" in done.stdout
