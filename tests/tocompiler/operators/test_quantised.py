"""Integer operators are priced in their integer formats; scales are real numbers."""

from __future__ import annotations

import numpy as np
import pytest

from alu_library.tasks import Tasks
from tocompiler.operators import Refused, rule
from tocompiler.tensors import Operator, Tensor


def byte(name: str, *shape: int, kind: str = "activation") -> Tensor:
    return Tensor(name, shape, "uint8", kind)


SCALE = Tensor("scale", (), "fp32", "constant")
ZERO = Tensor("zero", (), "uint8", "constant", np.asarray(0, np.uint8))
SHIFT = Tensor("shift", (), "uint8", "constant", np.asarray(128, np.uint8))


def test_quantising_and_back(make, work):
    n = 20
    assert work(make("QuantizeLinear", (4, 5), SCALE, SHIFT)).tasks == (
        Tasks.of("fp32", divide=n, convert=n) + Tasks.of("int32", add=n, compare=2 * n))
    assert work(make("QuantizeLinear", (4, 5), SCALE, ZERO)).tasks == (
        Tasks.of("fp32", divide=n, convert=n) + Tasks.of("int32", compare=2 * n))
    assert work(make("DequantizeLinear", byte("x", 4, 5), SCALE, SHIFT)).tasks == (
        Tasks.of("fp32", convert=n, multiply=n) + Tasks.of("int32", add=n))


def test_a_quantised_convolution(make, work):
    x, w = byte("x", 1, 3, 8, 8), Tensor("w", (4, 3, 3, 3), "int8", "parameter")
    op = make("QLinearConv", x, SCALE, SHIFT, w, SCALE, ZERO, SCALE, SHIFT, pads=(1, 1, 1, 1))
    products, y = 4 * 27 * 64, 4 * 64
    assert op.outputs[0].format == "uint8"
    done = work(op)
    assert done.multiply_accumulates == products
    assert done.tasks == (Tasks.of("uint8", multiply_accumulate=products, add=3 * 64)  # x less its zero point
                          + Tasks.of("fp32", convert=2 * y, multiply=y)  # to real, scaled, rounded
                          + Tasks.of("int32", compare=2 * y, add=y))


def test_integer_products_are_not_rescaled(make, work):
    a, b = byte("a", 3, 4), Tensor("b", (4, 5), "int8", "parameter")
    op = make("MatMulInteger", a, b, SHIFT, None)
    assert op.outputs[0].format == "int32"
    assert work(op).tasks == Tasks.of("uint8", multiply_accumulate=60, add=12)
    conv = make("ConvInteger", byte("x", 1, 1, 4, 4), byte("w", 1, 1, 2, 2, kind="parameter"))
    assert work(conv).tasks == Tasks.of("uint8", multiply_accumulate=36)


def test_weights_of_four_bits_are_brought_back_once(make, work):
    x = Tensor("x", (2, 7, 64), "fp16")
    op = make("com.microsoft.MatMulNBits", x, byte("w", 32, 2, 16), Tensor("s", (64,), "fp16"), K=64, N=32, bits=4,
              block_size=32)
    products, weights = 14 * 64 * 32, 64 * 32
    assert op.outputs[0].shape == (2, 7, 32)
    assert work(op).multiply_accumulates == products
    assert work(op).tasks == (Tasks.of("fp16", multiply_accumulate=products, convert=weights, multiply=weights)
                              + Tasks.of("int32", add=weights))


@pytest.mark.parametrize(("operator", "tasks"), [
    ("QLinearSigmoid", Tasks({("table_read", "256x8"): 12})),
    ("QLinearLeakyRelu", Tasks({("table_read", "256x8"): 12})),
])
def test_a_function_of_a_byte_is_a_table(make, work, operator, tasks):
    assert work(make(f"com.microsoft.{operator}", byte("x", 3, 4), SCALE, ZERO, SCALE, ZERO)).tasks == tasks


def test_sums_and_products_of_bytes(make, work):
    operands = [byte("a", 4, 5), SCALE, ZERO, byte("b", 4, 5), SCALE, ZERO, SCALE, ZERO]
    n = 20
    product = work(make("com.microsoft.QLinearMul", *operands)).tasks
    assert product == (Tasks.of("uint8", multiply=n) + Tasks.of("fp32", convert=2 * n, multiply=n)
                       + Tasks.of("int32", compare=2 * n))
    total = work(make("com.microsoft.QLinearAdd", *operands)).tasks
    assert total["add", "fp32"] == n
    assert total["convert", "fp32"] == 3 * n


def test_a_quantised_gemm_and_pool(make, work):
    a, b = byte("a", 3, 4), Tensor("b", (5, 4), "int8", "parameter")
    op = make("com.microsoft.QGemm", a, SCALE, ZERO, b, SCALE, ZERO, None, SCALE, ZERO, transB=1)
    assert op.outputs[0].shape == (3, 5)
    assert work(op).tasks["multiply_accumulate", "uint8"] == 60
    pool = make("com.microsoft.QLinearGlobalAveragePool", byte("x", 1, 7, 7, 32), SCALE, ZERO, SCALE, ZERO,
                channels_last=1)
    assert pool.outputs[0].shape == (1, 1, 1, 32)
    assert work(pool).tasks["add", "int32"] == 48 * 32


def test_shapes_agree_with_onnx(agrees):
    x, w = byte("x", 1, 4, 9, 8), Tensor("w", (6, 2, 3, 3), "int8", "parameter")
    agrees("ConvInteger", x, w, group=2, strides=(2, 1))
    agrees("QLinearConv", x, SCALE, Tensor("z", (), "uint8"), w, SCALE, Tensor("v", (), "int8"),
           SCALE, Tensor("u", (), "uint8"), group=2, pads=(1, 0, 1, 2))
    agrees("MatMulInteger", byte("a", 2, 3, 4), byte("b", 4, 5))
    agrees("DynamicQuantizeLinear", (3, 4), results=3)


@pytest.mark.parametrize("operator", ["ConvInteger", "QLinearConv", "com.microsoft.QGemm", "com.microsoft.NhwcMaxPool"])
def test_integers_have_no_gradient(operator):
    with pytest.raises(Refused, match="its gradient is not modelled"):
        rule(operator).gradient(Operator("op", operator, (), ()), [True])
