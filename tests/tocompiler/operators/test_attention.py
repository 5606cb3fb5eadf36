"""Attention as one operator: the same counts as the products and the softmax it is made of."""

from __future__ import annotations

import pytest

from alu_library.tasks import Tasks
from tocompiler.network import Network
from tocompiler.operators import rule
from tocompiler.tensors import Tensor

B, H, Q, K, D, V = 2, 3, 4, 5, 8, 6


def test_products(make, work, gradient):
    op = make("Attention", (B, H, Q, D), (B, H, K, D), (B, H, K, V))
    scores = B * H * Q * K
    done = work(op)
    assert op.outputs[0].shape == (B, H, Q, V)
    assert done.multiply_accumulates == scores * D + scores * V == done.loops.products
    assert done.tasks == Tasks.of(
        "fp32", multiply_accumulate=scores * (D + V),
        multiply=B * H * (Q + K) * D,  # the root of the scale, on query and key
        compare=scores - B * H * Q, add=2 * scores - B * H * Q, exp=scores, divide=scores)
    assert gradient(op).multiply_accumulates == 2 * done.multiply_accumulates


def test_masks_and_options(make, work):
    plain = work(make("Attention", (B, H, Q, D), (B, H, K, D), (B, H, K, V))).tasks
    scores = B * H * Q * K

    def extra(*operands: object, **attributes: object) -> Tasks:
        op = make("Attention", (B, H, Q, D), (B, H, K, D), (B, H, K, V), *operands, **attributes)
        return work(op).tasks

    assert extra((Q, K)) == plain + Tasks.of("fp32", add=scores)
    assert extra(Tensor("m", (Q, K), "bool")) == plain + Tasks.of("fp32", add=scores, select=Q * K)
    assert extra(is_causal=1) == plain + Tasks.of("fp32", add=scores)
    assert extra(softcap=30.0) == plain + Tasks.of("fp32", divide=scores, tanh=scores, multiply=scores)


def test_the_builder_s_attention_is_the_fused_operator(make, work):
    """MatMul, Softmax, MatMul with scales and a causal mask, against Attention with is_causal."""
    net = Network("n")
    q, k, v = (net.input((B, H, n, D)) for n in (Q, K, K))
    net.output(net.scaled_dot_product_attention(q, k, v, is_causal=True))
    apart = sum((rule(op.operator).work(op).tasks for op in net.operators), Tasks())
    assert apart == work(make("Attention", (B, H, Q, D), (B, H, K, D), (B, H, K, D), is_causal=1)).tasks


def test_three_axes_and_a_cache(make, work):
    op = make("Attention", (B, Q, 4 * D), (B, K, 2 * D), (B, K, 2 * D), None, (B, 2, 7, D), (B, 2, 7, D),
              q_num_heads=4, kv_num_heads=2, results=3)
    assert [t.shape for t in op.outputs] == [(B, Q, 4 * D), (B, 2, 12, D), (B, 2, 12, D)]
    assert work(op).multiply_accumulates == 2 * B * 4 * Q * 12 * D


def test_shapes_agree_with_onnx(agrees):
    agrees("Attention", (B, H, Q, D), (B, H, K, D), (B, H, K, V))
    agrees("Attention", (B, Q, 4 * D), (B, K, 2 * D), (B, K, 2 * V), q_num_heads=4, kv_num_heads=2)
    agrees("RotaryEmbedding", (B, H, Q, D), (50, D // 2), (50, D // 2), Tensor("p", (B, Q), "int64"))


def test_rotation_is_two_products_for_each_element(make, work):
    assert work(make("RotaryEmbedding", (B, H, Q, D), (Q, 4), (Q, 4))).tasks == Tasks.of(
        "fp32", multiply_accumulate=2 * B * H * Q * D)
    half = make("RotaryEmbedding", (B, H, Q, D), (Q, 2), (Q, 2), rotary_embedding_dim=D // 2)
    assert work(half).tasks == Tasks.of("fp32", multiply_accumulate=B * H * Q * D)


@pytest.mark.parametrize(("update", "products", "tasks"), [
    ("linear", 2, {}), ("gated", 2, {"multiply": D * V, "exp": D}), ("delta", 3, {"add": V, "multiply": V}),
    ("gated_delta", 3, {"multiply": D * V + V, "exp": D, "add": V}),
])
def test_linear_attention_updates_and_reads_a_state(make, work, update, products, tasks):
    """One token, one head: the update, the reading, and the delta rule's prediction are D V products each."""
    operands = [(1, 1, D), (1, 1, D), (1, 1, V), None, (1, 1, D), (1, 1, 1)]
    op = make("LinearAttention", *operands, q_num_heads=1, kv_num_heads=1, update_rule=update, results=2)
    done = work(op)
    assert done.multiply_accumulates == products * D * V
    scale = Tasks.of("fp32", multiply=V)
    assert done.tasks == Tasks.of("fp32", multiply_accumulate=products * D * V, **tasks) + scale


def test_recurrent_layers(make, work, gradient):
    length, batch, features, hidden = 5, 2, 3, 4
    steps = length * batch * hidden
    shapes = {n: [(length, batch, features), (1, n * hidden, features), (1, n * hidden, hidden), (1, 2 * n * hidden)]
              for n in (1, 3, 4)}
    lstm = make("LSTM", *shapes[4], hidden_size=hidden, results=3)
    products = 4 * steps * (features + hidden)
    assert work(lstm).multiply_accumulates == products
    assert work(lstm).tasks == Tasks.of("fp32", multiply_accumulate=products + 2 * steps, multiply=steps,
                                        sigmoid=3 * steps, tanh=2 * steps)
    gru = make("GRU", *shapes[3], hidden_size=hidden, results=2)
    assert work(gru).tasks == Tasks.of("fp32", multiply_accumulate=3 * steps * 7 + 2 * steps, multiply=steps,
                                       add=steps, sigmoid=2 * steps, tanh=steps)
    rnn = make("RNN", *shapes[1], hidden_size=hidden, activations=("Relu",), results=2)
    assert work(rnn).tasks == Tasks.of("fp32", multiply_accumulate=steps * 7, compare=steps)
    # by x, by w, by the states and by r: each as many products as its part of the forward
    # pass, less the first step's gradient of an initial state that needs none
    first = 4 * batch * hidden * hidden
    assert gradient(lstm, True, True, True, True).multiply_accumulates == 2 * products - first
    assert gradient(lstm, False, True, True, True).multiply_accumulates == 2 * products - first - 4 * steps * features


def test_shapes_of_recurrent_layers_agree_with_onnx(agrees):
    for name, gates, results in (("RNN", 1, 2), ("GRU", 3, 2), ("LSTM", 4, 3)):
        agrees(name, (5, 2, 3), (2, gates * 4, 3), (2, gates * 4, 4), hidden_size=4, direction="bidirectional",
               results=results)
