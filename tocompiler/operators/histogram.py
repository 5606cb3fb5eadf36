"""Histograms: how many elements fall into each of some equal bins."""

from __future__ import annotations

from alu_library.tasks import Tasks
from tocompiler.operators import Rule, Work, register
from tocompiler.tensors import Operator

__all__ = ["Histogram"]


@register("Histogram")
class Histogram(Rule):
    """For each element: the lower end subtracted, a product with the inverse of a bin's width, a conversion to the
    bin's number, and one more in that bin. The results' shape is given."""

    def work(self, op: Operator) -> Work:
        x, y = op.given(0), op.outputs[0]
        tasks = Tasks.of(x.format, add=x.elements, multiply=x.elements, convert=x.elements)
        return Work(tasks + Tasks.of(y.format, add=x.elements))
