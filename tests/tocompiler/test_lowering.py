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
from tocompiler.tensors import Operator, Statistics, Tensor


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


def test_an_optimizer_s_step_is_a_row_for_each_parameter_that_reads_and_writes_it() -> None:
    net = Network("one")
    net.output(net.linear(net.input((2, 4)), out_features=3))
    steps = [row for row in lower(net, format="fp32", phase="training").rows if row.phase == "optimizer"]
    sizes = {t.name: t.elements for t in net.stored_tensors()}
    assert [(row.parameter, row.operator, row.source) for row in steps] == [(name, "sgd", None) for name in sizes]
    for row in steps:
        # w -= lr g: the parameter and its gradient are read, the parameter is written.
        assert [a.elements for a in row.reads] == [sizes[str(row.parameter)]] * 2
        assert [a.elements for a in row.writes] == [sizes[str(row.parameter)]]
        assert row.tasks == Tasks.of("fp32", multiply_accumulate=sizes[str(row.parameter)])


def test_phases_run_what_they_say() -> None:
    phases = {phase: {row.phase for row in lower(small_cnn(), format="fp32", phase=phase).rows}
              for phase in ("inference", "training", "backward")}
    assert phases == {"inference": {"forward"}, "training": {"forward", "backward", "optimizer"},
                      "backward": {"backward", "optimizer"}}
    with pytest.raises(ValueError, match="unknown phase 'forward'; use one of inference, training, backward"):
        lower(small_cnn(), format="fp32", phase="forward")


def test_products_meet_the_zeros_of_their_operands_and_functions_are_dense_inside() -> None:
    half = Statistics(zeros=0.5, distribution="relu")
    x, w = Tensor("x", (2, 4), statistics=half), Tensor("w", (4, 3), kind="parameter")
    ops = [Operator("m", "MatMul", (x, w), (Tensor("y", (2, 3)),)),
           Operator("a", "Add", (x, x), (Tensor("z", (2, 4)),)),
           Operator("s", "Sigmoid", (x,), (Tensor("t", (2, 4)),))]
    product, addition, sigmoid = lower(Network("n", ops, [x]), format="fp32").rows
    assert product.operands == (half, Statistics())
    assert addition.operands == (half, half)
    assert sigmoid.operands == (Statistics(), Statistics())
    # A tensor that is read twice crosses once.
    assert [(a.tensor, a.elements) for a in addition.reads] == [("x", 8)]
    assert addition.traffic_bit == (8 + 8) * 32


@pytest.mark.parametrize(("format", "tasks"), [
    ("uint4", Tasks({("table_read", "16x4"): 1})), ("int8", Tasks({("table_read", "256x8"): 1})),
    ("int9", function("tanh", "fp32").tasks + Tasks.of("fp32", convert=2)),
    ("int16", function("tanh", "fp32").tasks + Tasks.of("fp32", convert=2)), ("fp16", function("tanh", "fp16").tasks),
])
def test_a_function_of_an_integer_is_a_table_up_to_eight_bits(format: str, tasks: Tasks) -> None:
    primitives, functions = expand(Tasks({("tanh", format): 1, ("add", format): 5}))
    assert primitives == tasks + Tasks({("add", format): 5})
    assert functions == Tasks({("tanh", format): 1})


def test_a_bound_on_the_error_reaches_the_program() -> None:
    bounded = lower(small_cnn(), format="fp32", activation_error_ulp=2.0)
    sigmoid = next(row for row in bounded.rows if row.operator == "Sigmoid")
    assert sigmoid.tasks == function("sigmoid", "fp32", max_error_ulp=2.0).tasks * 64


def test_parameters_may_be_given() -> None:
    assert lower(small_cnn(), format="fp32", parameters=7).parameters == 7
    assert lower(small_cnn(), format="fp32", parameters=0).parameters == 0


def test_traffic_by_level_falls_to_what_must_move() -> None:
    net = Network("n")
    net.output(net.linear(net.input((64, 64)), out_features=64))
    (row,) = lower(net, format="fp32").rows
    tight, loose = row.traffic([32 * 64, 10**9])
    assert loose == row.traffic_bit == (64 * 64 * 3 + 64) * 32 == row.traffic([10**9])[0]
    assert tight > loose
