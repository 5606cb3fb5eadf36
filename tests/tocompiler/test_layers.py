"""The builder's layer methods: operators, shapes, parameters and errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tocompiler import compile
from tocompiler.network import Network
from tocompiler.operators import rule
from tocompiler.tensors import Tensor

Build = Callable[[Network, Tensor], Tensor]


def kinds(net: Network) -> list[str]:
    return [op.operator for op in net.operators]


def macs(net: Network) -> Any:
    return sum(rule(op.operator).work(op).multiply_accumulates for op in net.operators)


IMAGE = (2, 6, 9, 9)
CASES: list[tuple[tuple[int, ...], Build, list[str], tuple[int, ...], int]] = [
    # input, layer, operators, result, parameters
    (IMAGE, lambda n, x: n.conv2d(x, 4, 3), ["Conv"], (2, 4, 7, 7), 4 * 6 * 9 + 4),
    (IMAGE, lambda n, x: n.conv2d(x, 4, 3, padding="same", dilation=2), ["Conv"], (2, 4, 9, 9), 4 * 6 * 9 + 4),
    (IMAGE, lambda n, x: n.conv2d(x, 12, (3, 1), (2, 1), groups=6, bias=False), ["Conv"], (2, 12, 4, 9), 12 * 3),
    (IMAGE, lambda n, x: n.conv2d(x, 4, 3, 2, (0, 0, 1, 1)), ["Conv"], (2, 4, 4, 4), 4 * 6 * 9 + 4),
    (IMAGE, lambda n, x: n.conv_transpose2d(x, 4, 3, 2, 1, 1, groups=2), ["ConvTranspose"], (2, 4, 18, 18),
     6 * 2 * 9 + 4),
    ((2, 6, 9), lambda n, x: n.conv1d(x, 5, 3, padding=1), ["Conv"], (2, 5, 9), 5 * 6 * 3 + 5),
    ((2, 6, 4, 9, 9), lambda n, x: n.conv3d(x, 5, 3), ["Conv"], (2, 5, 2, 7, 7), 5 * 6 * 27 + 5),
    ((2, 6), lambda n, x: n.linear(x, 5), ["Gemm"], (2, 5), 35),
    ((2, 3, 6), lambda n, x: n.linear(x, 5), ["MatMul", "Add"], (2, 3, 5), 35),
    ((2, 3, 6), lambda n, x: n.linear(x, 5, bias=False), ["MatMul"], (2, 3, 5), 30),
    (IMAGE, lambda n, x: n.batch_norm(x), ["BatchNormalization"], IMAGE, 12),
    (IMAGE, lambda n, x: n.layer_norm(x), ["LayerNormalization"], IMAGE, 18),
    (IMAGE, lambda n, x: n.layer_norm(x, (9, 9), bias=False), ["LayerNormalization"], IMAGE, 81),
    (IMAGE, lambda n, x: n.layer_norm(x, elementwise_affine=False), ["LayerNormalization"], IMAGE, 0),
    (IMAGE, lambda n, x: n.rms_norm(x), ["RMSNormalization"], IMAGE, 9),
    (IMAGE, lambda n, x: n.group_norm(x, 3), ["GroupNormalization"], IMAGE, 12),
    (IMAGE, lambda n, x: n.instance_norm(x), ["InstanceNormalization"], IMAGE, 0),
    (IMAGE, lambda n, x: n.instance_norm(x, affine=True), ["InstanceNormalization"], IMAGE, 12),
    (IMAGE, lambda n, x: n.local_response_norm(x, 5), ["LRN"], IMAGE, 0),
    (IMAGE, lambda n, x: n.relu6(x), ["Clip"], IMAGE, 0),
    (IMAGE, lambda n, x: n.silu(x), ["Sigmoid", "Mul"], IMAGE, 0),
    (IMAGE, lambda n, x: n.quick_gelu(x), ["Mul", "Sigmoid", "Mul"], IMAGE, 0),
    (IMAGE, lambda n, x: n.prelu(x, 6), ["PRelu"], IMAGE, 6),
    (IMAGE, lambda n, x: n.gelu(x, "tanh"), ["Gelu"], IMAGE, 0),
    (IMAGE, lambda n, x: n.max_pool2d(x, 3, 2, 1), ["MaxPool"], (2, 6, 5, 5), 0),
    (IMAGE, lambda n, x: n.max_pool2d(x, 2, ceil_mode=True), ["MaxPool"], (2, 6, 5, 5), 0),
    (IMAGE, lambda n, x: n.avg_pool2d(x, 3), ["AveragePool"], (2, 6, 3, 3), 0),
    (IMAGE, lambda n, x: n.adaptive_avg_pool2d(x, 1), ["GlobalAveragePool"], (2, 6, 1, 1), 0),
    (IMAGE, lambda n, x: n.adaptive_avg_pool2d(x, (3, 1)), ["AveragePool"], (2, 6, 3, 1), 0),
    (IMAGE, lambda n, x: n.add(x, 1.0), ["Add"], IMAGE, 0),
    (IMAGE, lambda n, x: n.mean(x, (2, 3)), ["ReduceMean"], (2, 6), 0),
    (IMAGE, lambda n, x: n.sum(x), ["ReduceSum"], (), 0),
    (IMAGE, lambda n, x: n.concat([x, x]), ["Concat"], (2, 12, 9, 9), 0),
    (IMAGE, lambda n, x: n.split(x, (2, 4), 1)[1], ["Split"], (2, 4, 9, 9), 0),
    (IMAGE, lambda n, x: n.flatten(x), ["Flatten"], (2, 486), 0),
    (IMAGE, lambda n, x: n.flatten(x, 2), ["Reshape"], (2, 6, 81), 0),
    (IMAGE, lambda n, x: n.reshape(x, (2, -1, 3)), ["Reshape"], (2, 162, 3), 0),
    (IMAGE, lambda n, x: n.transpose(x, 1, -1), ["Transpose"], (2, 9, 9, 6), 0),
    (IMAGE, lambda n, x: n.permute(x, (0, 2, 3, 1)), ["Transpose"], (2, 9, 9, 6), 0),
    (IMAGE, lambda n, x: n.slice(x, 1, 8, 2, 2), ["Slice"], (2, 6, 4, 9), 0),
    (IMAGE, lambda n, x: n.select(x, 1, 0), ["Gather"], (2, 9, 9), 0),
    (IMAGE, lambda n, x: n.squeeze(n.unsqueeze(x, 1), 1), ["Unsqueeze", "Squeeze"], IMAGE, 0),
    (IMAGE, lambda n, x: n.roll(x, 2, 3), ["Slice", "Slice", "Concat"], IMAGE, 0),
    (IMAGE, lambda n, x: n.roll(x, 9, 3), [], IMAGE, 0),
    (IMAGE, lambda n, x: n.pad(x, (1, 2, 0, 3)), ["Pad"], (2, 6, 12, 12), 0),
    (IMAGE, lambda n, x: n.upsample(x, scale_factor=2, mode="bilinear"), ["Resize"], (2, 6, 18, 18), 0),
    (IMAGE, lambda n, x: n.upsample(x, (4, 5)), ["Resize"], (2, 6, 4, 5), 0),
    (IMAGE, lambda n, x: n.dropout(x), [], IMAGE, 0),
    ((7, 2, 6), lambda n, x: n.lstm(x, 5), ["LSTM", "Transpose", "Reshape"], (7, 2, 5), 4 * 5 * (6 + 5 + 2)),
    ((2, 7, 6), lambda n, x: n.gru(x, 5, bidirectional=True, batch_first=True),
     ["Transpose", "GRU", "Transpose", "Reshape", "Transpose"], (2, 7, 10), 2 * 3 * 5 * (6 + 5 + 2)),
    ((7, 2, 6), lambda n, x: n.rnn(x, 5, 2, "relu", bias=False), ["RNN", "Transpose", "Reshape"] * 2, (7, 2, 5),
     5 * (6 + 5) + 5 * (5 + 5)),
]


@pytest.mark.parametrize(("shape", "build", "operators", "result", "parameters"), CASES)
def test_layer(shape: tuple[int, ...], build: Build, operators: list[str], result: tuple[int, ...],
               parameters: int) -> None:
    net = Network()
    y = build(net, net.input(shape))
    assert kinds(net) == operators
    assert y.shape == result
    assert net.parameters == parameters


@pytest.mark.parametrize("name", ["relu", "leaky_relu", "elu", "selu", "celu", "sigmoid", "tanh", "gelu", "hard_swish",
                                  "hard_sigmoid", "mish", "softplus", "softsign", "softmax", "log_softmax", "relu6"])
def test_activations_are_one_operator_that_keeps_the_shape(name: str) -> None:
    net = Network()
    assert getattr(net, name)(net.input((3, 5), "fp16")).shape == (3, 5)
    assert len(net.operators) == 1
    assert net.operators[0].outputs[0].format == "fp16"


def test_products_of_attention() -> None:
    # Scores and context: 2 x batch 2 x heads 3 x 5 x 7 x width 4 each; the causal mask spares none.
    for causal in (False, True):
        net = Network()
        q, k, v = net.input((2, 3, 5, 4)), net.input((2, 3, 7, 4)), net.input((2, 3, 7, 4))
        assert net.scaled_dot_product_attention(q, k, v, is_causal=causal).shape == (2, 3, 5, 4)
        assert macs(net) == 2 * (2 * 3 * 5 * 7 * 4)
        assert kinds(net) == ["Attention"]
        # A causal mask is one addition for each score; the softmax subtracts and sums besides.
        adds = rule("Attention").work(net.operators[0]).tasks["add", "fp32"]
        assert adds == (2 + causal) * (2 * 3 * 5 * 7) - 2 * 3 * 5
        assert net.parameters == 0


def test_grouped_queries_repeat_keys_and_values() -> None:
    net = Network()
    q, k = net.input((1, 8, 5, 4)), net.input((1, 2, 7, 4))
    assert net.scaled_dot_product_attention(q, k, k).shape == (1, 8, 5, 4)
    assert macs(net) == 2 * 8 * 5 * 7 * 4


def test_multi_head_attention() -> None:
    net = Network()
    x = net.input((2, 5, 12))
    assert net.multi_head_attention(x, 3).shape == (2, 5, 12)
    assert net.parameters == 4 * 12 * 12 + 4 * 12
    assert macs(net) == 2 * 5 * 4 * 12 * 12 + 2 * (2 * 5 * 5 * 12)
    cross = Network()
    source = cross.input((2, 9, 12))
    assert cross.multi_head_attention(cross.input((2, 5, 12)), 3, source).shape == (2, 5, 12)
    assert macs(cross) == 2 * (5 + 9 + 9 + 5) * 12 * 12 + 2 * (2 * 5 * 9 * 12)


def test_tied_weights_count_once() -> None:
    net = Network()
    table = net.stored((11, 6), name="table")
    x = net.embedding(net.input((2, 3), "int64"), 11, 6, weight=table)
    net.output(net.linear(x, 11, bias=False, weight=table))
    assert net.parameters == 66
    assert net.outputs[0].shape == (2, 3, 11)


def test_names_number_layers_and_scopes_prefix_them() -> None:
    net = Network()
    x = net.input((1, 4))
    with net.scope("block"):
        x = net.linear(net.linear(x, 4), 4)
    net.linear(x, 4)
    assert [op.name for op in net.operators] == ["block.linear", "block.linear_1", "linear"]
    assert [t.name for t in net.stored_tensors()][::2] == [
        "block.linear.weight", "block.linear_1.weight", "linear.weight"]


def test_composite_layers_name_their_operators_after_themselves() -> None:
    net = Network()
    net.silu(net.linear(net.input((1, 2, 4)), 4))
    assert [op.name for op in net.operators] == ["linear.matmul", "linear.add", "silu.sigmoid", "silu.mul"]
    assert [t.name for t in net.stored_tensors()] == ["linear.weight", "linear.bias"]


def test_parameters_and_buffers_take_the_input_format() -> None:
    net = Network()
    net.batch_norm(net.conv2d(net.input((1, 3, 8, 8), "bf16"), 4, 3))
    assert {t.format for t in net.stored_tensors()} == {"bf16"}
    assert [t.kind for t in net.stored_tensors()] == ["parameter"] * 4 + ["buffer"] * 2


def test_symbolic_dimensions_go_through() -> None:
    import sympy

    batch, length = sympy.symbols("batch length", integer=True, positive=True)
    net = Network()
    net.output(net.linear(net.multi_head_attention(net.input((batch, length, 12)), 3), 5))
    assert net.outputs[0].shape == (batch, length, 5)
    expected = batch * length * (4 * 12 * 12 + 12 * 5) + 2 * batch * length**2 * 12
    assert sympy.expand(macs(net) - expected) == 0


@pytest.mark.parametrize(("shape", "build", "message"), [
    ((1, 3), lambda n, x: n.conv2d(x, 4, 3), r"conv2d: needs a 4-D input .*'input' of shape \(1, 3\)"),
    (IMAGE, lambda n, x: n.conv2d(x, 4, 3, groups=5), "conv2d: 6 input and 4 output channels do not divide into 5"),
    (IMAGE, lambda n, x: n.conv2d(x, 4, (3, 3, 3)), "conv2d: kernel_size takes one integer or 2"),
    (IMAGE, lambda n, x: n.conv2d(x, 4, 3, padding="full"), 'conv2d: padding is an integer, "same" or "valid"'),
    (IMAGE, lambda n, x: n.conv2d(x, 4, 3, weight=n.stored((4, 5, 3, 3))),
     r"conv2d.weight: .* \(4, 6, 3, 3\) is needed"),
    ((), lambda n, x: n.linear(x, 4), "linear: needs at least one axis"),
    ((1, 3), lambda n, x: n.embedding(x, 4, 5), "embedding: indices are integers"),
    (IMAGE, lambda n, x: n.group_norm(x, 4), "group_norm: 6 channels do not divide into 4 groups"),
    (IMAGE, lambda n, x: n.layer_norm(x, 8), r"layer_norm: 'input' of shape \(2, 6, 9, 9\) does not end in \(8,\)"),
    ((4,), lambda n, x: n.batch_norm(x), "batch_norm: needs"),
    (IMAGE, lambda n, x: n.gelu(x, "sigmoid"), 'gelu: approximate is "none" or "tanh"'),
    (IMAGE, lambda n, x: n.prelu(x, 5), "prelu: 5 slopes do not fit"),
    (IMAGE, lambda n, x: n.split(x, (1, 2), 1), "split: pieces of"),
    (IMAGE, lambda n, x: n.permute(x, (0, 1, 1, 2)), "permute: .* does not permute"),
    (IMAGE, lambda n, x: n.pad(x, (1, 2, 3)), "pad: .* is not pairs"),
    (IMAGE, lambda n, x: n.upsample(x), "upsample: give size or scale_factor"),
    (IMAGE, lambda n, x: n.upsample(x, 3, mode="lanczos"), "upsample: mode is one of"),
    ((2, 5, 12), lambda n, x: n.multi_head_attention(x, 5), "a width of 12 does not divide into 5 heads"),
    ((2, 5), lambda n, x: n.lstm(x, 5), "lstm: needs a 3-D input"),
    ((2, 5, 3), lambda n, x: n.rnn(x, 5, nonlinearity="gelu"), 'rnn: nonlinearity is "tanh" or "relu"'),
])
def test_a_misfit_is_one_line_that_names_the_layer(shape: tuple[int, ...], build: Build, message: str) -> None:
    net = Network()
    x = net.input(shape)
    with pytest.raises(ValueError, match=message) as caught:
        build(net, x)
    assert "\n" not in str(caught.value)


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(ValueError, match="fp31"):
        Network().input((1,), "fp31")


@pytest.mark.parametrize(("size", "output", "pooled"), [
    ((6, 6), (4, 4), 8 * 8),  # windows of 2 along each axis: 0-1, 1-2, 3-4, 4-5
    ((1, 1), (6, 6), 6 * 6),  # upwards: every place is the one element
    ((7, 5), (3, 2), 9 * 6),  # 0-2, 2-4, 4-6; 0-2, 2-4
])
def test_adaptive_pooling_has_pytorchs_windows(size: tuple[int, int], output: tuple[int, int], pooled: int) -> None:
    net = Network("adaptive")
    net.output(net.adaptive_avg_pool2d(net.input((2, 3, *size)), output))
    totals = compile(net).totals
    places = 6 * output[0] * output[1]
    added = 6 * pooled - places
    assert totals.alu_tasks == {"divide": places} | ({"add": added} if added else {})
    assert net.outputs[0].shape == (2, 3, *output)


def test_adaptive_pooling_windows_are_torchs() -> None:
    torch = pytest.importorskip("torch")
    for m, n in ((6, 4), (1, 6), (7, 3), (5, 2)):
        x = torch.zeros(1, 1, m, requires_grad=True)
        touched = 0
        for place in range(n):
            x.grad = None
            torch.nn.functional.adaptive_avg_pool1d(x, n)[0, 0, place].backward()
            touched += int((x.grad != 0).sum())
        net = Network("adaptive")
        net.output(net.adaptive_avg_pool2d(net.input((1, 1, m, 1)), (n, 1)))
        tasks = compile(net).totals.alu_tasks
        assert tasks.get("add", 0) == touched - n
