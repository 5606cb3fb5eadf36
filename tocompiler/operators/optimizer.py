"""Optimizer steps as ONNX operators (ai.onnx.preview.training), from the equations of their specification.

Operands are the learning rate, the step number, then X, G and the states of every tensor that is updated.
"""

from __future__ import annotations

from collections.abc import Mapping

from alu_library.tasks import Tasks
from tocompiler.operators import Rule, Work, add_rule, register
from tocompiler.tensors import Operator, Shape

__all__ = ["OptimizerStep"]


class OptimizerStep(Rule):
    """The same tasks for each element; regularisation (``norm_coefficient``) is one multiply-accumulate more."""

    def __init__(self, groups: int, per_element: Mapping[str, int]) -> None:
        self.groups = groups
        self.per_element = per_element

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        n = (len(op.inputs) - 2) // self.groups
        updated = [*range(2, 2 + n), *range(2 + 2 * n, len(op.inputs))]
        return [(op.given(i).shape, op.given(i).format) for i in updated]

    def work(self, op: Operator) -> Work:
        tasks, n = Tasks(), (len(op.inputs) - 2) // self.groups
        for i in range(2, 2 + n):
            x = op.given(i)
            per = Tasks.of(x.format, **self.per_element)
            if op.attributes.get("norm_coefficient", 0.0):
                per = per + Tasks.of(x.format, multiply_accumulate=1)
            if op.attributes.get("mode") == "nesterov":
                per = per + Tasks.of(x.format, multiply_accumulate=1)
            tasks = tasks + per * x.elements
        return Work(tasks)


# H = H + G G; X = X - r G / (sqrt(H) + epsilon)
add_rule("ai.onnx.preview.training.Adagrad",
         OptimizerStep(3, {"multiply_accumulate": 1, "sqrt": 1, "add": 2, "multiply": 1, "divide": 1}))
# V = a V + (1 - a) G; H = b H + (1 - b) G G; X = X - r V / (sqrt(H) + epsilon)
add_rule("ai.onnx.preview.training.Adam",
         OptimizerStep(4, {"multiply": 2, "multiply_accumulate": 4, "sqrt": 1, "add": 2, "divide": 1}))
# V = a V + b G; X = X - r V
add_rule("ai.onnx.preview.training.Momentum", OptimizerStep(3, {"multiply_accumulate": 3}))


@register("ai.onnx.preview.training.Gradient")
class Gradient(Rule):
    """The derivative of another part of the graph."""

    refused = "it stands for the derivative of a graph; compile the forward graph with the phase training instead"
