"""The architecture's "how to add", done from outside the packages: nothing of theirs is edited."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

import tocompiler
from alu_library import functions
from alu_library.elementary import register
from alu_library.elementary.programs import Operand
from alu_library.elementary.register import Function, composed


def squared_relu(x: Operand) -> Operand:
    """max(x, 0)^2 (So et al., "Primer", 2021)."""
    positive = x.reading.call("relu", x)
    return positive * positive


@pytest.fixture
def added() -> Iterator[Function]:
    function = Function(
        name="squared_relu", composed=True, activation=True, algorithms=composed(squared_relu),
        formula=lambda s, x: s.Max(x, 0) ** 2,
        reference=lambda m, x: m.maximum(x, 0.0) * m.maximum(x, 0.0),
        derivative=Function(
            name="squared_relu_derivative", composed=True, algorithms=composed(lambda x: x.reading.call("relu", x) * 2),
            formula=lambda s, x: 2 * s.Max(x, 0), reference=lambda m, x: 2 * m.maximum(x, 0.0)),
    )
    register.register(function)
    yield function
    register.unregister(function.name)


def test_an_activation_is_priced_and_measured(added: Function) -> None:
    row = functions.function(added.name, "fp32", max_error_ulp=1.0)
    assert dict(row.tasks) == {("compare", "fp32"): 1, ("multiply", "fp32"): 1}
    assert functions.cost(row) == pytest.approx(
        functions.cost(functions.function("relu", "fp32")) + functions.unit_cost("fp32"))
    assert row.points > 10_000
    assert 0.45 < row.max_error_ulp <= 0.5  # one product, correctly rounded
    assert added.name in functions.activation_names()
    with pytest.raises(KeyError, match="registered twice"):
        register.register(added)


def test_an_activation_serves_a_network(added: Function) -> None:
    """Inference and training: 4 numbers through the activation, then back with one product each."""
    network = tocompiler.load("mlp:3-4-2:squared_relu", batch=1)
    plain = tocompiler.load("mlp:3-4-2:relu", batch=1)
    forward = [tocompiler.compile(n, format="fp32").alu.tasks.by_task() for n in (network, plain)]
    assert forward[0]["multiply"] - forward[1].get("multiply", 0) == 4
    step = [tocompiler.compile(n, format="fp32", phase="backward").alu.tasks.by_task() for n in (network, plain)]
    assert step[0]["multiply"] - step[1].get("multiply", 0) >= 2 * 4
    assert np.isfinite(tocompiler.compile(network, format="bf16").totals.transistor_operations)
