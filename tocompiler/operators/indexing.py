"""Reading and writing at given positions. Only what is touched is read; positions are not arithmetic of the network."""

from __future__ import annotations

from collections.abc import Sequence

from alu_library.tasks import Tasks
from tocompiler.operators import Rule, Work, register
from tocompiler.operators.elementwise import nothing
from tocompiler.operators.movement import crossed
from tocompiler.operators.shapes import arithmetic, axis_of, bad, integers, is_known
from tocompiler.tensors import Operator, Shape

__all__ = ["Gather", "Scatter"]


@register("Gather")
class Gather(Rule):
    """Slices of its first operand at given positions (an embedding); the gradient adds each to its row."""

    data_only = "it copies the elements at given positions"

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        x = op.given(0)
        axis = axis_of(op, op.attributes.get("axis", 0), len(x.shape))
        return [(x.shape[:axis] + op.given(1).shape + x.shape[axis + 1:], x.format)]

    def work(self, op: Operator) -> Work:
        return Work(reads=(crossed(op.given(0), op.outputs[0].elements), crossed(op.given(1), op.given(1).elements)))

    def gradient(self, op: Operator, needed: Sequence[bool]) -> Work:
        if not needed[0]:
            return nothing()
        return Work(Tasks({("add", op.given(0).format): op.outputs[0].elements}))


@register("GatherElements")
class GatherElements(Gather):
    """Single elements at given positions along an axis."""

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        return [(op.given(1).shape, op.given(0).format)]


@register("GatherND")
class GatherND(Gather):
    """Slices at positions with several coordinates."""

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        x, indices = op.given(0), op.given(1).shape
        batch = op.attributes.get("batch_dims", 0)
        return [(indices[:-1] + x.shape[batch + indices[-1]:], x.format)]


_JOIN = {"none": {}, "add": {"add": 1}, "mul": {"multiply": 1}, "max": {"compare": 1}, "min": {"compare": 1}}


@register("Scatter", "ScatterElements", "ScatterND", "TensorScatter", updates=2)
class Scatter(Rule):
    """A copy of its first operand with elements replaced by, or joined with, the updates at given positions."""

    data_only = "it copies its operand and replaces the elements at given positions"

    def __init__(self, updates: int) -> None:
        self.updates = updates

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        return [(op.given(0).shape, op.given(0).format)]

    def work(self, op: Operator) -> Work:
        n, format = op.given(self.position(op)).elements, op.given(0).format
        per = _JOIN[op.attributes.get("reduction", "none")]
        return Work(Tasks({(task, format): n for task in per}))

    def position(self, op: Operator) -> int:
        """Where the updates stand among the operands."""
        return 1 if op.operator == "TensorScatter" else self.updates

    def gradient(self, op: Operator, needed: Sequence[bool]) -> Work:
        """Copies for replacement and addition; one product more for each update that was joined otherwise."""
        if not any(needed):
            return nothing()
        n, format = op.given(self.position(op)).elements, op.given(0).format
        joined = op.attributes.get("reduction", "none")
        tasks = {"mul": {"multiply": 2 * n, "divide": n}, "max": {"select": n}, "min": {"select": n}}.get(joined, {})
        return Work(Tasks.of(format, **tasks))


@register("OneHot")
class OneHot(Rule):
    """Rows of one value with another at a given position."""

    data_only = "it fills its result with one value and places another at given positions"

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        depth = integers(op.input(1))
        if depth is None:
            raise bad(op, "its depth must be a constant to know the result's shape")
        shape = op.given(0).shape
        axis = axis_of(op, op.attributes.get("axis", -1), len(shape) + 1)
        return [((*shape[:axis], depth[0], *shape[axis:]), op.given(2).format)]

    def gradient(self, op: Operator, needed: Sequence[bool]) -> Work:
        return nothing()


@register("Compress")
class Compress(Gather):
    """The slices where a condition holds."""

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        return Rule.results(self, op)


@register("NonZero")
class NonZero(Rule):
    """The positions of elements that are not zero: one comparison for each."""

    def work(self, op: Operator) -> Work:
        return Work(Tasks({("compare", arithmetic(op.given(0))): op.given(0).elements}))

    def gradient(self, op: Operator, needed: Sequence[bool]) -> Work:
        return nothing()


@register("Unique")
class Unique(Rule):
    """Distinct elements: ceil(log2 n) comparisons for each to sort them, one more with its neighbour."""

    def work(self, op: Operator) -> Work:
        n = op.given(0).elements
        levels = (n - 1).bit_length() if is_known(n) else None
        if levels is None:
            import sympy

            levels = sympy.ceiling(sympy.log(n, 2))
        return Work(Tasks({("compare", arithmetic(op.given(0))): n * (levels + 1)}))

    def gradient(self, op: Operator, needed: Sequence[bool]) -> Work:
        return nothing()
