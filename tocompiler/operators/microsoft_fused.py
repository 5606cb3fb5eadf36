"""Fused layers of ONNX Runtime (domain com.microsoft): a product, an activation or a normalisation with its
neighbours. Each does what its parts do, and is counted as their sum."""

from __future__ import annotations

from collections.abc import Sequence

from alu_library.tasks import Tasks
from tocompiler.operators import Loops, Rule, Work, register
from tocompiler.operators.activation import FUNCTIONS, Activation
from tocompiler.operators.convolution import Conv, contraction_gradient
from tocompiler.operators.elementwise import nothing
from tocompiler.operators.matmul import Gemm, matrix_product
from tocompiler.operators.movement import crossed
from tocompiler.operators.normalisation import (
    LayerNormalization,
    RMSNormalization,
    affine,
    mean_and_root,
    mean_square_root,
    normalised_gradient,
)
from tocompiler.operators.shapes import bad, windows
from tocompiler.tensors import Operator, Shape

__all__ = ["BiasedActivation", "FusedConv", "FusedGemm", "FusedMatMul", "GroupNorm", "NhwcConv",
           "SkipNormalization"]


def _plus(work: Work, tasks: Tasks) -> Work:
    return Work(work.tasks + tasks, work.multiply_accumulates, work.loops, work.reads, work.writes)


def _activated(op: Operator) -> Tasks:
    """The activation that the attribute ``activation`` names, on every element of the result."""
    name = op.attributes.get("activation")
    n, format = op.outputs[0].elements, op.given(0).format
    if not name:
        return Tasks()
    if name in ("Relu", "Clip"):
        return Tasks({("compare", format): n if name == "Relu" else 2 * n})
    if name not in FUNCTIONS:
        raise bad(op, f"its activation {name} is not known")
    return Tasks({(FUNCTIONS[name], format): n})


@register("com.microsoft.FusedConv")
class FusedConv(Conv):
    """A convolution, a tensor added to it (operand 3, optional) and an activation."""

    def work(self, op: Operator) -> Work:
        added = op.outputs[0].elements if op.input(3) is not None else 0
        return _plus(super().work(op), Tasks({("add", op.given(0).format): added}) + _activated(op))

    def gradient(self, op: Operator, needed: Sequence[bool]) -> Work:
        return Rule.gradient(self, op, needed)


@register("com.microsoft.NhwcConv")
class NhwcConv(Conv):
    """A convolution over (batch, height, width, channels); its weight is as in Conv."""

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        x, w = self.operands(op)
        return [((x.shape[0], *windows(op, x.shape[1:-1], w.shape[2:]), w.shape[0]), x.format)]

    def places(self, op: Operator) -> Shape:
        return op.outputs[0].shape[1:-1]


@register("com.microsoft.FusedGemm")
class FusedGemm(Gemm):
    """Gemm and an activation."""

    def work(self, op: Operator) -> Work:
        return _plus(super().work(op), _activated(op))

    def gradient(self, op: Operator, needed: Sequence[bool]) -> Work:
        return Rule.gradient(self, op, needed)


@register("com.microsoft.FusedMatMul")
class FusedMatMul(Rule):
    """alpha a b with the last two axes of either transposed (``transA``), or the batch axes moved before them
    (``transBatchA``: the first axis and those after it but the last)."""

    def product(self, op: Operator) -> tuple[Shape, Loops]:
        a, b = (self.arranged(op, op.given(i).shape, side) for i, side in enumerate("AB"))
        return matrix_product(op, a, b)

    def arranged(self, op: Operator, shape: Shape, side: str) -> Shape:
        """The operand's shape as it enters the product."""
        if op.attributes.get(f"transBatch{side}"):
            shape = (*shape[1:-1], shape[0], shape[-1])
        return (*shape[:-2], shape[-1], shape[-2]) if op.attributes.get(f"trans{side}") and len(shape) > 1 else shape

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        return [(self.product(op)[0], op.given(0).format)]

    def scales(self, op: Operator) -> Tasks:
        """A product for each result where alpha is not 1."""
        scaled = op.attributes.get("alpha", 1.0) != 1.0
        return Tasks({("multiply", op.given(0).format): op.outputs[0].elements if scaled else 0})

    def work(self, op: Operator) -> Work:
        loops = self.product(op)[1]
        tasks = Tasks({("multiply_accumulate", op.given(0).format): loops.products})
        return Work(tasks + self.scales(op), loops.products, loops)

    def gradient(self, op: Operator, needed: Sequence[bool]) -> Work:
        loops = self.product(op)[1]
        return _plus(contraction_gradient(op, needed, loops.products, loops), self.scales(op))


@register("com.microsoft.Gelu", "com.microsoft.BiasGelu", function="gelu")
@register("com.microsoft.FastGelu", function="gelu_tanh")
@register("com.microsoft.QuickGelu", function="quick_gelu")
class BiasedActivation(Activation):
    """A bias added (operand 1, optional), then a function."""

    def work(self, op: Operator) -> Work:
        added = op.outputs[0].elements if op.input(1) is not None else 0
        return _plus(super().work(op), Tasks({("add", op.given(0).format): added}))

    def gradient(self, op: Operator, needed: Sequence[bool]) -> Work:
        work, bias = super().gradient(op, [any(needed)]), op.input(1)
        if bias is None or not needed[1]:
            return work
        return _plus(work, Tasks({("add", op.given(0).format): op.outputs[0].elements - bias.elements}))


@register("com.microsoft.BiasSplitGelu")
class BiasSplitGelu(Rule):
    """(x + bias) split in two along its last axis: the first half times the GELU of the second."""

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        x = op.given(0)
        return [((*x.shape[:-1], x.shape[-1] // 2), x.format)]

    def work(self, op: Operator) -> Work:
        half = op.outputs[0].elements
        return Work(Tasks.of(op.given(0).format, add=op.given(0).elements, gelu=half, multiply=half))


@register("com.microsoft.BiasAdd")
class BiasAdd(Rule):
    """x + bias + skip."""

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        return [(op.given(0).shape, op.given(0).format)]

    def work(self, op: Operator) -> Work:
        return Work(Tasks({("add", op.given(0).format): (len(op.inputs) - 1) * op.outputs[0].elements}))

    def gradient(self, op: Operator, needed: Sequence[bool]) -> Work:
        if not needed[1]:
            return nothing()
        return Work(Tasks({("add", op.given(0).format): op.given(0).elements - op.given(1).elements}))


@register("SimplifiedLayerNormalization", "com.microsoft.SimplifiedLayerNormalization")
class SimplifiedLayerNormalization(RMSNormalization):
    """RMSNormalization under the name ONNX Runtime gave it first."""


@register("com.microsoft.SkipLayerNormalization", centred=True)
@register("com.microsoft.SkipSimplifiedLayerNormalization", centred=False)
class SkipNormalization(Rule):
    """x + skip (+ bias), normalised over the last axis. Operands: x, skip, scale, shift (if centred), bias; results:
    the normalised, two statistics, and the sum."""

    def __init__(self, centred: bool) -> None:
        self.centred = centred

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        x = op.given(0)
        statistics = ((*x.shape[:-1], 1), "fp32")
        return [(x.shape, x.format), statistics, statistics, (x.shape, x.format)][:max(len(op.outputs), 1)]

    def work(self, op: Operator) -> Work:
        x = op.given(0)
        n, format = x.elements, x.format
        rows = n // x.shape[-1]
        sums = 2 if op.input(4 if self.centred else 3) is not None else 1
        statistics = mean_and_root if self.centred else mean_square_root
        shift = self.centred and op.input(3) is not None
        return Work(Tasks({("add", format): sums * n}) + statistics(format, rows, x.shape[-1])
                    + affine(format, n, True, shift))

    def gradient(self, op: Operator, needed: Sequence[bool]) -> Work:
        """The normalisation's; the sum passes its gradient on, and a bias sums it."""
        x = op.given(0)
        width, rows, at = x.shape[-1], x.elements // x.shape[-1], 4 if self.centred else 3
        wanted = [*needed, False, False, False][:5]
        shift = self.centred and op.input(3) is not None
        tasks = normalised_gradient(x.format, rows, width, width, True, shift, self.centred,
                                    (wanted[0] or wanted[1], wanted[2], shift and wanted[3]))
        return Work(tasks + Tasks({("add", x.format): x.elements - width if wanted[at] else 0}))


@register("com.microsoft.GroupNorm", "com.microsoft.SkipGroupNorm")
class GroupNorm(Rule):
    """Group normalisation of (batch, height, width, channels), with SiLU after it where ``activation`` is 1; with skip,
    two tensors (operands 3 and 4, each optional) are added before."""

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        return [(op.given(0).shape, op.given(0).format)] * max(len(op.outputs), 1)

    def work(self, op: Operator) -> Work:
        x = op.given(0)
        groups = x.shape[0] * op.attributes["groups"]
        sums = sum(1 for tensor in op.inputs[3:5] if tensor is not None)
        tasks = mean_and_root(x.format, groups, x.elements // groups) + affine(x.format, x.elements, True, True)
        activated = x.elements if op.attributes.get("activation") else 0
        return Work(tasks + Tasks.of(x.format, add=sums * x.elements, silu=activated))


@register("com.microsoft.EmbedLayerNormalization")
class EmbedLayerNormalization(LayerNormalization):
    """Word, position and (optional) segment embeddings looked up, added and normalised over the last axis. Operands:
    word ids, segment ids, the three tables, scale and shift; only the rows that are looked up are read."""

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        ids, table = op.given(0), op.given(2)
        y = ((*ids.shape, table.shape[-1]), table.format)
        return [y, (ids.shape[:1], "int32"), y][:max(len(op.outputs), 1)]

    def work(self, op: Operator) -> Work:
        y, ids, tables = op.outputs[0], op.given(0), [t for t in op.inputs[2:5] if t is not None]
        width, format = y.shape[-1], op.given(2).format
        tasks = Tasks({("add", format): (len(tables) - 1) * y.elements}) + mean_and_root(format, ids.elements, width)
        reads = [crossed(t, y.elements) for t in tables]
        reads += [crossed(t, t.elements) for t in (*op.inputs[:2], *op.inputs[5:]) if t is not None]
        return Work(tasks + affine(format, y.elements, True, True), reads=tuple(reads))

    def gradient(self, op: Operator, needed: Sequence[bool]) -> Work:
        """The normalisation's; each row's gradient is added to the row of each table it came from."""
        y, ids, format = op.outputs[0], op.given(0), op.given(2).format
        wanted = [*needed, False, False][:7]
        tasks = normalised_gradient(format, ids.elements, y.shape[-1], y.shape[-1], True, True, True,
                                    (any(wanted[2:5]), wanted[5], wanted[6]))
        return Work(tasks + Tasks({("add", format): sum(wanted[2:5]) * y.elements}))
