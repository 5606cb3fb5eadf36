"""Attention that an exporter took apart is one operator again: same products and tasks, and the bytes of its steps."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from alu_library.tasks import Tasks
from tocompiler.compiler import compile
from tocompiler.loading import load
from tocompiler.lowering import AluProgram
from tocompiler.network import Network
from tocompiler.passes.recognise_attention import RecogniseAttention
from tocompiler.tensors import Tensor

DATA = Path(__file__).parent.parent / "data"
B, H, Q, K, D = 2, 3, 5, 7, 8
Steps = Callable[[Network, Tensor], Tensor]


def apart(steps: Steps, *, scaled: bool = True, perm: tuple[int, ...] | None = None, watched: bool = False) -> Network:
    """MatMul, steps on the scores, Softmax, MatMul over projected operands; ``perm`` transposes the key from there."""
    net = Network("apart")
    q, v = (net.linear(net.input((B, H, n, D)), D) for n in (Q, K))
    key = net.linear(net.input((B, H, K, D) if perm is None else (B, K, H, D)), D)
    key = net.transpose(key, -2, -1) if perm is None else net.permute(key, perm)
    if scaled:
        q, key = net.mul(q, D ** -0.25), net.mul(key, D ** -0.25)
    probabilities = net.softmax(steps(net, net.matmul(q, key)))
    net.output(net.matmul(probabilities, v), *([probabilities] if watched else []))
    return net


def masked(net: Network, scores: Tensor) -> Tensor:
    return net.add(scores, net.input((Q, K)))


def divided_and_masked(net: Network, scores: Tensor) -> Tensor:
    return masked(net, net.div(scores, 8.0))


def chosen(net: Network, scores: Tensor) -> Tensor:
    return net.emit("Where", [net.input((Q, K), "bool"), scores, net.constant(-1e9, "fp32")])[0]


def masked_twice(net: Network, scores: Tensor) -> Tensor:
    biased = net.add(scores, net.stored((1, H, Q, K), name="bias"))
    folded = net.reshape(biased, (1, B, H, Q, K))
    return net.reshape(net.add(folded, net.input((1, B, 1, Q, K))), (B, H, Q, K))


CASES = {
    "bare": (lambda net, s: s, {"scaled": False}), "scaled": (lambda net, s: s, {}), "masked": (masked, {}),
    "divided": (divided_and_masked, {"scaled": False}), "chosen": (chosen, {}), "twice": (masked_twice, {}),
    "heads last": (masked, {"perm": (0, 2, 3, 1)}),
}


@pytest.mark.parametrize("phase", ["inference", "training"])
@pytest.mark.parametrize("case", CASES)
def test_together_and_apart_count_the_same(case: str, phase: str) -> None:
    steps, options = CASES[case]
    net = apart(steps, **options)  # type: ignore[arg-type]
    whole, parts = (compile(net, phase=phase, options=o).alu for o in ((), ("decomposed_attention",)))
    assert [row.operator for row in whole.rows].count("Attention") == (2 if phase == "training" else 1)
    assert "Softmax" not in {row.operator for row in whole.rows}
    assert whole.tasks == parts.tasks
    assert whole.multiply_accumulates == parts.multiply_accumulates
    assert whole.parameters == parts.parameters


def moved_bit(program: AluProgram, *without: str) -> int:
    return sum(row.traffic_bit + row.inner_bit for row in program.rows if row.operator not in without)


@pytest.mark.parametrize("case", CASES)
def test_what_moves_between_the_steps_is_kept_beside_the_traffic(case: str) -> None:
    steps, options = CASES[case]
    net = apart(steps, **options)  # type: ignore[arg-type]
    whole, parts = (compile(net, options=o).alu for o in ((), ("decomposed_attention",)))
    # Exported steps transpose the key, and read the constants that they scale, divide or mask with: one word each.
    words = {"bare": 0, "scaled": 2, "masked": 2, "divided": 1, "chosen": 3, "twice": 2, "heads last": 2}[case]
    assert moved_bit(whole, "Transpose") == moved_bit(parts, "Transpose") - 32 * words
    assert sum(row.inner_bit for row in parts.rows) == 0


def test_an_eager_runtime_has_what_it_needs() -> None:
    row = next(r for r in compile(apart(masked)).alu.rows if r.operator == "Attention")
    scores = B * H * Q * K
    assert [(a.tensor, a.elements) for a in row.inner_writes] == [
        ("query.scaled", B * H * Q * D), ("key.scaled", B * H * K * D), ("scores", scores), ("scores.add", scores),
        ("probabilities", scores)]
    assert row.inner_reads == row.inner_writes
    # queries, keys, values, a mask and the result: nothing that is as large as the scores of all heads
    assert row.traffic_bit == 32 * (2 * B * H * Q * D + 2 * B * H * K * D + Q * K)


def test_the_builder_and_the_exported_steps_are_one_network() -> None:
    built = Network("apart")
    q, v, k = (built.linear(built.input((B, H, n, D)), D) for n in (Q, K, K))
    built.output(built.scaled_dot_product_attention(q, k, v))
    found = RecogniseAttention().run(apart(lambda net, s: s))
    assert [(op.operator, dict(op.attributes)) for op in found.operators] == [
        (op.operator, dict(op.attributes)) for op in built.operators]


def square(net: Network, scores: Tensor) -> Tensor:
    return net.mul(scores, scores)


def learnt(net: Network, scores: Tensor) -> Tensor:
    return net.mul(scores, net.stored((1,), name="temperature"))


def widened(net: Network, scores: Tensor) -> Tensor:
    return net.add(scores, net.input((2, 1, 1, 1, 1)))


@pytest.mark.parametrize("steps", [square, learnt, widened])
def test_other_steps_on_the_scores_stay_apart(steps: Steps) -> None:
    net = Network("other")
    q, k, v = net.input((1, H, Q, D)), net.input((1, H, D, K)), net.input((1, H, K, D))
    net.output(net.matmul(net.softmax(steps(net, net.matmul(q, net.transpose(net.transpose(k, -2, -1), -2, -1)))), v))
    assert RecogniseAttention().run(net) is net


def test_probabilities_that_someone_else_reads_keep_the_steps() -> None:
    net = apart(masked, watched=True)
    assert RecogniseAttention().run(net) is net


# Products and softmax as both exporters write them; the number of attentions is the published networks' depth.
EXPORTS = {"bert_base.script": 12, "bert_base.dynamo": 12, "vit_b_16.script": 12, "vit_b_16.dynamo": 12,
           "llama_tiny.dynamo": 2, "opt_125m.dynamo": 12, "whisper_encoder.dynamo": 4, "levit_128s.dynamo": 11,
           "segformer.dynamo": 8, "swin_t.dynamo": 12, "gpt2.dynamo": 12}


@pytest.mark.parametrize("name", EXPORTS)
def test_exported_attention_is_found_and_counts_as_exported(name: str) -> None:
    net = load(DATA / f"{name}.onnx")
    whole, parts = (compile(net, options=o).alu for o in ((), ("decomposed_attention",)))
    assert [row.operator for row in whole.rows].count("Attention") == EXPORTS[name]
    assert whole.tasks == parts.tasks != Tasks()
    assert whole.multiply_accumulates == parts.multiply_accumulates


def test_scaling_by_one_is_no_scaling() -> None:
    # T5 does not scale its scores; its exporter multiplies query and key by 1: 6 layers, 128 x 8 x 64 elements each.
    net = load(DATA / "t5_encoder.script.onnx")
    whole, parts = (compile(net, options=o).alu for o in ((), ("decomposed_attention",)))
    assert [row.operator for row in whole.rows].count("Attention") == 6
    assert parts.tasks == whole.tasks + Tasks.of("fp32", multiply=6 * 2 * 128 * 8 * 64)
