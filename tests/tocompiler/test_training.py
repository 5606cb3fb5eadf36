"""Which tensors need gradients, how shared ones are summed, and what an optimizer's step costs."""

from __future__ import annotations

import pytest

from alu_library.tasks import Tasks
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
    (kind, optimizer, work), = optimizer_work(_chain(), name)
    assert (kind, optimizer) == ("w.step", name)
    words = OPTIMIZERS[name].state_words
    # Weight, gradient and state are read; weight and state are written: 12 elements each.
    assert sum(a.elements for a in work.reads or ()) == 12 * (2 + words)
    assert sum(a.elements for a in work.writes or ()) == 12 * (1 + words)
    assert work.tasks.total() == 12 * sum(OPTIMIZERS[name].tasks.values())


def test_unknown_optimizer_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="unknown optimizer 'lion'; use one of sgd"):
        list(optimizer_work(_chain(), "lion"))
