"""Losses over (batch, classes, ...) scores and (batch, ...) labels."""

from __future__ import annotations

from collections.abc import Sequence

from alu_library.tasks import Count, Tasks
from tocompiler.operators import Rule, Work, register
from tocompiler.operators.elementwise import nothing
from tocompiler.operators.shapes import product
from tocompiler.tensors import Operator, Shape

__all__ = ["CrossEntropy", "NegativeLogLikelihood"]


@register("NegativeLogLikelihoodLoss")
class NegativeLogLikelihood(Rule):
    """The score at each label, negated, weighted where weights are given, then averaged or summed."""

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        shape = op.given(1).shape if op.attributes.get("reduction", "mean") == "none" else ()
        return [(shape, op.given(0).format)]

    def reduced(self, op: Operator) -> Tasks:
        """Tasks from the picked scores on."""
        n, format, weighted = op.given(1).elements, op.given(0).format, op.input(2) is not None
        tasks = Tasks.of(format, logic=n, multiply=n if weighted else 0)
        reduction = op.attributes.get("reduction", "mean")
        if reduction == "none":
            return tasks
        sums: Count = n - 1
        if reduction == "mean":  # divided by the sum of the weights used, or by how many labels there are
            return tasks + Tasks.of(format, add=2 * sums if weighted else sums, divide=1)
        return tasks + Tasks.of(format, add=sums)

    def work(self, op: Operator) -> Work:
        return Work(self.reduced(op))

    def gradient(self, op: Operator, needed: Sequence[bool]) -> Work:
        """-weight / n at each label, zero elsewhere."""
        if not needed[0]:
            return nothing()
        n = op.given(1).elements
        return Work(Tasks.of(op.given(0).format, logic=n, multiply=n if op.input(2) is not None else 0))


@register("SoftmaxCrossEntropyLoss")
class CrossEntropy(NegativeLogLikelihood):
    """LogSoftmax over the classes, then the negative log likelihood."""

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        x = op.given(0)
        return [*super().results(op), (x.shape, x.format)][:max(len(op.outputs), 1)]

    def work(self, op: Operator) -> Work:
        x = op.given(0)
        n, rows = x.elements, product((*x.shape[:1], *x.shape[2:]))
        scores = Tasks.of(x.format, compare=n - rows, add=3 * n - rows, exp=n, log=rows)
        return Work(scores + self.reduced(op))

    def gradient(self, op: Operator, needed: Sequence[bool]) -> Work:
        """(softmax - one at the label) weight / n: an exponential and a product for each score, an addition and the
        scale for each label."""
        if not needed[0]:
            return nothing()
        x, labels = op.given(0), op.given(1).elements
        return Work(Tasks.of(x.format, exp=x.elements, multiply=x.elements + labels, add=labels))
