"""Products of rows with the matrix of the expert that each row was routed to (a mixture of experts)."""

from __future__ import annotations

from collections.abc import Iterable

from alu_library.tasks import Count
from tocompiler.operators import Access, Loops, Rule, Work, register
from tocompiler.operators.movement import crossed
from tocompiler.operators.scaled_matmul import product_tasks
from tocompiler.operators.shapes import bad, is_known
from tocompiler.tensors import Operator, Shape

__all__ = ["GroupedMatMul", "active_parameters", "whole"]


@register("GroupedMatMul")
class GroupedMatMul(Rule):
    """Rows (R, K), sorted by expert, times weights (experts, K, N); a bias (experts, N) or None; scales of the rows and
    of the weights or None.

    ``touched`` says in how many experts' matrices some row falls (all of them unless stated): only those are read.
    ``chosen`` says how many experts serve one token. ``parts`` splits the result's columns, as gate and up do;
    ``group`` is as in ScaledMatMul.
    """

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        x, w = op.given(0), op.given(1)
        if len(x.shape) != 2 or len(w.shape) != 3 or (is_known(x.shape[1]) and x.shape[1] != w.shape[1]):
            raise bad(op, f"rows of shape {x.shape} and weights of shape {w.shape}; (R, K) and (experts, K, N) fit")
        parts = op.attributes.get("parts", 1)
        return [((x.shape[0], w.shape[2] // parts), op.attributes.get("format", x.format))] * parts

    def work(self, op: Operator) -> Work:
        x, w, bias = op.given(0), op.given(1), op.input(2)
        experts, features, out = w.shape
        loops = Loops(p=x.shape[0], m=out, c=features)
        touched = op.attributes.get("touched", experts)
        weights = touched * features * out
        reads = [crossed(x, x.elements), crossed(w, whole(weights))]
        reads += [crossed(t, whole(t.elements * touched / experts)) for t in (bias, op.input(4)) if t is not None]
        reads += [crossed(t, t.elements) for t in (op.input(3),) if t is not None]
        tasks = product_tasks(x.format, w.format, loops, whole(weights), op.attributes.get("group", 0))
        writes = tuple(Access(t.name, t.elements, t.format) for t in op.outputs)
        return Work(tasks, loops.products, loops, tuple(reads), writes)


def active_parameters(operators: Iterable[Operator], parameters: Count) -> Count:
    """Of all parameters those that one token meets: experts that it did not choose are left out."""
    for op in operators:
        if op.operator == "GroupedMatMul" and "chosen" in op.attributes:
            experts = op.given(1).shape[0]
            held = sum(t.elements for t in (op.input(1), op.input(2)) if t is not None)
            parameters = parameters - held * (experts - min(op.attributes["chosen"], experts)) // experts
    return parameters


def whole(count: Count) -> Count:
    """An expected number of elements, rounded: counts are whole numbers."""
    return round(count) if isinstance(count, float) else count
