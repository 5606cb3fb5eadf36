"""Pooling. A window of k elements is k - 1 comparisons or additions, padding included; a mean is one division more.

Adaptive pools have no ONNX operator: a builder says GlobalAveragePool for an output of 1, AveragePool with the kernel
and stride that divide the input where they do, and an operator of this project's own otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence

from alu_library.tasks import Count, Tasks
from tocompiler.operators import Rule, Work, register
from tocompiler.operators.elementwise import nothing
from tocompiler.operators.shapes import arithmetic, bad, integers, product, windows
from tocompiler.tensors import Operator, Shape

__all__ = ["AdaptiveAveragePool", "AdaptiveMaxPool", "AveragePool", "LpPool", "MaxPool", "MaxUnpool"]


class _Pool(Rule):
    """A window slid over the spatial axes of (N, C, ...); the global pools have one as large as these axes."""

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        x = op.given(0)
        if len(x.shape) < 3:
            raise bad(op, f"shape {x.shape}; it needs a batch, a channel and spatial axes")
        if self.covers_all(op):
            return [((*x.shape[:2], *(1 for _ in x.shape[2:])), x.format)]
        return [((*x.shape[:2], *windows(op, x.shape[2:], self.window(op))), x.format)]

    def covers_all(self, op: Operator) -> bool:
        """Whether it is a global pool."""
        return "Global" in op.operator

    def window(self, op: Operator) -> Shape:
        """The axes of the window."""
        if self.covers_all(op):
            return op.given(0).shape[2:]
        if "kernel_shape" not in op.attributes:
            raise bad(op, "lacks its attribute kernel_shape")
        return tuple(op.attributes["kernel_shape"])

    def work(self, op: Operator) -> Work:
        return Work(self.forward(op, arithmetic(op.given(0)), op.outputs[0].elements, product(self.window(op))))

    def gradient(self, op: Operator, needed: Sequence[bool]) -> Work:
        if not needed[0]:
            return nothing()
        return Work(self.backward(op, op.given(0).format, op.outputs[0].elements, product(self.window(op))))

    def forward(self, op: Operator, format: str, y: Count, k: Count) -> Tasks:
        """Tasks of y windows of k elements."""
        raise NotImplementedError

    def backward(self, op: Operator, format: str, y: Count, k: Count) -> Tasks:
        """Tasks of the gradient. Windows may overlap, so what reaches an input is added to it; a global pool's are
        disjoint and add nothing."""
        raise NotImplementedError

    def added(self, op: Operator, n: Count) -> Count:
        """Additions of n contributions to input gradients."""
        return 0 if self.covers_all(op) else n


@register("MaxPool", "GlobalMaxPool")
class MaxPool(_Pool):
    """k - 1 comparisons for each window; the gradient goes to the element chosen."""

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        (shape, format), = super().results(op)
        return [(shape, format), (shape, "int64")][:max(len(op.outputs), 1)]

    def forward(self, op: Operator, format: str, y: Count, k: Count) -> Tasks:
        return Tasks({("compare", format): y * (k - 1)})

    def backward(self, op: Operator, format: str, y: Count, k: Count) -> Tasks:
        return Tasks({("add", format): self.added(op, y)})


@register("AveragePool", "GlobalAveragePool")
class AveragePool(_Pool):
    """k - 1 additions and a division for each window; the gradient is divided and added to each element."""

    def forward(self, op: Operator, format: str, y: Count, k: Count) -> Tasks:
        return Tasks({("add", format): y * (k - 1), ("divide", format): y})

    def backward(self, op: Operator, format: str, y: Count, k: Count) -> Tasks:
        return Tasks({("divide", format): y, ("add", format): self.added(op, y * k)})


class _Adaptive(Rule):
    """Place i of n along an axis of length m pools elements floor(i m / n) to ceil((i + 1) m / n), as PyTorch's
    adaptive pools do: windows may differ and overlap, and there may be more of them than elements. ``output_size`` is
    an attribute."""

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        x, size = op.given(0), tuple(op.attributes["output_size"])
        if len(x.shape) != len(size) + 2:
            raise bad(op, f"shape {x.shape}; it needs a batch, a channel and {len(size)} spatial axes")
        return [((*x.shape[:2], *size), x.format)]

    def pooled(self, op: Operator) -> Count:
        """Elements of all windows together."""
        x = op.given(0).shape
        along = [sum(-(-(i + 1) * m // n) - i * m // n for i in range(n))
                 for m, n in zip(x[2:], op.attributes["output_size"], strict=True)]
        return product((*x[:2], *along))


@register("tocompiler.AdaptiveAveragePool")
class AdaptiveAveragePool(_Adaptive):
    """An addition for each element but the first of a window, and a division for each window."""

    def work(self, op: Operator) -> Work:
        y = op.outputs[0].elements
        return Work(Tasks.of(arithmetic(op.given(0)), add=self.pooled(op) - y, divide=y))

    def gradient(self, op: Operator, needed: Sequence[bool]) -> Work:
        y = op.outputs[0].elements
        return Work(Tasks.of(op.given(0).format, divide=y, add=self.pooled(op)))


@register("tocompiler.AdaptiveMaxPool")
class AdaptiveMaxPool(_Adaptive):
    """A comparison for each element but the first of a window; the gradient goes to the element chosen."""

    def work(self, op: Operator) -> Work:
        return Work(Tasks.of(arithmetic(op.given(0)), compare=self.pooled(op) - op.outputs[0].elements))

    def gradient(self, op: Operator, needed: Sequence[bool]) -> Work:
        return Work(Tasks.of(op.given(0).format, add=op.outputs[0].elements))


@register("LpPool", "GlobalLpPool")
class LpPool(_Pool):
    """The p-norm of each window: squares are summed as multiply-accumulates, other powers computed and added."""

    def forward(self, op: Operator, format: str, y: Count, k: Count) -> Tasks:
        p = op.attributes.get("p", 2)
        if p == 1:
            return Tasks.of(format, logic=y * k, add=y * (k - 1))
        if p == 2:
            return Tasks.of(format, multiply_accumulate=y * k, sqrt=y)
        return Tasks.of(format, logic=y * k, pow=y * k + y, add=y * (k - 1))

    def backward(self, op: Operator, format: str, y: Count, k: Count) -> Tasks:
        """dx = dy sign(x) |x|^(p-1) y^(1-p): for p = 2 a division for each window and a product for each element."""
        p, added = op.attributes.get("p", 2), Tasks({("add", format): self.added(op, y * k)})
        if p == 1:
            return Tasks.of(format, select=y * k) + added
        if p == 2:
            return Tasks.of(format, divide=y, multiply=y * k) + added
        return Tasks.of(format, pow=y * k + y, multiply=y * k, divide=y, logic=y * k) + added


@register("MaxUnpool")
class MaxUnpool(Rule):
    """Places pooled values back where they came from."""

    data_only = "it places values at given positions"

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        x, attributes = op.given(0), op.attributes
        kernel = attributes["kernel_shape"]
        rank = len(kernel)
        strides = attributes.get("strides") or (1,) * rank
        pads = attributes.get("pads") or (0,) * (2 * rank)
        size = tuple((n - 1) * strides[i] + k - pads[i] - pads[i + rank]
                     for i, (n, k) in enumerate(zip(x.shape[2:], kernel, strict=True)))
        return [(integers(op.input(2)) or (*x.shape[:2], *size), x.format)]
