"""Block-scaled products: operands quantised as they come, products in few bits, one scale for a group of them.

Quantising finds each group's largest magnitude (a comparison an element; a sign costs nothing), divides once for
its scale and multiplies and converts each element. A result is summed group by group; each group's sum is multiplied by
the product of both scales: in the tensor core, in bf16, for groups of up to 32 (NVFP4, MXFP4), else in fp32 beside it
(DeepSeek-V3, arXiv 2412.19437, section 3.3.2).
"""

from __future__ import annotations

from alu_library.formats import parse
from alu_library.tasks import Count, Tasks
from tocompiler.operators import Loops, Rule, Work, register
from tocompiler.operators.matmul import matrix_product
from tocompiler.operators.quantised import dequantised
from tocompiler.tensors import Operator, Shape

__all__ = ["product_tasks"]

_IN_CORE = 32
"""Groups of at most so many products are scaled inside the tensor core."""
_WIDE = 16
"""Formats of at least so many bits need no scales."""


@register("ScaledQuantize")
class ScaledQuantize(Rule):
    """x (..., features) to ``format``, ``group`` elements of a row for each scale (0: the whole row), in fp32 or
    ``scale_format``; results: the elements and the scales."""

    def groups(self, op: Operator) -> Count:
        features = op.given(0).shape[-1]
        size = op.attributes.get("group") or features
        return op.given(0).elements // features * -(-features // size)

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        scale = op.attributes.get("scale_format", "fp32")
        return [(op.given(0).shape, op.attributes["format"]), ((self.groups(op),), scale)]

    def work(self, op: Operator) -> Work:
        if op.outputs[0].format == op.given(0).format:  # a format that was stated undoes the scheme
            return Work(reads=(), writes=())
        n, groups = op.given(0).elements, self.groups(op)
        return Work(Tasks.of(op.given(0).format, compare=n - groups, divide=groups, multiply=n, convert=n))


def product_tasks(x: str, w: str, loops: Loops, weights: Count, group: int) -> Tasks:
    """Tasks of products of operands in formats ``x`` and ``w``: scaled by groups where both are the same narrow
    format, else each of the ``weights`` brought back to the format of x first."""
    if x == w and parse(x).bits >= _WIDE:
        return Tasks({("multiply_accumulate", x): loops.products})
    if x != w:
        return Tasks({("multiply_accumulate", x): loops.products}) + dequantised(weights, x, False)
    results = loops.n * loops.g * loops.p * loops.m
    groups = -(-loops.c // group) if group else 1
    scaled = "bf16" if group and group <= _IN_CORE else "fp32"
    return Tasks({("multiply_accumulate", x): loops.products, ("multiply", scaled): 2 * groups * results})


@register("ScaledMatMul")
class ScaledMatMul(Rule):
    """x (..., K) times w (K, N); scales of x and of w (operands 2 and 3, only the latter for weights that are brought
    back); ``group`` products share a scale (0: all); the result is in ``format``."""

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        return [(matrix_product(op, op.given(0).shape, op.given(1).shape)[0], op.attributes["format"])]

    def work(self, op: Operator) -> Work:
        x, w = op.given(0), op.given(1)
        loops = matrix_product(op, x.shape, w.shape)[1]
        tasks = product_tasks(x.format, w.format, loops, w.elements, op.attributes.get("group", 0))
        return Work(tasks, loops.products, loops)
