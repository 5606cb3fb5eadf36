"""Activations: one task of the function's name for each element; alu_library holds the functions themselves.

The gradient is one task of the derivative (``gelu_derivative``) and one product for each element.
"""

from __future__ import annotations

from collections.abc import Sequence

from alu_library.tasks import Tasks
from tocompiler.operators import Rule, Work, add_rule, register
from tocompiler.operators.elementwise import nothing
from tocompiler.operators.shapes import bad, broadcast
from tocompiler.tensors import Operator, Shape

__all__ = ["FUNCTIONS", "Activation"]

FUNCTIONS = {
    "Relu": "relu",
    "LeakyRelu": "leaky_relu",
    "Elu": "elu",
    "Selu": "selu",
    "Celu": "celu",
    "Sigmoid": "sigmoid",
    "HardSigmoid": "hard_sigmoid",
    "HardSwish": "hard_swish",
    "Tanh": "tanh",
    "Softplus": "softplus",
    "Softsign": "softsign",
    "Mish": "mish",
}
"""ONNX operator to function name, for activations that are one function whatever their attributes."""


class Activation(Rule):
    """One function for each element."""

    def __init__(self, function: str = "") -> None:
        self._function = function

    def function(self, op: Operator) -> str:
        """The function's name; attributes may choose it."""
        return self._function

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        return [(op.given(0).shape, op.given(0).format)]

    def work(self, op: Operator) -> Work:
        return Work(Tasks({(self.function(op), op.given(0).format): op.outputs[0].elements}))

    def gradient(self, op: Operator, needed: Sequence[bool]) -> Work:
        if not needed[0]:
            return nothing()
        n, format = op.outputs[0].elements, op.given(0).format
        return Work(Tasks({(self.function(op) + "_derivative", format): n, ("multiply", format): n}))


class Relu(Activation):
    """A comparison with zero; the gradient repeats it and passes what the derivative of one lets through."""

    def work(self, op: Operator) -> Work:
        return Work(Tasks({("compare", op.given(0).format): op.outputs[0].elements}))

    def gradient(self, op: Operator, needed: Sequence[bool]) -> Work:
        return self.work(op) if needed[0] else nothing()


for _operator, _function in FUNCTIONS.items():
    add_rule(_operator, Relu() if _operator == "Relu" else Activation(_function))


@register("ThresholdedRelu", compare=1, select=1)
@register("Shrink", compare=2, select=2, add=1)
class Piecewise(Activation):
    """Pieces of straight lines that are no function of the library: x above a threshold and zero below it; x moved
    towards zero outside a band and zero inside it. The gradient decides again which piece it is on."""

    def __init__(self, **tasks: int) -> None:
        super().__init__()
        self.tasks = tasks

    def work(self, op: Operator) -> Work:
        return Work(Tasks.of(op.given(0).format, **self.tasks) * op.outputs[0].elements)

    def gradient(self, op: Operator, needed: Sequence[bool]) -> Work:
        if not needed[0]:
            return nothing()
        n = op.outputs[0].elements
        return Work(Tasks.of(op.given(0).format, compare=self.tasks["compare"] * n, select=n))


@register("Gelu")
class Gelu(Activation):
    """x Phi(x), exact or with the tanh approximation (Hendrycks and Gimpel 2016)."""

    def function(self, op: Operator) -> str:
        return "gelu_tanh" if op.attributes.get("approximate", "none") == "tanh" else "gelu"


@register("Function")
class Named(Activation):
    """The function that the attribute names, one registered outside the package among them."""

    def function(self, op: Operator) -> str:
        return str(op.attributes["function"])


@register("Swish")
class Swish(Activation):
    """x sigmoid(alpha x): SiLU for alpha = 1, otherwise with the scale that QuickGELU has."""

    def function(self, op: Operator) -> str:
        return "silu" if op.attributes.get("alpha", 1.0) == 1.0 else "quick_gelu"


@register("SwiGLU")
class SwiGLU(Swish):
    """Swish of the first operand times the second (Shazeer 2020)."""

    def work(self, op: Operator) -> Work:
        return Work(super().work(op).tasks + Tasks({("multiply", op.given(0).format): op.outputs[0].elements}))

    def gradient(self, op: Operator, needed: Sequence[bool]) -> Work:
        """By the gate: the derivative, the value and the result's gradient multiplied; by the value: Swish anew."""
        n, format, tasks = op.outputs[0].elements, op.given(0).format, Tasks()
        if needed[0]:
            tasks = tasks + Tasks({(self.function(op) + "_derivative", format): n, ("multiply", format): 2 * n})
        if needed[1]:
            tasks = tasks + Tasks({(self.function(op), format): n, ("multiply", format): n})
        return Work(tasks)


@register("PRelu")
class PRelu(Activation):
    """Leaky ReLU with a learned slope; the slope's gradient is dy x where x is negative, summed to its shape."""

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        x, slope = op.given(0), op.given(1)
        if broadcast(op, x.shape, slope.shape) != x.shape:
            raise bad(op, f"a slope of shape {slope.shape} does not broadcast to {x.shape}")
        return [(x.shape, x.format)]

    def function(self, op: Operator) -> str:
        return "prelu"

    def gradient(self, op: Operator, needed: Sequence[bool]) -> Work:
        work = super().gradient(op, needed)
        if len(needed) > 1 and needed[1]:
            n, format = op.outputs[0].elements, op.given(0).format
            slope = Tasks.of(format, multiply=n, select=n, add=n - op.given(1).elements)
            return Work(work.tasks + slope)
        return work
