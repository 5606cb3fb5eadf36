"""Operators of object detection. What depends on the data is counted at its upper bound, and says so."""

from __future__ import annotations

from collections.abc import Sequence

from alu_library.tasks import Tasks
from tocompiler.operators import Rule, Work, register
from tocompiler.operators.elementwise import nothing
from tocompiler.operators.reduction import selection_compares
from tocompiler.operators.shapes import integers, is_known
from tocompiler.tensors import Dimension, Operator, Shape

__all__ = ["NonMaxSuppression"]


@register("NonMaxSuppression")
class NonMaxSuppression(Rule):
    """Greedy suppression for each sample and class: boxes (batch, n, 4), scores (batch, classes, n).

    Each score is compared with the threshold and the boxes are ordered. Upper bound: each of the k boxes that may be
    kept is compared with all n. An overlap is 4 comparisons (the corners), 2 subtractions and 2 comparisons with zero,
    a product, 2 additions for the union, a division and a comparison; areas are worked out once for each box.
    """

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        return [((self.kept(op) * op.given(1).shape[0] * op.given(1).shape[1], 3), "int64")]

    def kept(self, op: Operator) -> Dimension:
        """How many boxes of a class may be kept: the bound, 0 where none is given (as the operator defines it)."""
        stated, n = integers(op.input(2)), op.given(0).shape[1]
        if op.input(2) is None:
            return 0
        if stated is None or not is_known(stated[0]) or not is_known(n):
            return n
        return min(stated[0], n)

    def work(self, op: Operator) -> Work:
        boxes, scores, format = op.given(0), op.given(1), op.given(0).format
        n, rows = boxes.shape[1], scores.shape[0] * scores.shape[1]
        ordered = Tasks({("compare", scores.format): rows * (n + selection_compares(n, n))})
        areas = Tasks.of(format, add=2, multiply=1) * (boxes.shape[0] * n)
        overlap = Tasks.of(format, compare=7, add=4, multiply=1, divide=1)
        return Work(ordered + areas + overlap * (rows * n * self.kept(op)))

    def gradient(self, op: Operator, needed: Sequence[bool]) -> Work:
        return nothing()


@register("MaxRoiPool")
class MaxRoiPool(Rule):
    """The maximum of each cell of each region; a region is at most the feature map, so its comparisons are at most as
    many as the map has elements, less one for each cell."""

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        x, regions = op.given(0), op.given(1)
        return [((regions.shape[0], x.shape[1], *op.attributes["pooled_shape"]), x.format)]

    def work(self, op: Operator) -> Work:
        x, regions = op.given(0), op.given(1)
        pooled = regions.shape[0] * (x.elements // x.shape[0])
        corners = Tasks.of(x.format, multiply=4, convert=4) * regions.shape[0]
        return Work(corners + Tasks({("compare", x.format): pooled - op.outputs[0].elements}))

    def gradient(self, op: Operator, needed: Sequence[bool]) -> Work:
        if not needed[0]:
            return nothing()
        return Work(Tasks({("add", op.given(0).format): op.outputs[0].elements}))
