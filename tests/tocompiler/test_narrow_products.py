"""Networks in block formats and with weights of few bits: counts, traffic and prices by hand."""

import pytest

import tocompiler
from alu_library import price
from tocompiler.network import Network


def linear(rows: int = 3, inner: int = 256, columns: int = 8) -> Network:
    net = Network("linear")
    net.output(net.linear(net.input((rows, inner)), out_features=columns, bias=False))
    return net


def test_block_formats_quantise_operands_and_multiply_narrow() -> None:
    program = tocompiler.compile(linear(), format="mxfp4")
    (row,) = program.rows
    products, elements = 3 * 256 * 8, 3 * 256
    tasks = row.alu.tasks
    assert tasks[("multiply_accumulate", "mxfp4")] == row.multiply_accumulates == products
    assert tasks[("divide", "bf16")] == elements // 32
    assert tasks[("compare", "bf16")] == elements - elements // 32
    assert tasks[("convert", "bf16")] == tasks[("multiply", "bf16")] == elements
    weights = 256 * 8 * 4 + 256 * 8 // 32 * 8  # elements, and an E8M0 scale for 32 of them
    assert row.traffic_bit == elements * 16 + weights + 3 * 8 * 16


def test_a_second_scale_costs_a_product_a_result() -> None:
    (row,) = tocompiler.compile(linear(), format="nvfp4").rows
    assert row.alu.tasks[("multiply", "fp32")] == 3 * 8


def test_weight_only_formats_bring_weights_back() -> None:
    (row,) = tocompiler.compile(linear(), format="w4a16").rows
    weights = 256 * 8
    tasks = row.alu.tasks
    assert tasks[("multiply_accumulate", "fp16")] == 3 * 256 * 8
    assert tasks[("convert", "fp16")] == tasks[("multiply", "fp16")] == weights
    assert row.traffic_bit == 3 * 256 * 16 + weights * 4 + weights // 128 * 16 + 3 * 8 * 16


def test_products_of_activations_stay_wide() -> None:
    net = Network("attention")
    x = net.input((4, 64))
    net.output(net.matmul(x, net.transpose(x, 0, 1)))
    program = tocompiler.compile(net, format="mxfp8")
    assert program.alu.tasks[("multiply_accumulate", "bf16")] == 4 * 64 * 4


@pytest.mark.parametrize("format", ["mxfp8", "mxfp6", "mxfp6_e3m2", "mxfp4", "mxint8", "nvfp4", "w4a16", "w2a16"])
def test_a_network_compiles_in_every_scheme(format: str) -> None:
    net = tocompiler.load("resnet18")
    narrow, wide = tocompiler.compile(net, format=format), tocompiler.compile(net, format="bf16")
    assert narrow.totals.multiply_accumulates == wide.totals.multiply_accumulates
    assert narrow.totals.traffic_bit < wide.totals.traffic_bit
    if not format.startswith("w"):
        assert narrow.totals.transistor_operations < wide.totals.transistor_operations
        assert price("multiply_accumulate", format).transistor_operations > 0


def test_schemes_are_for_inference() -> None:
    with pytest.raises(ValueError, match="mxfp4 is a scheme for inference"):
        tocompiler.compile(linear(), format="mxfp4", phase="training")
