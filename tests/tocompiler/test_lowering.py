"""Lowering counts exactly, keeps totals equal to the sum of its rows, and skips nothing in silence."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alu_library.functions import function
from alu_library.tasks import PRIMITIVES, Tasks
from tocompiler.compiler import compile
from tocompiler.lowering import expand, lower
from tocompiler.network import Network
from tocompiler.tensors import Operator, Tensor


def small_cnn(batch: int = 1, width: int = 4) -> Network:
    net = Network("small")
    x = net.input((batch, 3, 8, 8))
    y = net.relu(net.batch_norm(net.conv2d(x, out_channels=width, kernel_size=3, padding=1, bias=False)))
    y = net.sigmoid(net.max_pool2d(y, 2))
    net.output(net.linear(net.flatten(y), out_features=5))
    return net


def test_counts_of_a_small_network() -> None:
    program = lower(small_cnn(), format="fp32")
    rows = {row.operator: row for row in program.rows}
    # Convolution: 4 filters of 3*3*3 at 8*8 places. Linear: 4*4*4 inputs to 5.
    assert rows["Conv"].multiply_accumulates == 4 * 27 * 64
    assert rows["Gemm"].multiply_accumulates == 64 * 5
    # Batch norm is one multiply-accumulate for each of 4*8*8 elements, and none of a MAC counter's.
    assert rows["BatchNormalization"].tasks == Tasks.of("fp32", multiply_accumulate=256)
    assert rows["BatchNormalization"].multiply_accumulates == 0
    # One comparison for each element in ReLU; three for each 2x2 window.
    assert rows["Relu"].tasks == Tasks.of("fp32", compare=256)
    assert rows["MaxPool"].tasks == Tasks.of("fp32", compare=3 * 64)
    assert program.multiply_accumulates == 4 * 27 * 64 + 320
    # Weights 108 and 320, biases 5, batch norm's scale and shift 4 + 4; running statistics are not trained.
    assert program.parameters == 108 + 320 + 5 + 8


def test_a_function_costs_exactly_its_programs_tasks() -> None:
    sigmoid = next(row for row in lower(small_cnn(), format="fp32").rows if row.operator == "Sigmoid")
    assert sigmoid.functions == Tasks.of("fp32", sigmoid=64)
    assert sigmoid.tasks == function("sigmoid", "fp32").tasks * 64


def test_rows_hold_primitives_only() -> None:
    program = compile(small_cnn(), phase="training", optimizer="adam").alu
    assert {task for row in program.rows for task, _ in row.tasks} <= set(PRIMITIVES)


def test_functions_of_small_integers_are_one_table_read() -> None:
    assert expand(Tasks({("tanh", "int8"): 3}))[0] == Tasks({("table_read", "256x8"): 3})


def test_unmodelled_operators_are_listed_with_the_reason() -> None:
    x, y = Tensor("x", (2, 3), kind="input"), Tensor("y", (2, 3))
    program = compile(Network("n", [Operator("odd", "com.example.Oddity", (x,), (y,))], [x], [y]))
    (entry,) = program.unmodelled
    assert (entry.name, entry.operator, entry.reason) == ("odd", "com.example.Oddity", "no rule for this operator")
    assert program.rows == ()


@settings(deadline=None, max_examples=20)
@given(batch=st.integers(1, 16))
def test_inference_counts_are_proportional_to_the_batch(batch: int) -> None:
    one, many = lower(small_cnn(1), format="fp32"), lower(small_cnn(batch), format="fp32")
    assert many.tasks == one.tasks * batch
    assert many.parameters == one.parameters


@settings(deadline=None, max_examples=20)
@given(width=st.integers(1, 32))
def test_a_wider_network_costs_more(width: int) -> None:
    narrow, wide = compile(small_cnn(width=width)).totals, compile(small_cnn(width=width + 1)).totals
    assert narrow.transistor_operations < wide.transistor_operations
    assert narrow.traffic_bit < wide.traffic_bit


def test_traffic_counts_each_operand_and_result_once() -> None:
    net = Network("n")
    x = net.input((2, 3))
    net.output(net.add(x, x))
    (row,) = lower(net, format="fp32").rows
    # x is one tensor of six words, although it is read at both positions; the sum is another six.
    assert row.traffic_bit == (6 + 6) * 32


def test_training_is_forward_and_backward_together() -> None:
    both, backward, forward = (compile(small_cnn(), phase=p).totals for p in ("training", "backward", "inference"))
    assert both.multiply_accumulates == backward.multiply_accumulates + forward.multiply_accumulates
    # Every product of the forward pass has one in each gradient; the first convolution needs no input gradient.
    assert backward.multiply_accumulates == 4 * 27 * 64 + 2 * 320


def test_unknown_phase_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown phase 'dreaming'; use one of inference, training, backward"):
        lower(small_cnn(), format="fp32", phase="dreaming")
