"""Einsum: operands are joined from left to right, two at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from alu_library.tasks import Count, Tasks
from tocompiler.operators import Loops, Rule, Work, register
from tocompiler.operators.shapes import bad, product
from tocompiler.tensors import Dimension, Operator, Shape

__all__ = ["Einsum"]


@dataclass(frozen=True)
class _Equation:
    """Labels of each operand and of the result, and the size of each label. An ellipsis is labels of its own."""

    operands: tuple[tuple[str, ...], ...]
    result: tuple[str, ...]
    sizes: Mapping[str, Dimension]

    def size(self, labels: set[str]) -> Count:
        return product(self.sizes[label] for label in sorted(labels))


@dataclass(frozen=True)
class _Join:
    """Two operands become one: the labels of both, those that are left afterwards, and what sums alone add before."""

    left: set[str]
    right: set[str]
    left_over: set[str]
    sums: Count


def _equation(op: Operator) -> _Equation:
    """The operator's equation over its operands; ValueError on a misfit."""
    text = str(op.attributes["equation"]).replace(" ", "")
    left, arrow, right = text.partition("->")
    terms = left.split(",")
    if len(terms) != len(op.inputs):
        raise bad(op, f"equation '{text}' has {len(terms)} terms for {len(op.inputs)} operands")
    sizes: dict[str, Dimension] = {}
    operands = []
    for term, i in zip(terms, range(len(terms)), strict=True):
        shape = op.given(i).shape
        labels = _labels(op, term, len(shape))
        for label, d in zip(labels, shape, strict=True):
            if sizes.get(label, 1) == 1:
                sizes[label] = d
            elif d != 1 and isinstance(d, int) and isinstance(sizes[label], int) and d != sizes[label]:
                raise bad(op, f"label {label} of '{text}' is both {sizes[label]} and {d}")
        operands.append(labels)
    extra = sorted((label for label in sizes if label[0] == "."), key=lambda label: -int(label[1:]))
    if arrow:
        result = _spread(right, tuple(extra))
    else:  # implicit: labels that occur once, in alphabetical order, after the ellipsis
        occurrences = [label for labels in operands for label in labels]
        result = (*extra, *sorted(label for label in sizes if label[0] != "." and occurrences.count(label) == 1))
    return _Equation(tuple(operands), result, sizes)


def _labels(op: Operator, term: str, rank: int) -> tuple[str, ...]:
    """One label for each axis; an ellipsis stands for those that are not named, counted from the last."""
    named = len(term.replace("...", ""))
    if named > rank or ("..." not in term and named != rank):
        raise bad(op, f"term '{term}' does not fit an operand of {rank} axes")
    return _spread(term, tuple(f".{i}" for i in range(rank - named, 0, -1)))


def _spread(term: str, extra: tuple[str, ...]) -> tuple[str, ...]:
    before, dots, after = term.partition("...")
    return (*before, *(extra if dots else ()), *after)


def _joins(equation: _Equation) -> Iterator[_Join]:
    """The pairwise steps; labels that only one operand has, and the result has not, are summed beforehand."""
    current, result = set(equation.operands[0]), set(equation.result)
    for i, labels in enumerate(equation.operands[1:], 1):
        later = result.union(*equation.operands[i + 1:])
        right = set(labels)
        left_only, right_only = current - right - later, right - current - later
        sums = (equation.size(current) - equation.size(current - left_only)
                + equation.size(right) - equation.size(right - right_only))
        current, right = current - left_only, right - right_only
        yield _Join(current, right, (current | right) & later, sums)
        current = (current | right) & later


@register("Einsum")
class Einsum(Rule):
    """Products over labels that both operands have are multiply-accumulates if some label is summed (a contraction),
    multiplications otherwise; sums over labels of one operand are additions."""

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        equation = _equation(op)
        return [(tuple(equation.sizes[label] for label in equation.result), op.given(0).format)]

    def work(self, op: Operator) -> Work:
        equation, format = _equation(op), op.given(0).format
        if len(equation.operands) == 1:
            sums = equation.size(set(equation.operands[0])) - equation.size(set(equation.result))
            return Work(Tasks({("add", format): sums}))
        return self._total(format, equation, [1] * (len(equation.operands) - 1))

    def gradient(self, op: Operator, needed: Sequence[bool]) -> Work:
        """Each join has a product of the same size for each side that needs a gradient; sums are repetitions."""
        equation, format = _equation(op), op.given(0).format
        sides = [int(any(needed[:i])) + int(needed[i]) for i in range(1, len(equation.operands))]
        return self._total(format, equation, sides, sums=False)

    def _total(self, format: str, equation: _Equation, times: Sequence[int], sums: bool = True) -> Work:
        tasks, loops = Tasks(), None
        products: Count = 0
        for join, n in zip(_joins(equation), times, strict=True):
            size = equation.size(join.left | join.right) * n
            if join.left | join.right == join.left_over:
                tasks = tasks + Tasks({("multiply", format): size})
            else:
                tasks = tasks + Tasks({("multiply_accumulate", format): size})
                products, loops = products + size, self._loops(equation, join)
            tasks = tasks + Tasks({("add", format): join.sums if sums else 0})
        return Work(tasks, products, loops if len(equation.operands) == 2 else None)

    def _loops(self, equation: _Equation, join: _Join) -> Loops:
        both = join.left & join.right
        return Loops(n=equation.size(both & join.left_over), p=equation.size(join.left - both),
                     m=equation.size(join.right - both), c=equation.size(both - join.left_over))
