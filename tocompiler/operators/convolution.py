"""Convolutions. K products summed are K multiply-accumulates, padding included; a bias starts the sum and adds none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from alu_library.tasks import Count, Tasks
from tocompiler.operators import Loops, Rule, Work, register
from tocompiler.operators.elementwise import nothing
from tocompiler.operators.shapes import bad, integers, product, windows
from tocompiler.tensors import Operator, Shape, Tensor

__all__ = ["CausalConvolution", "Conv", "ConvTranspose", "contraction_gradient"]


def contraction_gradient(op: Operator, needed: Sequence[bool], products: Count, loops: Loops, bias: int = 2) -> Work:
    """Gradients of a sum of products: each needed operand's gradient has as many products as the forward pass
    (grouped or not), and a bias sums the result's gradient.

    The loop bounds given are the forward pass's; both gradients permute them.
    """
    format = op.given(0).format
    contractions = sum(1 for i in (0, 1) if i < len(needed) and needed[i])
    tasks = {("multiply_accumulate", format): contractions * products}
    tensor = op.input(bias)
    if tensor is not None and bias < len(needed) and needed[bias]:
        tasks["add", format] = op.outputs[0].elements - tensor.elements
    return Work(Tasks(tasks), contractions * products, loops if contractions else None)


def _folded(dims: Shape) -> tuple[Any, Any]:
    """Spatial axes as two: a 1-D axis is the second, axes past the first are folded into it."""
    return (1, product(dims)) if len(dims) == 1 else (dims[0], product(dims[1:]))


def _pair(values: Sequence[int] | None) -> tuple[int, int]:
    if not values:
        return (1, 1)
    return (1, values[0]) if len(values) == 1 else (values[0], values[1])


class _Convolution(Rule):
    """What both directions share: ``positions`` are the places where the whole kernel is applied."""

    def work(self, op: Operator) -> Work:
        loops = self.loops(op)
        products = loops.products
        return Work(Tasks({("multiply_accumulate", op.given(0).format): products}), products, loops)

    def gradient(self, op: Operator, needed: Sequence[bool]) -> Work:
        loops = self.loops(op)
        return contraction_gradient(op, needed, loops.products, loops)

    def loops(self, op: Operator) -> Loops:
        raise NotImplementedError

    def bounds(self, op: Operator, m: Count, c: Count, positions: Shape, kernel: Shape) -> Loops:
        """The loop bounds, from channels per group, kernel positions and kernel axes."""
        p, q = _folded(positions)
        r, s = _folded(kernel)
        attributes = op.attributes
        return Loops(op.given(0).shape[0], attributes.get("group", 1), m, c, p, q, r, s,
                     _pair(attributes.get("strides")), _pair(attributes.get("dilations")))

    def operands(self, op: Operator) -> tuple[Tensor, Tensor]:
        """Input and weight, of equal rank; ValueError on a misfit."""
        x, w = op.given(0), op.given(1)
        if len(x.shape) != len(w.shape) or len(x.shape) < 3:
            raise bad(op, f"input of shape {x.shape} and weight of shape {w.shape}: "
                          "both need a batch (or output channel), a channel and the same spatial axes")
        return x, w


@register("Conv")
class Conv(_Convolution):
    """Convolution in any number of spatial axes, grouped and dilated: x (N, C, ...), w (M, C/group, ...)."""

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        x, w = self.operands(op)
        groups = op.attributes.get("group", 1)
        if x.shape[1] != w.shape[1] * groups:
            raise bad(op, f"{x.shape[1]} input channels, but {groups} groups of {w.shape[1]} in its weight")
        return [((x.shape[0], w.shape[0], *windows(op, x.shape[2:], w.shape[2:])), x.format)]

    def loops(self, op: Operator) -> Loops:
        _, w = self.operands(op)
        groups = op.attributes.get("group", 1)
        return self.bounds(op, w.shape[0] // groups, w.shape[1], self.places(op), w.shape[2:])

    def places(self, op: Operator) -> Shape:
        """The spatial axes of the result."""
        return op.outputs[0].shape[2:]


@register("ConvTranspose")
class ConvTranspose(_Convolution):
    """Transposed convolution: x (N, C, ...), w (C, M/group, ...); the kernel is applied at every input position."""

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        x, w = self.operands(op)
        if x.shape[1] != w.shape[0]:
            raise bad(op, f"{x.shape[1]} input channels, but its weight has {w.shape[0]}")
        channels = w.shape[1] * op.attributes.get("group", 1)
        return [((x.shape[0], channels, *self.spatial(op, x.shape[2:], w.shape[2:])), x.format)]

    def spatial(self, op: Operator, size: Shape, kernel: Shape) -> Shape:
        """The spatial shape of the result: (n - 1) stride + output padding + the dilated kernel - pads."""
        rank = len(size)
        attributes = op.attributes
        strides = attributes.get("strides") or (1,) * rank
        if attributes.get("output_shape"):
            return tuple(attributes["output_shape"])[-rank:]
        if attributes.get("auto_pad", "NOTSET").startswith("SAME"):
            return tuple(n * s for n, s in zip(size, strides, strict=True))
        extra = attributes.get("output_padding") or (0,) * rank
        dilations = attributes.get("dilations") or (1,) * rank
        pads = attributes.get("pads") or (0,) * (2 * rank)
        return tuple((n - 1) * strides[i] + extra[i] + (kernel[i] - 1) * dilations[i] + 1 - pads[i] - pads[i + rank]
                     for i, n in enumerate(size))

    def loops(self, op: Operator) -> Loops:
        x, w = self.operands(op)
        return self.bounds(op, w.shape[1], w.shape[0] // op.attributes.get("group", 1), x.shape[2:], w.shape[2:])


@register("CausalConvWithState")
class CausalConvolution(Rule):
    """A depthwise convolution over the past k positions of (batch, channels, length), optionally with SiLU."""

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        x, w = op.given(0), op.given(1)
        return [(x.shape, x.format), ((*x.shape[:2], w.shape[2] - 1), x.format)]

    def loops(self, op: Operator) -> Loops:
        x, w = op.given(0), op.given(1)
        return Loops(n=x.shape[0], g=x.shape[1], q=x.shape[2], s=w.shape[2])

    def activated(self, op: Operator) -> bool:
        """Whether SiLU follows."""
        return op.attributes.get("activation", "none") not in ("none", "")

    def work(self, op: Operator) -> Work:
        loops, x = self.loops(op), op.given(0)
        tasks = Tasks({("multiply_accumulate", x.format): loops.products})
        if self.activated(op):
            tasks = tasks + Tasks({("silu", x.format): x.elements})
        return Work(tasks, loops.products, loops)

    def gradient(self, op: Operator, needed: Sequence[bool]) -> Work:
        loops, x = self.loops(op), op.given(0)
        work = contraction_gradient(op, needed, loops.products, loops)
        tasks = work.tasks
        if self.activated(op):
            tasks = tasks + Tasks.of(x.format, silu_derivative=x.elements, multiply=x.elements)
        return Work(tasks, work.multiply_accumulates, work.loops)


@register("Col2Im")
class Col2Im(Rule):
    """Columns (N, C kernel, positions) added to their places in (N, C, ...): an addition for each element. The
    gradient takes the columns out again, which copies."""

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        image, block = integers(op.input(1)), integers(op.input(2))
        if image is None or block is None:
            raise bad(op, "its image and block shapes must be constants to know the result's shape")
        x = op.given(0)
        return [((x.shape[0], x.shape[1] // product(block), *image), x.format)]

    def work(self, op: Operator) -> Work:
        return Work(Tasks({("add", op.given(0).format): op.given(0).elements}))

    def gradient(self, op: Operator, needed: Sequence[bool]) -> Work:
        return Work() if needed[0] else nothing()
