"""Operators taken apart by an exporter count as the operator they are; what is something else stays as it is."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from alu_library.tasks import Tasks
from tocompiler.network import Network
from tocompiler.operators import forward_work
from tocompiler.passes import pipeline
from tocompiler.passes.recognise import Recognise
from tocompiler.tensors import Tensor

DATA = Path(__file__).parent.parent / "data"
Build = Callable[[Network, Tensor], Tensor]


def network(build: Build, shape: tuple[int, ...] = (2, 8, 16)) -> Network:
    net = Network("n")
    net.output(build(net, net.input(shape)))
    return net


def op(net: Network, operator: str, *inputs: Tensor | float, **attributes: object) -> Tensor:
    operands = [net.constant(x, "fp32") if isinstance(x, float) else x for x in inputs]
    return net.emit(operator, operands, attributes, outputs=1)[0]


def tasks(net: Network) -> Tasks:
    return sum((forward_work(o).tasks for o in net.operators), Tasks())


def gelu_erf(net: Network, x: Tensor) -> Tensor:  # torch's TorchScript exporter
    e = op(net, "Add", op(net, "Erf", op(net, "Div", x, math.sqrt(2))), 1.0)
    return op(net, "Mul", op(net, "Mul", x, e), 0.5)


def gelu_erf_half_first(net: Network, x: Tensor) -> Tensor:
    half = op(net, "Mul", x, 0.5)
    return op(net, "Mul", half, op(net, "Add", 1.0, op(net, "Erf", op(net, "Mul", x, math.sqrt(0.5)))))


def gelu_tanh(net: Network, x: Tensor) -> Tensor:  # as GPT-2 writes it
    cubic = op(net, "Add", x, op(net, "Mul", op(net, "Pow", x, 3.0), 0.044715))
    t = op(net, "Tanh", op(net, "Mul", cubic, math.sqrt(2 / math.pi)))
    return op(net, "Mul", op(net, "Mul", x, 0.5), op(net, "Add", t, 1.0))


def gelu_tanh_factored(net: Network, x: Tensor) -> Tensor:  # x (a + b x x), as runtimes write it
    inner = op(net, "Add", op(net, "Mul", op(net, "Mul", x, x), 0.044715 * math.sqrt(2 / math.pi)),
               math.sqrt(2 / math.pi))
    t = op(net, "Tanh", op(net, "Mul", x, inner))
    return op(net, "Mul", op(net, "Mul", x, 0.5), op(net, "Add", t, 1.0))


def layer_norm(net: Network, x: Tensor) -> Tensor:
    d = op(net, "Sub", x, op(net, "ReduceMean", x, axes=(-1,)))
    variance = op(net, "ReduceMean", op(net, "Pow", d, 2.0), axes=(-1,))
    y = op(net, "Div", d, op(net, "Sqrt", op(net, "Add", variance, 1e-5)))
    scale, bias = (net.stored((16,), name=n) for n in ("scale", "bias"))
    return op(net, "Add", op(net, "Mul", y, scale), bias)


def rms_norm(net: Network, x: Tensor) -> Tensor:  # as Llama writes it
    mean = op(net, "ReduceMean", op(net, "Mul", x, x), axes=(2,))
    root = op(net, "Reciprocal", op(net, "Sqrt", op(net, "Add", mean, 1e-6)))
    return op(net, "Mul", net.stored((16,), name="scale"), op(net, "Mul", x, root))


def group_norm(net: Network, x: Tensor) -> Tensor:  # both of torch's exporters
    n, c, *size = x.shape
    ones, zeros = net.constant([1.0] * 2, "fp32"), net.constant([0.0] * 2, "fp32")
    y = net.reshape(op(net, "InstanceNormalization", net.reshape(x, (n, 2, -1)), ones, zeros), x.shape)
    scale, bias = (net.stored((c, *(1 for _ in size)), name=name) for name in ("scale", "bias"))
    return op(net, "Add", op(net, "Mul", y, scale), bias)


def guarded_softmax(net: Network, x: Tensor) -> Tensor:  # torch's exporter, where a mask may hide a whole row
    y = net.softmax(x)
    return op(net, "Where", op(net, "IsNaN", y), 0.0, y)


def mish(net: Network, x: Tensor) -> Tensor:
    return op(net, "Mul", x, op(net, "Tanh", op(net, "Softplus", x)))


@pytest.mark.parametrize(("apart", "whole"), [
    (gelu_erf, lambda net, x: net.gelu(x)),
    (gelu_erf_half_first, lambda net, x: net.gelu(x)),
    (gelu_tanh, lambda net, x: net.gelu(x, approximate="tanh")),
    (gelu_tanh_factored, lambda net, x: net.gelu(x, approximate="tanh")),
    (lambda net, x: op(net, "Mul", x, op(net, "Sigmoid", x)), lambda net, x: op(net, "Swish", x)),
    (lambda net, x: net.quick_gelu(x), lambda net, x: op(net, "Swish", x, alpha=1.702)),
    (mish, lambda net, x: net.mish(x)),
    (lambda net, x: op(net, "Mul", x, op(net, "HardSigmoid", x, alpha=1 / 6, beta=0.5)),
     lambda net, x: net.hard_swish(x)),
    (lambda net, x: op(net, "Mul", op(net, "HardSigmoid", x, alpha=1 / 6), x), lambda net, x: net.hard_swish(x)),
    (layer_norm, lambda net, x: net.layer_norm(x)),
    (rms_norm, lambda net, x: net.rms_norm(x)),
    (group_norm, lambda net, x: net.group_norm(x, 2)),
    (guarded_softmax, lambda net, x: net.softmax(x)),
])
def test_apart_and_whole_give_one_count(apart, whole):
    recognised, expected = Recognise().run(network(apart)), network(whole)
    assert [(o.operator, o.outputs[0].shape) for o in recognised.operators] == [
        (o.operator, o.outputs[0].shape) for o in expected.operators]
    assert tasks(recognised) == tasks(expected)
    assert recognised.outputs[0] is recognised.operators[-1].outputs[0]


def wrong_constant(net: Network, x: Tensor) -> Tensor:
    e = op(net, "Add", op(net, "Erf", op(net, "Div", x, 2.0)), 1.0)
    return op(net, "Mul", op(net, "Mul", x, e), 0.5)


def used_elsewhere(net: Network, x: Tensor) -> Tensor:
    gate = op(net, "Sigmoid", x)
    net.output(gate)
    return op(net, "Mul", x, gate)


def another_factor(net: Network, x: Tensor) -> Tensor:
    return op(net, "Mul", net.relu(x), op(net, "Sigmoid", x))


def mean_over_the_first_axis(net: Network, x: Tensor) -> Tensor:
    d = op(net, "Sub", x, op(net, "ReduceMean", x, axes=(0,)))
    variance = op(net, "ReduceMean", op(net, "Pow", d, 2.0), axes=(0,))
    return op(net, "Div", d, op(net, "Sqrt", op(net, "Add", variance, 1e-5)))


def inner_result_used_elsewhere(net: Network, x: Tensor) -> Tensor:
    """A GELU whose inner sum is a result of its own."""
    e = op(net, "Add", op(net, "Erf", op(net, "Div", x, math.sqrt(2))), 1.0)
    net.output(e)
    return op(net, "Mul", op(net, "Mul", x, e), 0.5)


def inner_result_read_twice(net: Network, x: Tensor) -> Tensor:
    half = op(net, "Mul", x, 0.5)
    gelu = op(net, "Mul", half, op(net, "Add", 1.0, op(net, "Erf", op(net, "Mul", x, math.sqrt(0.5)))))
    return op(net, "Add", gelu, op(net, "Neg", half))


def other_slopes(net: Network, x: Tensor) -> Tensor:
    return op(net, "Mul", x, op(net, "HardSigmoid", x, alpha=1 / 6, beta=0.4))


def default_slope(net: Network, x: Tensor) -> Tensor:  # alpha is 0.2 where it is not given
    return op(net, "Mul", x, op(net, "HardSigmoid", x, beta=0.5))


def guarded_by_ones(net: Network, x: Tensor) -> Tensor:
    y = net.softmax(x)
    return op(net, "Where", op(net, "IsNaN", y), 1.0, y)


def guarded_by_another(net: Network, x: Tensor) -> Tensor:
    return op(net, "Where", op(net, "IsNaN", net.softmax(x)), 0.0, net.softmax(x))


@pytest.mark.parametrize("build", [
    wrong_constant, used_elsewhere, another_factor, mean_over_the_first_axis, inner_result_used_elsewhere,
    inner_result_read_twice, other_slopes, default_slope, guarded_by_ones, guarded_by_another])
def test_what_is_something_else_stays(build):
    net = network(build)
    assert Recognise().run(net) is net


def test_a_norm_without_scale_keeps_what_follows():
    def build(net: Network, x: Tensor) -> Tensor:
        d = op(net, "Sub", x, op(net, "ReduceMean", x, axes=(-1,)))
        variance = op(net, "ReduceMean", op(net, "Mul", d, d), axes=(-1,))
        y = op(net, "Div", d, op(net, "Sqrt", op(net, "Add", variance, 1e-5)))
        return op(net, "Mul", y, x)

    assert [o.operator for o in Recognise().run(network(build)).operators] == ["LayerNormalization", "Mul"]


def quantised(build: Build) -> Network:
    """An input in uint8, dequantised, through ``build``, quantised."""
    net = Network("n")
    x = net.input((1, 4, 8, 8), format="uint8")
    scale, zero = net.constant(0.1, "fp32"), Tensor("zero", (), "uint8", "constant", np.asarray(3, np.uint8))
    real = net.emit("DequantizeLinear", [x, scale, zero])[0]
    net.output(net.emit("QuantizeLinear", [build(net, real), scale, zero])[0])
    return net


def weight(net: Network, *shape: int) -> Tensor:
    stored = net.stored(shape, "int8")
    return net.emit("DequantizeLinear", [stored, net.constant(0.1, "fp32"), None])[0]


@pytest.mark.parametrize(("build", "operators"), [
    (lambda net, x: op(net, "Conv", x, weight(net, 8, 4, 3, 3)), ["QLinearConv"]),
    (lambda net, x: net.relu(op(net, "Conv", x, weight(net, 8, 4, 3, 3))), ["QLinearConv"]),
    (lambda net, x: op(net, "MatMul", x, weight(net, 8, 5)), ["QLinearMatMul"]),
    (lambda net, x: net.add(x, x), ["com.microsoft.QLinearAdd"]),
    (lambda net, x: net.max_pool2d(x, 2), ["MaxPool"]),
    (lambda net, x: net.sigmoid(x), ["com.microsoft.QLinearSigmoid"]),
    (lambda net, x: net.concat([x, x]), ["com.microsoft.QLinearConcat"]),
    (lambda net, x: net.tanh(x), ["DequantizeLinear", "Tanh", "QuantizeLinear"]),  # no integer form: stays real
])
def test_operators_between_conversions_run_on_integers(build, operators):
    net = pipeline(quantised(build))
    assert [o.operator for o in net.operators] == operators
    assert net.outputs[0].format == "uint8"


def test_a_quantised_gemm_keeps_its_bias():
    net = Network("n")
    scale = net.constant(0.1, "fp32")
    x = net.emit("DequantizeLinear", [net.input((2, 16), format="uint8"), scale, None])[0]
    bias = net.emit("DequantizeLinear", [net.stored((5,), "int32", name="bias"), scale, None])[0]
    net.output(net.emit("QuantizeLinear", [op(net, "Gemm", x, weight(net, 16, 5), bias), scale, None])[0])
    gemm, = pipeline(net).operators
    assert (gemm.operator, gemm.given(6).name) == ("com.microsoft.QGemm", "bias")


def test_a_weight_that_alone_is_an_integer_is_dequantised():
    net = Network("n")
    x = net.input((2, 8), format="fp16")
    stored = net.stored((8, 4), "int8")
    w = net.emit("DequantizeLinear", [stored, net.constant(0.1, "fp16"), None])[0]
    net.output(net.matmul(x, w))
    assert [o.operator for o in pipeline(net).operators] == ["DequantizeLinear", "MatMul"]
    assert tasks(pipeline(net)) == Tasks.of("fp16", convert=32, multiply=32, multiply_accumulate=64)


@pytest.mark.parametrize("model", ["resnet18", "mobilenet_v2"])
def test_both_forms_of_a_quantised_model_give_one_count(model):
    """Conversions around real operators, and integer operators, as ONNX Runtime writes both."""
    frontend = pytest.importorskip("tocompiler.frontends.onnx")
    apart, whole = (pipeline(frontend.read(DATA / f"{model}.{form}.onnx")) for form in ("qdq", "qoperator"))
    assert tasks(apart) == tasks(whole)


@pytest.mark.parametrize("model", ["efficientnet_b0", "convnext_tiny", "vit_b_16", "mobilenet_v3_small"])
def test_both_exporters_of_torch_give_one_count(model):
    frontend = pytest.importorskip("tocompiler.frontends.onnx")
    script, dynamo = (pipeline(frontend.read(DATA / f"{model}.{form}.onnx")) for form in ("script", "dynamo"))
    assert tasks(script) == tasks(dynamo)
