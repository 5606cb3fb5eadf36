"""Complex arithmetic on tensors whose last axis holds real and imaginary part."""

from __future__ import annotations

from alu_library.tasks import Tasks
from tocompiler.operators import Rule, Work, register
from tocompiler.operators.shapes import broadcast
from tocompiler.tensors import Operator, Shape

__all__ = ["ComplexMagnitude", "ComplexMul"]


@register("ComplexMul")
class ComplexMul(Rule):
    """Element by element: two products for each part, the second of them added or subtracted."""

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        return [(broadcast(op, op.given(0).shape, op.given(1).shape), op.given(0).format)]

    def work(self, op: Operator) -> Work:
        n = op.outputs[0].elements
        return Work(Tasks.of(op.given(0).format, multiply=n, multiply_accumulate=n))


@register("ComplexMagnitude")
class ComplexMagnitude(Rule):
    """The root of the sum of both squares; the axis of the parts goes."""

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        return [(op.given(0).shape[:-1], op.given(0).format)]

    def work(self, op: Operator) -> Work:
        n = op.outputs[0].elements
        return Work(Tasks.of(op.given(0).format, multiply=n, multiply_accumulate=n, sqrt=n))
