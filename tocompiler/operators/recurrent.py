"""Recurrent layers over whole sequences. Gates are products; biases start their sums.

x is (length, batch, features), w (directions, gates hidden, features), r (directions, gates hidden, hidden).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from alu_library.tasks import Count, Tasks
from tocompiler.operators import Loops, Rule, Work, register
from tocompiler.operators.activation import FUNCTIONS
from tocompiler.operators.shapes import bad
from tocompiler.tensors import Operator, Shape

__all__ = ["GRU", "LSTM", "RNN"]

_EXTRA = {"Affine": {"multiply_accumulate": 1}, "ScaledTanh": {"multiply": 2, "tanh": 1}, "Relu": {"compare": 1}}
"""Activations of recurrent layers that are no function task: ALU tasks of each evaluation."""


class _Recurrent(Rule):
    """``gates`` products for each hidden unit and step, then ``state`` tasks for each hidden unit and step.

    ``activations`` says how often each of the operator's activation functions is evaluated for a hidden unit.
    """

    gates: int
    defaults: tuple[str, ...]
    activations: tuple[int, ...]
    state: Mapping[str, int] = {}
    state_gradient: Mapping[str, int] = {}

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        x, r = op.given(0), op.given(2)
        if len(x.shape) != 3 or len(r.shape) != 3:
            raise bad(op, f"input of shape {x.shape} and recurrence of shape {r.shape}; both have three axes")
        length, batch = x.shape[:2]
        directions, hidden = r.shape[0], r.shape[2]
        if op.attributes.get("layout"):
            length, batch = batch, length
            last = (batch, directions, hidden)
            return [((batch, length, directions, hidden), x.format), (last, x.format), (last, x.format)][:self.count()]
        last = (directions, batch, hidden)
        return [((length, directions, batch, hidden), x.format), (last, x.format), (last, x.format)][:self.count()]

    def count(self) -> int:
        """How many results the operator has."""
        return 3 if self.gates == 4 else 2

    def steps(self, op: Operator) -> Count:
        """Hidden units over all steps, samples and directions."""
        x, r = op.given(0), op.given(2)
        return x.shape[0] * x.shape[1] * r.shape[0] * r.shape[2]

    def loops(self, op: Operator) -> Loops:
        """All steps and samples are rows; features and hidden units are summed together."""
        x, r = op.given(0), op.given(2)
        return Loops(n=r.shape[0], p=x.shape[0] * x.shape[1], m=self.gates * r.shape[2], c=x.shape[2] + r.shape[2])

    def functions(self, op: Operator, derivative: bool = False) -> dict[str, int]:
        """ALU tasks of the activations of one hidden unit at one step."""
        names = op.attributes.get("activations") or self.defaults
        tasks: dict[str, int] = {}
        for name, n in zip(names, self.activations, strict=False):
            per = _EXTRA.get(name) or {FUNCTIONS[name]: 1}
            if derivative:
                function = "tanh" if name == "ScaledTanh" else FUNCTIONS.get(name, "")
                per = {"multiply": 1, **({function + "_derivative": 1} if function else {})}
            for task, k in per.items():
                tasks[task] = tasks.get(task, 0) + k * n
        return tasks

    def work(self, op: Operator) -> Work:
        loops, n, format = self.loops(op), self.steps(op), op.given(0).format
        tasks = Tasks({("multiply_accumulate", format): loops.products})
        tasks = tasks + Tasks.of(format, **self.functions(op)) * n + Tasks.of(format, **self.state) * n
        return Work(tasks + self.optional(op, format, n), loops.products, loops)

    def optional(self, op: Operator, format: str, n: Count) -> Tasks:
        """Tasks that attributes or optional operands add."""
        tasks = Tasks.of(format, compare=2 * self.gates * n) if op.attributes.get("clip") else Tasks()
        peephole = op.input(7) if self.gates == 4 else None
        return tasks + Tasks.of(format, multiply_accumulate=3 * n) if peephole is not None else tasks

    def gradient(self, op: Operator, needed: Sequence[bool]) -> Work:
        """Through time: by x (unless it is a network input), by w, by the states and by r; each as many products as
        forward; derivatives for each activation; biases sum the gates' gradients. The first step passes nothing on
        to an initial state that needs no gradient."""
        x, r, n, format = op.given(0), op.given(2), self.steps(op), op.given(0).format
        wanted = [*needed, *(False for _ in range(6))]
        inward, recurrent = self.gates * n * x.shape[2], self.gates * n * r.shape[2]
        products = inward * (int(wanted[0]) + int(wanted[1])) + recurrent * (1 + int(wanted[2]))
        if not wanted[5]:
            batch = x.shape[0 if op.attributes.get("layout") else 1]
            products = products - self.gates * batch * r.shape[0] * r.shape[2] * r.shape[2]
        tasks = Tasks.of(format, multiply_accumulate=products) + Tasks.of(format, **self.functions(op, True)) * n
        tasks = tasks + Tasks.of(format, **self.state_gradient) * n
        if wanted[3]:
            tasks = tasks + Tasks.of(format, add=self.gates * (n - r.shape[0] * r.shape[2]))
        return Work(tasks, products, self.loops(op))


@register("RNN")
class RNN(_Recurrent):
    """h = f(w x + r h) (Elman 1990)."""

    gates = 1
    defaults = ("Tanh", "Tanh")
    activations = (1,)


@register("LSTM")
class LSTM(_Recurrent):
    """i, o, f = sigmoid, g = tanh; c = f c + i g, two products summed; h = o tanh(c) (Hochreiter, Schmidhuber 1997)."""

    gates = 4
    defaults = ("Sigmoid", "Tanh", "Tanh")
    activations = (3, 1, 1)
    state: Mapping[str, int] = {"multiply_accumulate": 2, "multiply": 1}
    # dc = dh o + dc', do = dh tanh(c), di = dc g, dg = dc i, df = dc c, dc' = dc f
    state_gradient: Mapping[str, int] = {"multiply_accumulate": 1, "multiply": 5}


@register("GRU")
class GRU(_Recurrent):
    """z, r = sigmoid, n = tanh with r on the recurrent part; h = (1 - z) n + z h (Cho et al. 2014)."""

    gates = 3
    defaults = ("Sigmoid", "Tanh")
    activations = (2, 1)
    state: Mapping[str, int] = {"add": 1, "multiply": 1, "multiply_accumulate": 2}
    # dn = dh (1 - z), dz = dh (h - n), dh' = dh z, and through r: two products more
    state_gradient: Mapping[str, int] = {"add": 2, "multiply": 5}
