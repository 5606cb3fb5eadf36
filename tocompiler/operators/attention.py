"""Scaled dot-product attention (Vaswani et al. 2017) and its linear form, as one operator.

The scores are products of query and key; both are scaled by the root of the scale before, as ONNX defines the
operator and as exporters that take it apart write it. Masked scores are computed all the same. A causal or
floating-point mask is one addition for each score, a truth-valued one is first turned into that with a selection
for each of its elements. Queries, keys, values, masks and the result move; whether the scores do as well is for the
runtime to say, eager or fused, and ``inner_writes`` and ``inner_reads`` are what it needs for that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from alu_library.tasks import Count, Tasks
from tocompiler.operators import Access, Loops, Rule, Work, register
from tocompiler.operators.control_flow import nested_work
from tocompiler.operators.shapes import BOOLEAN, bad
from tocompiler.operators.softmax import softmax_gradient_tasks, softmax_tasks
from tocompiler.tensors import Dimension, Operator, Shape, Tensor

__all__ = ["SELECTION", "SINKS", "Heads", "attention_gradient", "attention_work"]

SINKS, SELECTION = 7, 8
"""Operands of Attention behind those that ONNX defines: a learned score for each head that takes part in the softmax
without a value (GPT-OSS), and the positions that alone are attended."""

_NO_MASK = (0, 1, 2, 4, 5)
"""Operands of the operator that are not added to the scores: query, key, value and what came before them."""


@dataclass(frozen=True, slots=True)
class Heads:
    """Sizes of one attention: query and key-value heads, query and key lengths, key and value widths."""

    batch: Dimension
    query_heads: Dimension
    key_heads: Dimension
    queries: Dimension
    keys: Dimension
    width: Dimension
    value_width: Dimension

    @property
    def rows(self) -> Dimension:
        """Rows of scores."""
        return self.batch * self.query_heads * self.queries

    @property
    def scores(self) -> Dimension:
        """All scores."""
        return self.rows * self.keys

    @property
    def query_elements(self) -> Dimension:
        """Elements of the query."""
        return self.batch * self.query_heads * self.queries * self.width

    @property
    def key_elements(self) -> Dimension:
        """Elements of the key."""
        return self.batch * self.key_heads * self.keys * self.width

    @property
    def scaled(self) -> Dimension:
        """Elements of query and key."""
        return self.query_elements + self.key_elements

    @property
    def loops(self) -> Loops:
        """Both products together: their inner lengths add up."""
        return Loops(n=self.batch * self.query_heads, p=self.queries, m=self.keys, c=self.width + self.value_width)


def attention_work(format: str, heads: Heads, scaled: bool = True, between: Sequence[str] = (),
                   mask: Tensor | None = None, softcap: bool = False) -> Work:
    """softmax(q k^T scale + masks) v; ``between`` are the tasks done to each score before the softmax, in order (an
    ``add`` for a mask), ``mask`` is the tensor given."""
    if softcap:  # cap tanh(scores / cap), Gemma 2
        between = (*_SOFTCAP, *between)
    products, inner = heads.loops.products, _inner_results(format, heads, scaled, between)
    tasks = Tasks.of(format, multiply_accumulate=products, multiply=heads.scaled if scaled else 0)
    for task in between:
        tasks = tasks + Tasks({(task, format): heads.scores})
    if mask is not None and mask.format == BOOLEAN:
        tasks = tasks + Tasks.of(format, select=mask.elements)
    tasks = tasks + softmax_tasks(format, heads.rows, heads.keys)
    return Work(tasks, products, heads.loops, inner_reads=inner, inner_writes=inner)


def _inner_results(format: str, heads: Heads, scaled: bool, between: Sequence[str]) -> tuple[Access, ...]:
    """What the steps hand on: scaled query and key, scores, scores after each task, probabilities."""
    scores = ("scores", *(f"scores.{task}" for task in between), "probabilities")
    scaling = (Access("query.scaled", heads.query_elements, format), Access("key.scaled", heads.key_elements, format))
    return (*(scaling if scaled else ()), *(Access(name, heads.scores, format) for name in scores))


_SOFTCAP = ("divide", "tanh", "multiply")
_BACKWARD: Mapping[str, Mapping[str, int]] = {
    "add": {}, "divide": {"divide": 1}, "multiply": {"multiply": 1}, "select": {"select": 1},
}
"""Tasks of the gradient of what is done to each score."""


def attention_gradient(format: str, heads: Heads, scaled: bool = True, between: Sequence[str] = (),
                       softcap: bool = False, needed: tuple[bool, bool, bool] = (True, True, True),
                       through: bool = True) -> Work:
    """Four products (by value, probabilities, query and key), each as large as its counterpart forward; the softmax's
    gradient; the scales. ``needed`` says for query, key and value whether its gradient is, ``through`` whether that of
    the scores is. Scores and probabilities are kept from the forward pass."""
    query, key, value = (int(flag) for flag in needed)
    products = heads.scores * (heads.value_width * (value + int(through)) + heads.width * (query + key))
    tasks = Tasks.of(format, multiply_accumulate=products)
    if scaled:
        tasks = tasks + Tasks.of(format, multiply=heads.query_elements * query + heads.key_elements * key)
    if through:
        tasks = tasks + softmax_gradient_tasks(format, heads.rows, heads.keys)
        for task in between:
            tasks = tasks + Tasks.of(format, **{name: n * heads.scores for name, n in _BACKWARD[task].items()})
    if softcap and through:
        tasks = tasks + Tasks.of(format, tanh_derivative=heads.scores, multiply=heads.scores)
        between = (*_SOFTCAP, *between)
    inner = _inner_results(format, heads, scaled, between)
    gradients = tuple(replace(access, tensor=f"{access.tensor}.gradient") for access in inner)
    return Work(tasks, products, heads.loops, inner_reads=inner + gradients, inner_writes=gradients)


@register("Attention")
class Attention(Rule):
    """ONNX's operator: q, k, v as (batch, heads, length, width), or (batch, length, heads width) with the numbers of
    heads as attributes; mask, past key and past value optional; returns also the present key and value.

    ``score_tasks`` is set where the operator was recognised in a graph that writes its steps out: the tasks that this
    graph does to each score, in order; the tensors they take besides the first mask are inputs 6 and on.
    """

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
        y: Shape = ((h.batch, h.query_heads, h.queries, h.value_width) if len(q.shape) == 4
                    else (h.batch, h.queries, h.query_heads * h.value_width))
        present: list[tuple[Shape, str]] = [((h.batch, h.key_heads, h.keys, h.width), op.given(1).format),
                                            ((h.batch, h.key_heads, h.keys, h.value_width), op.given(2).format)]
        scores = ((h.batch, h.query_heads, h.queries, h.keys), q.format)
        return [(y, q.format), *present, scores][:max(len(op.outputs), 1)]

    def between(self, op: Operator) -> tuple[str, ...]:
        """Tasks done to each score before the softmax."""
        if "score_tasks" in op.attributes:
            return tuple(op.attributes["score_tasks"])
        masks = (op.input(3) is not None) + bool(op.attributes.get("is_causal"))
        return ("add",) * masks

    def work(self, op: Operator) -> Work:
        heads, format = self.heads(op), op.given(0).format
        scaled, cached = op.attributes.get("scale") != 1.0, op.input(4) is not None
        work = attention_work(format, heads, scaled and not cached, self.between(op),
                              op.input(3) if "score_tasks" not in op.attributes else None,
                              bool(op.attributes.get("softcap")))
        extra, inner = Tasks(), work.inner_reads
        if cached and scaled:  # cached keys are not scaled at every step: the query is, by the whole scale
            extra = Tasks.of(format, multiply=heads.query_elements)
            inner = (Access("query.scaled", heads.query_elements, format), *inner)
        if self.operand(op, SINKS) is not None:
            extra = extra + Tasks.of(format, compare=heads.rows, add=2 * heads.rows, exp=heads.rows)
        if op.given(1).format != format:  # a quantised cache is converted as it is read
            held = heads.batch * heads.key_heads * heads.keys
            extra = extra + Tasks.of(format, convert=held * (heads.width + heads.value_width))
        return replace(work, tasks=work.tasks + extra, inner_reads=inner, inner_writes=inner)

    def operand(self, op: Operator, place: int) -> Tensor | None:
        """An operand that ONNX does not define; a recognised operator has other tensors there."""
        return None if "score_tasks" in op.attributes else op.input(place)

    def gradient(self, op: Operator, needed: Sequence[bool]) -> Work:
        heads, format = self.heads(op), op.given(0).format
        others = _NO_MASK if "score_tasks" in op.attributes else (*_NO_MASK, SINKS, SELECTION)
        masks = [t for i, t in enumerate(op.inputs) if t is not None and i not in others and needed[i]]
        through = needed[0] or needed[1] or bool(masks)
        work = attention_gradient(format, heads, op.attributes.get("scale") != 1.0, self.between(op),
                                  bool(op.attributes.get("softcap")), (needed[0], needed[1], needed[2]), through)
        sums: Count = sum(heads.scores - mask.elements for mask in masks)
        return replace(work, tasks=work.tasks + Tasks.of(format, add=sums))


@register("ai.onnx.preview.FlexAttention")
class FlexAttention(Attention):
    """Attention with networks that modify the scores and the probabilities."""

    def work(self, op: Operator) -> Work:
        work = super().work(op)
        for name in ("score_mod", "prob_mod"):
            if name in op.attributes:
                inner = nested_work(op.attributes[name])
                products = work.multiply_accumulates + inner.multiply_accumulates
                work = replace(work, tasks=work.tasks + inner.tasks, multiply_accumulates=products)
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

    def rotated(self, op: Operator) -> Dimension:
        """Elements that are rotated: the leading ``rotary_embedding_dim`` of each head, 0 for all."""
        x, part = op.given(0), int(op.attributes.get("rotary_embedding_dim", 0))
        if not part:
            return x.elements
        heads = op.attributes.get("num_heads", 0)
        width = x.shape[3] if len(x.shape) == 4 else x.shape[2] // heads
        return x.elements * part // width

    def work(self, op: Operator) -> Work:
        return Work(Tasks({("multiply_accumulate", op.given(0).format): 2 * self.rotated(op)}))

    def gradient(self, op: Operator, needed: Sequence[bool]) -> Work:
        return self.work(op)
