"""Element-wise arithmetic, comparison, logic and selection, with broadcasting. Activations have their own room."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from alu_library.tasks import Count, Tasks
from tocompiler.operators import Rule, Work, add_rule, register
from tocompiler.operators.shapes import BOOLEAN, arithmetic, broadcast, scalar
from tocompiler.tensors import Operator, Shape

__all__ = ["Elementwise", "nothing", "summed_to"]

Per = Mapping[str, int]
"""Tasks for each element, by name."""


def nothing() -> Work:
    """No task and no traffic: a gradient that is zero or not needed."""
    return Work(reads=(), writes=())


def summed_to(op: Operator, needed: Sequence[bool]) -> Tasks:
    """Additions that sum a broadcast operand's gradient back to the operand's shape."""
    total = op.outputs[0].elements
    adds: Count = 0
    for tensor, wanted in zip(op.inputs, needed, strict=False):
        if wanted and tensor is not None:
            adds = adds + (total - tensor.elements)
    return Tasks({("add", op.outputs[0].format): adds})


class Elementwise(Rule):
    """The same tasks for each element of the broadcast operands. ``joins``: any number of operands, and the tasks once
    for each after the first, then ``tail``. ``integer`` replaces ``forward`` for integers. ``backward`` lists each
    operand's gradient tasks for each element (None: the gradient is zero; the last entry holds for all that follow).
    """

    def __init__(self, forward: Per, backward: Sequence[Per | None] = (None,), result: str | None = None,
                 integer: Per | None = None, joins: bool = False, tail: Per | None = None) -> None:
        self.forward = forward
        self.integer = forward if integer is None else integer
        self.backward = backward
        self.result = result
        self.joins = joins
        self.tail = tail or {}

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        given = [t for t in op.inputs if t is not None]
        return [(broadcast(op, *(t.shape for t in given)), self.result or given[0].format)]

    def work(self, op: Operator) -> Work:
        n, format = op.outputs[0].elements, arithmetic(op.given(0))
        times = n * (len(op.inputs) - 1) if self.joins else n
        per = self.integer if "int" in format else self.forward
        counts = {(task, format): each * times for task, each in per.items()}
        return Work(Tasks(counts) + Tasks({(task, format): each * n for task, each in self.tail.items()}))

    def gradient(self, op: Operator, needed: Sequence[bool]) -> Work:
        n, format = op.outputs[0].elements, op.outputs[0].format
        wanted = [self.backward[min(i, len(self.backward) - 1)] for i, flag in enumerate(needed) if flag]
        if all(per is None for per in wanted):
            return nothing()
        tasks = summed_to(op, needed)
        for per in wanted:
            tasks = tasks + Tasks({(task, format): each * n for task, each in (per or {}).items()})
        return Work(tasks)


_ADD: Per = {"add": 1}
_CONDITIONAL_NEGATION: Per = {"add": 1, "select": 1}
_ROUND: Per = {"convert": 1}
_COMPARE: Per = {"compare": 1}
_LOGIC: Per = {"logic": 1}
_SELECT: Per = {"select": 1}

_RULES: dict[str, Elementwise] = {
    "Add": Elementwise(_ADD, ({},)),
    "Sub": Elementwise(_ADD, ({}, _LOGIC)),
    "Mul": Elementwise({"multiply": 1}, ({"multiply": 1},)),
    # d(a/b)/da = 1/b; d(a/b)/db = -y/b
    "Div": Elementwise({"divide": 1}, ({"divide": 1}, {"multiply": 1, "divide": 1})),
    "Max": Elementwise(_COMPARE, (_COMPARE,), joins=True),
    "Min": Elementwise(_COMPARE, (_COMPARE,), joins=True),
    "Sum": Elementwise(_ADD, ({},), joins=True),
    "Mean": Elementwise(_ADD, ({"divide": 1},), joins=True, tail={"divide": 1}),
    # floating point: a - trunc(a/b) b; integer division leaves the remainder
    "Mod": Elementwise({"divide": 1, "convert": 1, "multiply_accumulate": 1}, ({}, None), integer={"divide": 1}),
    "Abs": Elementwise(_LOGIC, (_SELECT,), integer=_CONDITIONAL_NEGATION),
    "Neg": Elementwise(_LOGIC, (_LOGIC,), integer=_ADD),
    "Sign": Elementwise({"compare": 1, "select": 1}),
    "Ceil": Elementwise(_ROUND),
    "Floor": Elementwise(_ROUND),
    "Round": Elementwise(_ROUND),
    "Reciprocal": Elementwise({"reciprocal": 1}, ({"multiply": 2, "logic": 1},)),
    "Sqrt": Elementwise({"sqrt": 1}, ({"divide": 1, "multiply": 1},)),
    "Exp": Elementwise({"exp": 1}, ({"multiply": 1},)),
    "Log": Elementwise({"log": 1}, ({"divide": 1},)),
    "IsNaN": Elementwise(_COMPARE, result=BOOLEAN),
    "IsInf": Elementwise(_COMPARE, result=BOOLEAN),
    "BitwiseAnd": Elementwise(_LOGIC),
    "BitwiseOr": Elementwise(_LOGIC),
    "BitwiseXor": Elementwise(_LOGIC),
    "BitwiseNot": Elementwise(_LOGIC),
    "BitShift": Elementwise({"shift": 1}),
    "And": Elementwise(_LOGIC, result=BOOLEAN),
    "Or": Elementwise(_LOGIC, result=BOOLEAN),
    "Xor": Elementwise(_LOGIC, result=BOOLEAN),
    "Not": Elementwise(_LOGIC, result=BOOLEAN),
    "Equal": Elementwise(_COMPARE, result=BOOLEAN),
    "Greater": Elementwise(_COMPARE, result=BOOLEAN),
    "GreaterOrEqual": Elementwise(_COMPARE, result=BOOLEAN),
    "Less": Elementwise(_COMPARE, result=BOOLEAN),
    "LessOrEqual": Elementwise(_COMPARE, result=BOOLEAN),
}
for _name, _rule in _RULES.items():
    add_rule(_name, _rule)

# Functions that alu_library.functions computes, with their derivatives
for _name in ("Sin", "Cos", "Tan", "Asin", "Acos", "Atan", "Sinh", "Cosh", "Asinh", "Acosh", "Atanh", "Erf"):
    _function = _name.lower()
    add_rule(_name, Elementwise({_function: 1}, ({f"{_function}_derivative": 1, "multiply": 1},)))


@register("Where")
class Where(Elementwise):
    """One selection for each element, steered by a boolean tensor; its gradient goes to the operand chosen."""

    def __init__(self) -> None:
        super().__init__(_SELECT, (None, _SELECT, _SELECT))

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        return [(super().results(op)[0][0], op.given(1).format)]

    def work(self, op: Operator) -> Work:
        return Work(Tasks({("select", arithmetic(op.given(1))): op.outputs[0].elements}))


def power_tasks(exponent: float | None) -> Per:
    """Tasks of x to a power: products by repeated squaring for a small whole exponent, otherwise the function.

    >>> power_tasks(2.0), power_tasks(3.0), power_tasks(0.5), power_tasks(None)
    ({'multiply': 1}, {'multiply': 2}, {'sqrt': 1}, {'pow': 1})
    """
    if exponent == 0.5:
        return {"sqrt": 1}
    if exponent == -0.5:
        return {"rsqrt": 1}
    if exponent is None or exponent != int(exponent) or abs(exponent) > 16:
        return {"pow": 1}
    whole = abs(int(exponent))
    products = max(whole.bit_length() - 1 + whole.bit_count() - 1, 0)
    return {"multiply": products, **({"reciprocal": 1} if exponent < 0 else {})}


@register("Pow")
class Pow(Elementwise):
    """x to a power; a constant exponent that is small and whole is repeated multiplication."""

    def __init__(self) -> None:
        super().__init__({"pow": 1})

    def work(self, op: Operator) -> Work:
        per = power_tasks(scalar(op.input(1)))
        n, format = op.outputs[0].elements, op.given(0).format
        return Work(Tasks({(task, format): each * n for task, each in per.items()}))

    def gradient(self, op: Operator, needed: Sequence[bool]) -> Work:
        """By the base: e x^(e-1) dy; by the exponent: y log(x) dy."""
        n, format, exponent = op.outputs[0].elements, op.given(0).format, scalar(op.input(1))
        tasks = summed_to(op, needed)
        if needed[0]:
            per = power_tasks(None if exponent is None else exponent - 1)
            tasks = tasks + Tasks({(task, format): each * n for task, each in per.items()})
            tasks = tasks + Tasks({("multiply", format): 2 * n})
        if len(needed) > 1 and needed[1]:
            tasks = tasks + Tasks.of(format, log=n, multiply=2 * n)
        return Work(tasks)


@register("Clip")
class Clip(Rule):
    """One comparison for each bound that is given; the gradient repeats them."""

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        return [(op.given(0).shape, op.given(0).format)]

    def bounds(self, op: Operator) -> int:
        """How many bounds there are: attributes before opset 11, inputs since."""
        stated = sum(1 for name in ("min", "max") if name in op.attributes)
        return stated + sum(1 for tensor in op.inputs[1:] if tensor is not None)

    def work(self, op: Operator) -> Work:
        return Work(Tasks({("compare", op.given(0).format): self.bounds(op) * op.outputs[0].elements}))

    def gradient(self, op: Operator, needed: Sequence[bool]) -> Work:
        return self.work(op) if needed[0] else nothing()
