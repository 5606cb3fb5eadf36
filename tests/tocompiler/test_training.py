"""Which tensors need gradients, how shared ones are summed, and what an optimizer's step costs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from alu_library.tasks import Tasks
from tocompiler.compiler import compile
from tocompiler.network import Network
from tocompiler.operators import Work
from tocompiler.tensors import Operator, Tensor
from tocompiler.training import OPTIMIZERS, backward_work, optimizer_work


def _chain() -> Network:
    """x -> Gemm(w) -> Relu -> y; the Relu's result is read twice by an Add."""
    x = Tensor("x", (2, 4), kind="input")
    w = Tensor("w", (3, 4), kind="parameter")
    h, r, y = Tensor("h", (2, 3)), Tensor("r", (2, 3)), Tensor("y", (2, 3))
    operators = [
        Operator("gemm", "Gemm", (x, w), (h,), {"transB": 1}),
        Operator("relu", "Relu", (h,), (r,)),
        Operator("add", "Add", (r, r), (y,)),
    ]
    return Network("chain", operators, [x], [y])


def test_backward_runs_in_reverse_and_sums_shared_gradients() -> None:
    work = list(backward_work(_chain()))
    assert [item.name for item in work] == ["add.gradient", "r.gradient_sum", "relu.gradient", "gemm.gradient"]
    summed = work[1].work
    assert isinstance(summed, Work)
    # Two readers pass back 6 elements each: one addition per element.
    assert summed.tasks == Tasks.of("fp32", add=6)


def test_a_network_input_needs_no_gradient() -> None:
    gemm = list(backward_work(_chain()))[-1].work
    assert isinstance(gemm, Work)
    # Only the weight's gradient: 3 x 4 results, each a sum over the batch of 2.
    assert gemm.multiply_accumulates == 24
    # It reads x, w and the result's gradient and writes the weight's.
    assert [a.tensor for a in gemm.reads or ()] == ["x", "w", "h.gradient"]
    assert [a.tensor for a in gemm.writes or ()] == ["w.gradient"]


def test_without_parameters_nothing_runs_backward() -> None:
    x = Tensor("x", (2, 3), kind="input")
    y = Tensor("y", (2, 3))
    assert list(backward_work(Network("n", [Operator("relu", "Relu", (x,), (y,))], [x], [y]))) == []


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_step_touches_weight_gradient_and_state_once(name: str) -> None:
    step, = optimizer_work(_chain(), name)
    assert step.parameter == "w"
    work = step.work
    words = OPTIMIZERS[name].state_words
    # Weight, gradient and state are read; weight and state are written: 12 elements each.
    assert sum(a.elements for a in work.reads or ()) == 12 * (2 + words)
    assert sum(a.elements for a in work.writes or ()) == 12 * (1 + words)
    assert work.tasks.total() == 12 * sum(OPTIMIZERS[name].tasks.values())


def test_unknown_optimizer_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="unknown optimizer 'lion'; use one of sgd"):
        list(optimizer_work(_chain(), "lion"))


def _renamed(network: Network, names: dict[str, str]) -> Network:
    """The same network with other names for operators."""
    return network.with_operators(replace(op, name=names.get(op.name, op.name)) for op in network.operators)


@pytest.mark.parametrize("options", [(), ("activation_checkpointing",)])
def test_an_operator_may_be_called_as_a_gradient_is(options: tuple[str, ...]) -> None:
    # Called as the row of relu's backward pass is: rows are told apart by their fields.
    plain, renamed = (compile(_renamed(_chain(), names), phase="training", options=options)
                      for names in ({}, {"gemm": "relu.gradient", "add": "w.step"}))
    assert plain.totals == renamed.totals
    assert [row.phase for row in plain.rows] == [row.phase for row in renamed.rows]
    back = {"relu.gradient": "gemm", "w.step": "add"}
    assert [row.source for row in plain.rows] == [back.get(row.source or "", row.source) for row in renamed.rows]
    assert [row.parameter for row in plain.rows] == [row.parameter for row in renamed.rows]


def test_rows_say_where_they_come_from() -> None:
    found = {(row.name, row.phase): (row.source, row.parameter) for row in compile(_chain(), phase="training").rows}
    assert found == {
        ("gemm", "forward"): ("gemm", None), ("relu", "forward"): ("relu", None), ("add", "forward"): ("add", None),
        ("add.gradient", "backward"): ("add", None), ("r.gradient_sum", "backward"): (None, None),
        ("relu.gradient", "backward"): ("relu", None), ("gemm.gradient", "backward"): ("gemm", None),
        ("w.step", "optimizer"): (None, "w"),
    }
