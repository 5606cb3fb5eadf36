"""The study: what is equal is equal, what differs differs the right way."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from tocompiler.activation_study import NETWORKS, StudyRow, network, rows, scaling
from tocompiler.commands.study import command
from tocompiler.costing import TransistorProgram


def energy(program: TransistorProgram) -> float:
    return float(program.totals.transistor_operations) * 1e-15


@pytest.fixture(scope="module")
def found() -> dict[tuple[str, str, str], StudyRow]:
    return {(r.network, r.activation, r.phase): r for r in rows(energy, batch=2, measured=False)}


def test_products_are_equal_whatever_the_activation(found: dict[tuple[str, str, str], StudyRow]) -> None:
    for name in NETWORKS:
        assert len({r.multiply_accumulates for (n, _, p), r in found.items() if (n, p) == (name, "inference")}) == 1


def test_products_are_those_of_the_layers(found: dict[tuple[str, str, str], StudyRow]) -> None:
    # 2 samples: 4 x 16 + 16 x 16 + 16 x 3 each
    assert found["mlp:4-16-16-3", "gelu", "inference"].multiply_accumulates == 2 * (64 + 256 + 48)
    # 28^2 positions x 8 x 9, 14^2 x 16 x 72, 784 x 10
    assert found["cnn", "relu", "inference"].multiply_accumulates == 2 * (784 * 72 + 196 * 16 * 72 + 784 * 10)


@pytest.mark.parametrize("phase", ["inference", "training"])
@pytest.mark.parametrize("name", NETWORKS)
def test_transistor_operations_are_not(found: dict[tuple[str, str, str], StudyRow], name: str, phase: str) -> None:
    relu, sigmoid, gelu = (found[name, a, phase] for a in ("relu", "sigmoid", "gelu"))
    assert relu.transistor_operations < sigmoid.transistor_operations < gelu.transistor_operations
    assert relu.activation_share < 0.05 < gelu.activation_share < 1


def test_activations_weigh_less_in_wider_networks(found: dict[tuple[str, str, str], StudyRow]) -> None:
    small, large = (found[n, "gelu", "inference"].activation_share for n in ("mlp:4-16-16-3", "mlp:30-64-32-2"))
    assert large < small


def test_scaling_exponents_are_those_of_matrix_products() -> None:
    """A square layer costs width^2 and a stack depth^1; an activation adds a term of width^1 and lowers the first."""
    exponents = {(s.against, s.activation): s for s in scaling(energy) if s.quantity == "transistor_operations"}
    assert exponents["width", "relu"].exponent == pytest.approx(2, abs=0.01)
    assert exponents["depth", "relu"].exponent == pytest.approx(1, abs=0.03)
    assert exponents["width", "gelu"].high < exponents["width", "relu"].low
    assert all(s.low <= s.exponent <= s.high for s in exponents.values())


def test_the_networks_are_torchs_too() -> None:
    torch = pytest.importorskip("torch")
    from tocompiler.activation_study import _torch_model

    for name in NETWORKS:
        theirs = sum(p.numel() for p in _torch_model(torch.nn, name, "silu").parameters())
        ours = sum(t.elements for op in network(name, "silu", 1).operators for t in op.inputs
                   if t is not None and t.kind == "parameter")
        assert ours == theirs


def test_command_prints_json_only() -> None:
    result = CliRunner().invoke(command, ["--no-measure", "--batch", "1", "--json", "-"], catch_exceptions=False)
    answer = json.loads(result.output)
    assert {"energy_of", "rows", "scaling"} <= answer.keys()
    assert all(r["run_second"] is None for r in answer["rows"])
