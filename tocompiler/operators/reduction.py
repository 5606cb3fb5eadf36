"""Reductions, searches and running sums. n elements reduced to one are n - 1 additions, products or comparisons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from alu_library.tasks import Count, Tasks
from tocompiler.operators import Rule, Work, add_rule, register
from tocompiler.operators.elementwise import nothing
from tocompiler.operators.shapes import arithmetic, axis_of, bad, dimension, integers, is_known, option, product
from tocompiler.tensors import Dimension, Operator, Shape

__all__ = ["Reduce", "selection_compares"]

Per = Mapping[str, int]
"""Tasks for each of something, by name."""


def _joined(n: Count, rows: Count) -> Count:
    """How often n elements are joined to make so many rows: n - rows, and never where there are none."""
    return 0 if is_known(n) and n == 0 else n - rows


class Reduce(Rule):
    """``combine`` joins elements (n - 1 times for each result; ``multiply_accumulate`` sums squares: n times), with
    tasks for each element before and for each result after; ``back`` is the gradient's, for each element."""

    def __init__(self, combine: str, before: Per, after: Per, back: Per) -> None:
        self.combine = combine
        self.before = before
        self.after = after
        self.back = back

    def axes(self, op: Operator) -> set[int]:
        """The axes reduced: all where none are given, none where the operator says that this means none."""
        rank = len(op.given(0).shape)
        axes = option(op, "axes", 1)
        if axes is None and op.input(1) is not None and not op.outputs:
            raise bad(op, "its axes must be a constant to know the result's shape")
        if not axes:
            return set() if op.attributes.get("noop_with_empty_axes") else set(range(rank))
        return {axis_of(op, a, rank) for a in axes}

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        x, axes = op.given(0), self.axes(op)
        if op.attributes.get("keepdims", 1):
            return [(tuple(1 if i in axes else d for i, d in enumerate(x.shape)), x.format)]
        return [(tuple(d for i, d in enumerate(x.shape) if i not in axes), x.format)]

    def work(self, op: Operator) -> Work:
        n, rows, format = op.given(0).elements, op.outputs[0].elements, arithmetic(op.given(0))
        tasks = {(self.combine, format): n if self.combine == "multiply_accumulate" else _joined(n, rows)}
        return Work(Tasks(tasks) + Tasks({(task, format): k * n for task, k in self.before.items()})
                    + Tasks({(task, format): k * rows for task, k in self.after.items()}))

    def gradient(self, op: Operator, needed: Sequence[bool]) -> Work:
        if not needed[0]:
            return nothing()
        n, rows, format = op.given(0).elements, op.outputs[0].elements, op.given(0).format
        after = {"divide": rows} if "divide" in self.after or "sqrt" in self.after else {}
        return Work(Tasks({(task, format): k * n for task, k in self.back.items()}) + Tasks.of(format, **after))


_REDUCTIONS: dict[str, tuple[str, Per, Per, Per]] = {
    "ReduceSum": ("add", {}, {}, {}),
    "ReduceMean": ("add", {}, {"divide": 1}, {}),
    "ReduceMax": ("compare", {}, {}, {"compare": 1, "select": 1}),
    "ReduceMin": ("compare", {}, {}, {"compare": 1, "select": 1}),
    "ReduceProd": ("multiply", {}, {}, {"divide": 1, "multiply": 1}),
    "ReduceL1": ("add", {"logic": 1}, {}, {"select": 1}),
    "ReduceL2": ("multiply_accumulate", {}, {"sqrt": 1}, {"multiply": 1}),
    "ReduceSumSquare": ("multiply_accumulate", {}, {}, {"multiply": 2}),
    "ReduceLogSum": ("add", {}, {"log": 1}, {"divide": 1}),
    # stabilised by the maximum, whose comparisons are in _LogSumExp
    "ReduceLogSumExp": ("add", {"add": 1, "exp": 1}, {"log": 1, "add": 1}, {"add": 1, "exp": 1, "multiply": 1}),
}


class _LogSumExp(Reduce):
    """max + log(sum(exp(x - max)))."""

    def work(self, op: Operator) -> Work:
        n, rows, format = op.given(0).elements, op.outputs[0].elements, op.given(0).format
        return Work(super().work(op).tasks + Tasks({("compare", format): _joined(n, rows)}))


for _name, _tasks in _REDUCTIONS.items():
    add_rule(_name, (_LogSumExp if _name == "ReduceLogSumExp" else Reduce)(*_tasks))


@register("ArgMax", "ArgMin")
class ArgReduce(Rule):
    """The position of the extreme element along an axis: n - 1 comparisons. It has no gradient."""

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        shape = op.given(0).shape
        axis = axis_of(op, op.attributes.get("axis", 0), len(shape))
        kept = (1,) if op.attributes.get("keepdims", 1) else ()
        return [(shape[:axis] + kept + shape[axis + 1:], "int64")]

    def work(self, op: Operator) -> Work:
        x = op.given(0)
        return Work(Tasks({("compare", x.format): x.elements - op.outputs[0].elements}))

    def gradient(self, op: Operator, needed: Sequence[bool]) -> Work:
        return nothing()


@register("CumSum", add="add")
@register("CumProd", add="multiply")
class Cumulative(Rule):
    """A running sum or product along an axis: n - 1 for each row."""

    def __init__(self, add: str) -> None:
        self.combine = add

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        return [(op.given(0).shape, op.given(0).format)]

    def rows(self, op: Operator) -> Count:
        """How many rows run: all elements over the length of the axis (the last where it is not known)."""
        shape = op.given(0).shape
        axes = integers(op.input(1)) or (-1,)
        axis = axis_of(op, axes[0], len(shape))
        return product(shape[:axis] + shape[axis + 1:])

    def work(self, op: Operator) -> Work:
        x = op.given(0)
        return Work(Tasks({(self.combine, x.format): x.elements - self.rows(op)}))

    def gradient(self, op: Operator, needed: Sequence[bool]) -> Work:
        """The gradient runs backwards: the same sum; of a product, sum(dy y) run backwards and divided by x."""
        if not needed[0]:
            return nothing()
        n, format = op.given(0).elements, op.given(0).format
        sums = Tasks.of(format, add=n - self.rows(op))
        return Work(sums if self.combine == "add" else sums + Tasks.of(format, multiply=n, divide=n))


def selection_compares(n: Dimension, k: Dimension) -> Dimension:
    """Comparisons that select and order the k largest of n through a heap of k (Knuth, vol. 3, 5.2.3): one against
    the heap's root for each element, and ceil(log2 k) + 1 levels for each of the k that are taken out in order."""
    levels = (k - 1).bit_length() + 1 if is_known(k) else 1
    return n + dimension(k) * levels


@register("TopK")
class TopK(Rule):
    """The k largest along an axis with their positions."""

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        x = op.given(0)
        k = option(op, "k", 1)
        if k is None:
            raise bad(op, "its k must be a constant to know the result's shape")
        axis = axis_of(op, op.attributes.get("axis", -1), len(x.shape))
        shape = (*x.shape[:axis], k[0], *x.shape[axis + 1:])
        return [(shape, x.format), (shape, "int64")]

    def work(self, op: Operator) -> Work:
        x = op.given(0)
        axis = axis_of(op, op.attributes.get("axis", -1), len(x.shape))
        rows = product(x.shape[:axis] + x.shape[axis + 1:])
        return Work(Tasks({("compare", x.format): rows * selection_compares(x.shape[axis], op.outputs[0].shape[axis])}))

    def gradient(self, op: Operator, needed: Sequence[bool]) -> Work:
        return Work() if needed[0] else nothing()


@register("Range")
class Range(Rule):
    """An addition for each number after the first; how many there are is a subtraction, a division and a rounding."""

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        bounds = [integers(op.input(i)) for i in range(3)]
        start, limit, delta = ((None,) if b is None else b for b in bounds)
        if start[0] is None or limit[0] is None or delta[0] is None:
            raise bad(op, "its bounds must be constants to know the result's shape")
        return [((-(-(limit[0] - start[0]) // delta[0]),), op.given(0).format)]

    def work(self, op: Operator) -> Work:
        n, format = op.outputs[0].elements, op.given(0).format
        return Work(Tasks.of(format, add=n, divide=1, convert=1))

    def gradient(self, op: Operator, needed: Sequence[bool]) -> Work:
        return nothing()
