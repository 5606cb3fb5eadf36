"""ONNX Runtime's fused operators do what their parts do."""

from __future__ import annotations

import pytest

from alu_library.tasks import Tasks
from tocompiler.tensors import Tensor

IDS, SEGMENTS = (Tensor(name, (2, 7), "int64") for name in ("ids", "segments"))


def total(work, *operators):
    return sum((work(op).tasks for op in operators), Tasks())


def test_normalisation_after_a_sum(make, work):
    x, w = (2, 7, 16), (16,)
    fused = make("com.microsoft.SkipLayerNormalization", x, x, w, w, w)
    assert work(fused).tasks == total(work, make("Add", x, x), make("Add", x, w), make("LayerNormalization", x, w, w))
    simple = make("com.microsoft.SkipSimplifiedLayerNormalization", x, x, w)
    assert work(simple).tasks == total(work, make("Add", x, x), make("RMSNormalization", x, w))
    assert work(make("SimplifiedLayerNormalization", x, w)).tasks == work(make("RMSNormalization", x, w)).tasks


def test_embeddings_are_looked_up_added_and_normalised(make, work):
    table, w, y = (100, 16), (16,), (2, 7, 16)
    op = make("com.microsoft.EmbedLayerNormalization", IDS, SEGMENTS, table, table, table, w, w)
    assert op.outputs[0].shape == y
    assert work(op).tasks == total(work, make("Add", y, y), make("Add", y, y), make("LayerNormalization", y, w, w))
    assert sum(a.elements for a in work(op).reads) == 3 * 2 * 7 * 16 + 2 * 14 + 2 * 16


def test_biased_activations(make, work, gradient):
    x, w = (4, 16), (16,)
    for name, function in (("BiasGelu", "gelu"), ("FastGelu", "gelu_tanh")):
        fused = make(f"com.microsoft.{name}", x, w)
        assert work(fused).tasks == Tasks.of("fp32", add=64, **{function: 64})
        assert gradient(fused).tasks == Tasks.of("fp32", multiply=64, add=48, **{f"{function}_derivative": 64})
    assert work(make("com.microsoft.Gelu", x)).tasks == Tasks.of("fp32", gelu=64)
    assert work(make("com.microsoft.QuickGelu", x)).tasks == Tasks.of("fp32", quick_gelu=64)


def test_products_with_their_neighbours(make, work):
    x, w = (1, 3, 8, 8), (4, 3, 3, 3)
    fused = make("com.microsoft.FusedConv", x, w, (4,), (1, 4, 6, 6), activation="Relu")
    y = (1, 4, 6, 6)
    assert work(fused).tasks == total(work, make("Conv", x, w), make("Add", y, y), make("Relu", y))
    gemm = make("com.microsoft.FusedGemm", (2, 3), (3, 4), activation="Tanh")
    assert work(gemm).tasks == total(work, make("Gemm", (2, 3), (3, 4)), make("Tanh", (2, 4)))
    with pytest.raises(ValueError, match="its activation Odd is not known"):
        work(make("com.microsoft.FusedGemm", (2, 3), (3, 4), activation="Odd"))
    channels_last = make("com.microsoft.NhwcConv", (1, 8, 8, 3), w)
    assert channels_last.outputs[0].shape == (1, 6, 6, 4)
    assert work(channels_last).multiply_accumulates == 4 * 27 * 36


def test_transposed_products(make, work):
    op = make("com.microsoft.FusedMatMul", (2, 5, 3), (2, 4, 5), transA=1, transB=1, alpha=0.5)
    assert op.outputs[0].shape == (2, 3, 4)
    assert work(op).tasks == Tasks.of("fp32", multiply_accumulate=2 * 3 * 4 * 5, multiply=24)
    batch = make("com.microsoft.FusedMatMul", (5, 2, 3), (2, 3, 4), transBatchA=1)
    assert batch.outputs[0].shape == (2, 5, 4)


def test_attention_with_its_projections(make, work):
    b, s, h, n = 2, 7, 16, 4
    op = make("com.microsoft.Attention", (b, s, h), (h, 3 * h), (3 * h,), num_heads=n)
    heads = (b, n, s, h // n)
    assert op.outputs[0].shape == (b, s, h)
    assert work(op).tasks == total(work, make("MatMul", (b, s, h), (h, 3 * h)), make("Attention", heads, heads, heads))
    quantised = make("com.microsoft.QAttention", Tensor("x", (b, s, h), "uint8"), Tensor("w", (h, 3 * h), "int8"),
                     (3 * h,), (), (), num_heads=n)
    assert work(quantised).tasks["multiply_accumulate", "uint8"] == b * s * h * 3 * h
    assert work(quantised).multiply_accumulates == work(op).multiply_accumulates


def test_attention_over_projected_operands(make, work):
    b, s, h, n = 2, 7, 16, 4
    op = make("com.microsoft.MultiHeadAttention", (b, s, h), (b, 9, h), (b, 9, h), num_heads=n)
    assert work(op).tasks == work(make("Attention", (b, n, s, 4), (b, n, 9, 4), (b, n, 9, 4))).tasks
    packed = make("com.microsoft.MultiHeadAttention", (b, s, n, 3, 4), num_heads=n)
    assert packed.outputs[0].shape == (b, s, h)


def test_grouped_heads_with_a_cache_and_rotation(make, work):
    b, s, n, m, d, past = 1, 1, 8, 2, 16, 31
    cache = (b, m, past, d)
    op = make("com.microsoft.GroupQueryAttention", (b, s, n * d), (b, s, m * d), (b, s, m * d), cache, cache, (b,), (),
              (64, d // 2), (64, d // 2), num_heads=n, kv_num_heads=m, do_rotary=1, results=3)
    assert [t.shape for t in op.outputs] == [(b, s, n * d), (b, m, past + 1, d), (b, m, past + 1, d)]
    products = b * n * s * (past + 1) * d * 2
    assert work(op).multiply_accumulates == products
    # rotation: two products summed for each element of query and key
    assert work(op).tasks["multiply_accumulate", "fp32"] == products + 2 * (n + m) * d


def test_parts_of_diffusion_models(make, work):
    x, w = (2, 8, 8, 32), (32,)
    plain = make("com.microsoft.GroupNorm", x, w, w, groups=4, activation=1)
    n = 2 * 64 * 32
    parts = work(make("GroupNormalization", (2, 32, 8, 8), w, w, num_groups=4)).tasks
    assert work(plain).tasks == parts + Tasks.of("fp32", silu=n)
    skip = make("com.microsoft.SkipGroupNorm", x, w, w, x, w, groups=4, activation=0)
    assert work(skip).tasks == parts + Tasks.of("fp32", add=2 * n)
    gated = make("com.microsoft.BiasSplitGelu", (2, 64, 32), w)
    assert gated.outputs[0].shape == (2, 64, 16)
    assert work(gated).tasks == Tasks.of("fp32", add=2 * 64 * 32, gelu=2 * 64 * 16, multiply=2 * 64 * 16)


def test_a_quantised_table_is_brought_back_row_by_row(make, work):
    table = Tensor("table", (1000, 256), "uint4", "parameter")
    op = make("com.microsoft.GatherBlockQuantized", table, IDS, Tensor("s", (1000, 2), "fp16"), block_size=128)
    y = 14 * 256
    assert (op.outputs[0].shape, op.outputs[0].format) == ((2, 7, 256), "fp16")
    assert [a.elements for a in work(op).reads] == [y, 14, 28]
    assert work(op).tasks == Tasks.of("fp16", convert=y, multiply=y) + Tasks.of("int32", add=y)


def test_channels_last_integers(make, work):
    x, w = Tensor("x", (1, 8, 8, 3), "uint8"), Tensor("w", (4, 3, 3, 3), "int8", "parameter")
    scale, zero = Tensor("s", (), "fp32", "constant"), Tensor("z", (), "uint8", "constant")
    op = make("com.microsoft.QLinearConv", x, scale, zero, w, scale, None, scale, zero, channels_last=1)
    assert op.outputs[0].shape == (1, 6, 6, 4)
    assert work(op).multiply_accumulates == 4 * 27 * 36
    pool = make("com.microsoft.NhwcMaxPool", x, kernel_shape=(2, 2), strides=(2, 2))
    assert pool.outputs[0].shape == (1, 4, 4, 3)
    assert work(pool).tasks == Tasks.of("uint8", compare=3 * 48)
