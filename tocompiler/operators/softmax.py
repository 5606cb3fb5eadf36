"""Softmax and its kin, stabilised by the row maximum as every runtime computes them."""

from __future__ import annotations

from collections.abc import Sequence

from alu_library.tasks import Count, Tasks
from tocompiler.operators import Rule, Work, register
from tocompiler.operators.elementwise import nothing
from tocompiler.operators.shapes import axis_of, product
from tocompiler.tensors import Operator, Shape

__all__ = ["LogSoftmax", "Softmax", "softmax_gradient_tasks", "softmax_tasks"]


def softmax_tasks(format: str, rows: Count, width: Count) -> Tasks:
    """exp(x - max) / sum for each row: width - 1 comparisons, width subtractions and exponentials, width - 1
    additions, width divisions."""
    n = rows * width
    return Tasks.of(format, compare=n - rows, add=2 * n - rows, exp=n, divide=n)


def softmax_gradient_tasks(format: str, rows: Count, width: Count) -> Tasks:
    """dx = y (dy - sum(y dy)): width products summed, width subtractions, width products."""
    n = rows * width
    return Tasks.of(format, multiply_accumulate=n, add=n, multiply=n)


@register("Softmax")
class Softmax(Rule):
    """Along one axis (default the last)."""

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        axis_of(op, op.attributes.get("axis", -1), len(op.given(0).shape))
        return [(op.given(0).shape, op.given(0).format)]

    def rows(self, op: Operator) -> tuple[Count, Count]:
        """How many rows there are and how wide they are."""
        shape = op.given(0).shape
        axis = axis_of(op, op.attributes.get("axis", -1), len(shape))
        return product(shape[:axis] + shape[axis + 1:]), product(shape[axis:axis + 1])

    def work(self, op: Operator) -> Work:
        return Work(softmax_tasks(op.given(0).format, *self.rows(op)))

    def gradient(self, op: Operator, needed: Sequence[bool]) -> Work:
        return Work(softmax_gradient_tasks(op.given(0).format, *self.rows(op))) if needed[0] else nothing()


@register("LogSoftmax")
class LogSoftmax(Softmax):
    """x - max - log(sum(exp(x - max))): one logarithm for each row instead of the divisions."""

    def work(self, op: Operator) -> Work:
        rows, width = self.rows(op)
        n = rows * width
        return Work(Tasks.of(op.given(0).format, compare=n - rows, add=3 * n - rows, exp=n, log=rows))

    def gradient(self, op: Operator, needed: Sequence[bool]) -> Work:
        """dx = dy - exp(y) sum(dy)."""
        if not needed[0]:
            return nothing()
        rows, width = self.rows(op)
        n = rows * width
        return Work(Tasks.of(op.given(0).format, add=n - rows, exp=n, multiply_accumulate=n))


@register("Hardmax")
class Hardmax(Softmax):
    """One where the row has its maximum (the first of equals), zero elsewhere: width - 1 comparisons."""

    def work(self, op: Operator) -> Work:
        rows, width = self.rows(op)
        return Work(Tasks({("compare", op.given(0).format): rows * width - rows}))

    def gradient(self, op: Operator, needed: Sequence[bool]) -> Work:
        return nothing()
