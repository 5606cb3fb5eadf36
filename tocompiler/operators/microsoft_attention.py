"""Attention operators of ONNX Runtime (domain com.microsoft), which carry projections, rotations and caches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from alu_library.tasks import Count, Tasks
from tocompiler.operators import Rule, Work, register
from tocompiler.operators.attention import Heads, attention_gradient, attention_work
from tocompiler.operators.attention import RotaryEmbedding as Rotary
from tocompiler.operators.quantised import centred, dequantised
from tocompiler.operators.shapes import bad, integers
from tocompiler.tensors import Operator, Shape

__all__ = ["GroupQueryAttention", "MultiHeadAttention", "PackedAttention"]


def _masks(op: Operator, *positions: int) -> int:
    """How many of these operands are given: each is added to the scores."""
    return sum(1 for i in positions if op.input(i) is not None)


@register("com.microsoft.Attention")
class PackedAttention(Rule):
    """x (batch, length, features) times w (features, query + key + value widths), then attention.

    The past is one tensor (2, batch, heads, length, width), and so is the present.
    """

    past_at = 4

    def widths(self, op: Operator) -> tuple[Count, Count, Count]:
        """Widths of query, key and value over all heads."""
        stated = op.attributes.get("qkv_hidden_sizes")
        third = op.given(1).shape[1] // 3
        return (stated[0], stated[1], stated[2]) if stated else (third, third, third)

    def heads(self, op: Operator) -> Heads:
        x, n = op.given(0).shape, op.attributes["num_heads"]
        q, _, v = self.widths(op)
        past = op.input(self.past_at)
        before = 0 if past is None else past.shape[3]
        return Heads(x[0], n, n, x[1], x[1] + before, q // n, v // n)

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        h, format = self.heads(op), self.real(op)
        y = ((h.batch, h.queries, h.query_heads * h.value_width), format)
        present = ((2, h.batch, h.query_heads, h.keys, h.width), format)
        return [y, present][:max(len(op.outputs), 1)]

    def real(self, op: Operator) -> str:
        """The format in which attention is computed."""
        return op.given(0).format

    def projections(self, op: Operator) -> Count:
        """Products of x with the packed weight."""
        return op.given(0).elements * sum(self.widths(op))

    def work(self, op: Operator) -> Work:
        masks = _masks(op, self.past_at - 1, 5) + bool(op.attributes.get("unidirectional"))
        inner, products = attention_work(self.real(op), self.heads(op), True, ("add",) * masks), self.projections(op)
        tasks = Tasks({("multiply_accumulate", op.given(0).format): products})
        return replace(inner, tasks=inner.tasks + tasks, loops=None,
                       multiply_accumulates=inner.multiply_accumulates + products)

    def gradient(self, op: Operator, needed: Sequence[bool]) -> Work:
        inner = attention_gradient(self.real(op), self.heads(op))
        products, format = self.projections(op) * (int(needed[0]) + int(needed[1])), op.given(0).format
        bias = op.input(2)
        sums = 0
        if bias is not None and len(needed) > 2 and needed[2]:
            sums = op.given(0).shape[0] * op.given(0).shape[1] * bias.elements - bias.elements
        tasks = Tasks({("multiply_accumulate", format): products, ("add", format): sums})
        return replace(inner, tasks=inner.tasks + tasks, loops=None,
                       multiply_accumulates=inner.multiply_accumulates + products)


@register("com.microsoft.QAttention")
class QuantisedAttention(PackedAttention):
    """The projections in integers, brought back to real numbers (operand 3 scales x); attention in the format of that
    scale. The mask is operand 5, the past operand 8."""

    past_at = 8

    def real(self, op: Operator) -> str:
        return op.given(3).format

    def work(self, op: Operator) -> Work:
        x, w, products = op.given(0), op.given(1), self.projections(op)
        masks = _masks(op, 5) + bool(op.attributes.get("unidirectional"))
        inner = attention_work(self.real(op), self.heads(op), True, ("add",) * masks)
        projected = x.shape[0] * x.shape[1] * sum(self.widths(op))
        tasks = Tasks({("multiply_accumulate", x.format): products}) + centred(x, op.input(6)) + centred(w, op.input(7))
        return replace(inner, tasks=inner.tasks + tasks + dequantised(projected, self.real(op), False), loops=None,
                       multiply_accumulates=inner.multiply_accumulates + products)

    def gradient(self, op: Operator, needed: Sequence[bool]) -> Work:
        return Rule.gradient(self, op, needed)


@register("com.microsoft.MultiHeadAttention")
class MultiHeadAttention(Rule):
    """q, k, v after their projections, (batch, length, heads width) each; key and value may come as (batch, heads,
    length, width) from a cache, or packed: with the query (batch, length, heads, 3, width), or by themselves."""

    def heads(self, op: Operator) -> Heads:
        q, n = op.given(0).shape, op.attributes["num_heads"]
        past = op.input(6)
        before = 0 if past is None else past.shape[2]
        if len(q) == 5:
            return Heads(q[0], n, n, q[1], q[1] + before, q[4], q[4])
        width, key = q[2] // n, op.given(1).shape
        if len(key) == 5:
            return Heads(q[0], n, n, q[1], key[1] + before, width, key[4])
        value = op.given(2).shape
        if len(key) == 4:
            return Heads(q[0], n, n, q[1], key[2] + before, width, value[3])
        return Heads(q[0], n, n, q[1], key[1] + before, width, value[2] // n)

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        h, format = self.heads(op), op.given(0).format
        present = [((h.batch, h.key_heads, h.keys, w), format) for w in (h.width, h.value_width)]
        return [((h.batch, h.queries, h.query_heads * h.value_width), format), *present][:max(len(op.outputs), 1)]

    def work(self, op: Operator) -> Work:
        h, format = self.heads(op), op.given(0).format
        masks = _masks(op, 4, 5) + bool(op.attributes.get("unidirectional"))
        work = attention_work(format, h, True, ("add",) * masks)
        biased = sum(t.elements for t in op.inputs[:3] if t is not None) if op.input(3) is not None else 0
        return replace(work, tasks=work.tasks + Tasks({("add", format): biased}))

    def gradient(self, op: Operator, needed: Sequence[bool]) -> Work:
        work, bias = attention_gradient(op.given(0).format, self.heads(op)), op.input(3)
        if bias is None or len(needed) < 4 or not needed[3]:
            return work
        sums = sum(t.elements for t in op.inputs[:3] if t is not None) - bias.elements
        return replace(work, tasks=work.tasks + Tasks({("add", op.given(0).format): sums}))


@register("com.microsoft.GroupQueryAttention")
class GroupQueryAttention(Rule):
    """Causal attention with fewer key heads than query heads and a cache (Ainslie et al. 2023), optionally rotating
    query and key. Without a key operand the query is packed with key and value.

    The cache's length counts unless ``total_sequence_length`` (operand 6) is a constant.
    """

    def heads(self, op: Operator) -> Heads:
        q = op.given(0).shape
        n, m = op.attributes["num_heads"], op.attributes["kv_num_heads"]
        if len(q) != 3:
            raise bad(op, f"query of shape {q}; it needs (batch, length, heads width)")
        width = q[2] // (n + 2 * m) if op.input(1) is None else q[2] // n
        past, total = op.input(3), integers(op.input(6))
        keys = total[0] if total else q[1] + (0 if past is None else past.shape[2])
        return Heads(q[0], n, m, q[1], keys, width, width)

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        h, format = self.heads(op), op.given(0).format
        present = ((h.batch, h.key_heads, h.keys, h.width), format)
        return [((h.batch, h.queries, h.query_heads * h.width), format), present, present][:max(len(op.outputs), 1)]

    def rotated(self, op: Operator, h: Heads) -> Count:
        """Elements of query and key that are rotated."""
        if not op.attributes.get("do_rotary"):
            return 0
        cosines = op.input(7)
        width = h.width if cosines is None else 2 * cosines.shape[1]
        return h.batch * h.queries * (h.query_heads + h.key_heads) * width

    def work(self, op: Operator) -> Work:
        h, format = self.heads(op), op.given(0).format
        work = attention_work(format, h, True, ("add",) * (1 + _masks(op, 10)), None,
                              bool(op.attributes.get("softcap")))
        tasks = Tasks({("multiply_accumulate", format): 2 * self.rotated(op, h)})
        return replace(work, tasks=work.tasks + tasks)

    def gradient(self, op: Operator, needed: Sequence[bool]) -> Work:
        h, format = self.heads(op), op.given(0).format
        work = attention_gradient(format, h, True, softcap=bool(op.attributes.get("softcap")))
        tasks = Tasks({("multiply_accumulate", format): 2 * self.rotated(op, h)})
        return replace(work, tasks=work.tasks + tasks)


@register("com.microsoft.RotaryEmbedding")
class RotaryEmbedding(Rotary):
    """As ONNX's; the positions are operand 1, the tables of cosines and sines operands 2 and 3."""
