"""Products, forward and backward, against torch's own counter on meta tensors."""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch")
flop_counter = pytest.importorskip("torch.utils.flop_counter")


def counted(module: Any, *shapes: tuple[int, ...]) -> tuple[int, int]:
    """Products of the forward and of the backward pass: torch counts two operations for each."""
    inputs = [torch.empty(shape, device="meta", requires_grad=True) for shape in shapes]
    with flop_counter.FlopCounterMode(display=False) as forward:
        result = module(*inputs)
    with flop_counter.FlopCounterMode(display=False) as backward:
        result.sum().backward()
    return forward.get_total_flops() // 2, backward.get_total_flops() // 2


@pytest.mark.parametrize(("kind", "arguments", "size"), [
    ("Conv1d", {"in_channels": 4, "out_channels": 6, "kernel_size": 3, "stride": 2}, (15,)),
    ("Conv2d", {"in_channels": 4, "out_channels": 6, "kernel_size": (3, 5), "padding": (1, 0), "dilation": 2}, (9, 14)),
    ("Conv3d", {"in_channels": 2, "out_channels": 4, "kernel_size": 3, "padding": 1}, (5, 6, 7)),
    ("ConvTranspose2d", {"in_channels": 4, "out_channels": 6, "kernel_size": 4, "stride": 2, "padding": 1}, (7, 8)),
])
@pytest.mark.parametrize("groups", [1, 2])
def test_convolutions(make, work, gradient, kind, arguments, size, groups):
    module = getattr(torch.nn, kind)(**arguments, groups=groups, device="meta")
    x = (2, arguments["in_channels"], *size)
    forward, backward = counted(module, x)
    attributes = {"strides": module.stride, "dilations": module.dilation, "pads": module.padding * 2, "group": groups}
    op = make("ConvTranspose" if "Transpose" in kind else "Conv", x, tuple(module.weight.shape), **attributes)
    assert work(op).multiply_accumulates == forward
    if groups == 1:
        assert gradient(op).multiply_accumulates == backward
    else:  # torch multiplies the weight gradient by the number of groups; it is as large as the forward pass
        assert gradient(op).multiply_accumulates == 2 * forward < backward


def test_products(make, work, gradient):
    for a, b in (((3, 4), (4, 5)), ((6, 3, 4), (6, 4, 5)), ((2, 3, 4), (4, 5))):
        op = make("MatMul", a, b)
        assert (work(op).multiply_accumulates, gradient(op).multiply_accumulates) == counted(torch.matmul, a, b)
    op = make("Gemm", (8, 20), (10, 20), (10,), transB=1)
    assert (work(op).multiply_accumulates, gradient(op).multiply_accumulates) == counted(
        torch.nn.Linear(20, 10, device="meta"), (8, 20))


@pytest.mark.parametrize(("equation", "a", "b"), [
    ("bhqd,bhkd->bhqk", (2, 3, 4, 5), (2, 3, 6, 5)), ("ij,jk->ik", (3, 4), (4, 5)),
    ("bij,bjk->bik", (2, 3, 4), (2, 4, 5)),
])
def test_contractions(make, work, gradient, equation, a, b):
    op = make("Einsum", a, b, equation=equation)
    assert (work(op).multiply_accumulates, gradient(op).multiply_accumulates) == counted(
        lambda x, y: torch.einsum(equation, x, y), a, b)


def test_attention_apart(make, work, gradient):
    """Torch's counter leaves its fused operator out on some devices, so the products are spelt out for it."""
    def attention(q: Any, k: Any, v: Any) -> Any:
        return torch.softmax(q @ k.transpose(-1, -2), -1) @ v

    shapes = (2, 3, 4, 8), (2, 3, 5, 8), (2, 3, 5, 6)
    op = make("Attention", *shapes)
    assert (work(op).multiply_accumulates, gradient(op).multiply_accumulates) == counted(attention, *shapes)
