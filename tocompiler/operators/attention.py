"""Scaled dot-product attention (Vaswani et al. 2017) and its linear form, as one operator.

The scores are products of query and key; both are scaled by the root of the scale before, as ONNX defines the
operator and as exporters that take it apart write it. Masked scores are computed all the same. A causal or
floating-point mask is one addition for each score, a truth-valued one is first turned into that with a selection
for each of its elements.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from alu_library.tasks import Count, Tasks
from tocompiler.operators import Loops, Rule, Work, register
from tocompiler.operators.control_flow import nested_work
from tocompiler.operators.shapes import BOOLEAN, bad
from tocompiler.operators.softmax import softmax_gradient_tasks, softmax_tasks
from tocompiler.tensors import Operator, Shape, Tensor

__all__ = ["Heads", "attention_gradient", "attention_work"]


@dataclass(frozen=True, slots=True)
class Heads:
    """Sizes of one attention: query and key-value heads, query and key lengths, key and value widths."""

    batch: Count
    query_heads: Count
    key_heads: Count
    queries: Count
    keys: Count
    width: Count
    value_width: Count

    @property
    def rows(self) -> Count:
        """Rows of scores."""
        return self.batch * self.query_heads * self.queries

    @property
    def scores(self) -> Count:
        """All scores."""
        return self.rows * self.keys

    @property
    def scaled(self) -> Count:
        """Elements of query and key."""
        return self.batch * (self.query_heads * self.queries + self.key_heads * self.keys) * self.width

    @property
    def loops(self) -> Loops:
        """Both products together: their inner lengths add up."""
        return Loops(n=self.batch * self.query_heads, p=self.queries, m=self.keys, c=self.width + self.value_width)


def attention_work(format: str, heads: Heads, scaled: bool = True, masks: int = 0, mask: Tensor | None = None,
                   softcap: bool = False) -> Work:
    """softmax(q k^T scale + masks) v; ``masks`` counts additions for each score, ``mask`` is the tensor given."""
    products = heads.loops.products
    tasks = Tasks.of(format, multiply_accumulate=products, multiply=heads.scaled if scaled else 0,
                     add=masks * heads.scores) + softmax_tasks(format, heads.rows, heads.keys)
    if mask is not None and mask.format == BOOLEAN:
        tasks = tasks + Tasks.of(format, select=mask.elements)
    if softcap:  # cap tanh(scores / cap), Gemma 2
        tasks = tasks + Tasks.of(format, divide=heads.scores, tanh=heads.scores, multiply=heads.scores)
    return Work(tasks, products, heads.loops)


def attention_gradient(format: str, heads: Heads, scaled: bool = True, softcap: bool = False) -> Work:
    """Four products (by value, probabilities, query and key), each as large as its counterpart forward; the softmax's
    gradient; the scales. Scores and probabilities are kept from the forward pass."""
    products = 2 * heads.loops.products
    tasks = Tasks.of(format, multiply_accumulate=products, multiply=heads.scaled if scaled else 0)
    tasks = tasks + softmax_gradient_tasks(format, heads.rows, heads.keys)
    if softcap:
        tasks = tasks + Tasks.of(format, tanh_derivative=heads.scores, multiply=heads.scores)
    return Work(tasks, products, heads.loops)


@register("Attention")
class Attention(Rule):
    """ONNX's operator: q, k, v as (batch, heads, length, width), or (batch, length, heads width) with the numbers of
    heads as attributes; mask, past key and past value optional; returns also the present key and value."""

    def heads(self, op: Operator) -> Heads:
        """The operands' sizes, the past included."""
        q, k, v = (op.given(i).shape for i in range(3))
        past = op.input(4)
        before = 0 if past is None else past.shape[2]
        if len(q) == 4:
            return Heads(q[0], q[1], k[1], q[2], k[2] + before, q[3], v[3])
        if len(q) != 3 or "q_num_heads" not in op.attributes:
            raise bad(op, f"query of shape {q}; give (batch, heads, length, width), or three axes and q_num_heads")
        n, m = op.attributes["q_num_heads"], op.attributes.get("kv_num_heads") or op.attributes["q_num_heads"]
        return Heads(q[0], n, m, q[1], k[1] + before, q[2] // n, v[2] // m)

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        h, q = self.heads(op), op.given(0)
        y = ((h.batch, h.query_heads, h.queries, h.value_width) if len(q.shape) == 4
             else (h.batch, h.queries, h.query_heads * h.value_width))
        present = [((h.batch, h.key_heads, h.keys, h.width), op.given(1).format),
                   ((h.batch, h.key_heads, h.keys, h.value_width), op.given(2).format)]
        scores = ((h.batch, h.query_heads, h.queries, h.keys), q.format)
        return [(y, q.format), *present, scores][:max(len(op.outputs), 1)]

    def work(self, op: Operator) -> Work:
        attributes, mask = op.attributes, op.input(3)
        masks = (mask is not None) + bool(attributes.get("is_causal"))
        return attention_work(op.given(0).format, self.heads(op), attributes.get("scale") != 1.0, masks, mask,
                              bool(attributes.get("softcap")))

    def gradient(self, op: Operator, needed: Sequence[bool]) -> Work:
        return attention_gradient(op.given(0).format, self.heads(op), op.attributes.get("scale") != 1.0,
                                  bool(op.attributes.get("softcap")))


@register("ai.onnx.preview.FlexAttention")
class FlexAttention(Attention):
    """Attention with networks that modify the scores and the probabilities."""

    def work(self, op: Operator) -> Work:
        work = super().work(op)
        for name in ("score_mod", "prob_mod"):
            if name in op.attributes:
                inner = nested_work(op.attributes[name])
                products = work.multiply_accumulates + inner.multiply_accumulates
                work = Work(work.tasks + inner.tasks, products, work.loops)
        return work


@register("LinearAttention")
class LinearAttention(Rule):
    """A state of key width x value width for each key head, updated and read once for each token
    (Katharopoulos et al. 2020; gated: Yang et al. 2024; delta: Schlag et al. 2021), token by token.

    The update and each query's reading are width x value-width multiply-accumulates; the delta rules read the state
    once more for what it predicts; gates are an exponential for each decay and a product for each element of the state.
    """

    def heads(self, op: Operator) -> Heads:
        q, k, v = (op.given(i).shape for i in range(3))
        n, m = op.attributes["q_num_heads"], op.attributes["kv_num_heads"]
        return Heads(q[0], n, m, q[1], k[1], q[2] // n, v[2] // m)

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        h, past = self.heads(op), op.input(3)
        state = (h.batch, h.key_heads, h.width, h.value_width)
        return [((h.batch, h.queries, h.query_heads * h.value_width), op.given(0).format),
                (state, op.given(0).format if past is None else past.format)]

    def work(self, op: Operator) -> Work:
        h, format = self.heads(op), op.given(0).format
        rule = op.attributes.get("update_rule", "gated_delta")
        tokens = h.batch * h.queries
        state = tokens * h.key_heads * h.width * h.value_width
        values = tokens * h.key_heads * h.value_width
        products = state + tokens * h.query_heads * h.width * h.value_width
        tasks = Tasks.of(format, multiply=tokens * h.query_heads * h.value_width)
        if rule.startswith("gated"):
            decay = op.input(4)
            tasks = tasks + Tasks.of(format, multiply=state, exp=values if decay is None else decay.elements)
        if rule.endswith("delta"):
            products = products + state
            tasks = tasks + Tasks.of(format, add=values, multiply=values)
        return Work(tasks + Tasks.of(format, multiply_accumulate=products), products)


@register("RotaryEmbedding")
class RotaryEmbedding(Rule):
    """Pairs of elements turned by an angle whose sine and cosine are given: two products summed for each element that
    is rotated (Su et al. 2021). The gradient turns back."""

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        return [(op.given(0).shape, op.given(0).format)]

    def rotated(self, op: Operator) -> Count:
        """Elements that are rotated: the leading ``rotary_embedding_dim`` of each head, 0 for all."""
        x, part = op.given(0), op.attributes.get("rotary_embedding_dim", 0)
        if not part:
            return x.elements
        heads = op.attributes.get("num_heads", 0)
        width = x.shape[3] if len(x.shape) == 4 else x.shape[2] // heads
        return x.elements * part // width

    def work(self, op: Operator) -> Work:
        return Work(Tasks({("multiply_accumulate", op.given(0).format): 2 * self.rotated(op)}))

    def gradient(self, op: Operator, needed: Sequence[bool]) -> Work:
        return self.work(op)
