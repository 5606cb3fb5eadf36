"""Normalisation. Products here are ALU tasks only: they are no contraction, so they are not ``multiply_accumulates``.

Statistics of a group of n elements, two passes: n - 1 additions and a division for the mean; n subtractions, n
multiply-accumulates and a division for the variance; an addition and an rsqrt for its reciprocal root.
"""

from __future__ import annotations

from collections.abc import Sequence

from alu_library.tasks import Count, Tasks
from tocompiler.operators import Rule, Work, register
from tocompiler.operators.elementwise import nothing
from tocompiler.operators.shapes import axis_of, bad, product
from tocompiler.tensors import Dimension, Operator, Shape

__all__ = ["LayerNormalization", "RMSNormalization", "affine", "mean_and_root", "mean_square_root",
           "normalised_gradient"]


def mean_and_root(format: str, groups: Count, n: Count) -> Tasks:
    """The mean and the reciprocal standard deviation of ``groups`` groups of ``n`` elements; leaves x - mean."""
    total = groups * n
    return Tasks.of(format, add=2 * total, multiply_accumulate=total, divide=2 * groups, rsqrt=groups)


def mean_square_root(format: str, groups: Count, n: Count) -> Tasks:
    """The reciprocal root of each group's mean square: n products summed, a division, an addition, an rsqrt."""
    return Tasks.of(format, multiply_accumulate=groups * n, divide=groups, add=groups, rsqrt=groups)


def affine(format: str, n: Count, scale: bool, bias: bool) -> Tasks:
    """Normalise, scale and shift n centred elements: a product with the root, then a multiply-accumulate with scale
    and bias (a product or an addition where only one of them exists)."""
    second = {"multiply_accumulate": n} if scale and bias else {"multiply": n} if scale else {"add": n} if bias else {}
    return Tasks.of(format, multiply=n) + Tasks.of(format, **second)


def normalised_gradient(format: str, groups: Count, n: Count, parameters: Count, scale: bool, bias: bool, centred: bool,
                        wanted: Sequence[bool]) -> Tasks:
    """Gradients of y = scale xhat + bias (Ba, Kiros and Hinton 2016), with xhat = (x - mean) root recomputed.

    Input: g = dy scale; dx = root g + b (x - mean) + c, two products summed from c on, with b = -root^3 sum(g (x -
    mean)) / n and c = -root sum(g) / n for each group. Scale: dy xhat summed over what shares it. Bias: dy summed.
    """
    total = groups * n
    tasks = Tasks.of(format, add=total) if centred and (wanted[0] or wanted[1]) else Tasks()
    if wanted[0]:
        tasks = tasks + Tasks.of(format, multiply=total if scale else 0, multiply_accumulate=3 * total)
        tasks = tasks + Tasks.of(format, multiply=3 * groups, divide=groups)
        if centred:
            tasks = tasks + Tasks.of(format, add=total - groups, multiply=groups, divide=groups)
    if scale and wanted[1]:
        tasks = tasks + Tasks.of(format, multiply=total, multiply_accumulate=total)
    if bias and wanted[2]:
        tasks = tasks + Tasks.of(format, add=total - parameters)
    return tasks


class _GroupWise(Rule):
    """Statistics over groups of elements of the first operand; scale is operand 1 and bias operand 2."""

    centred = True

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        return [(op.given(0).shape, op.given(0).format)]

    def groups(self, op: Operator) -> tuple[Count, Count]:
        """How many groups there are and how many elements each has."""
        raise NotImplementedError

    def work(self, op: Operator) -> Work:
        format, (groups, n) = op.given(0).format, self.groups(op)
        statistics = mean_and_root if self.centred else mean_square_root
        scale, bias = op.input(1) is not None, op.input(2) is not None
        return Work(statistics(format, groups, n) + affine(format, groups * n, scale, bias))

    def gradient(self, op: Operator, needed: Sequence[bool]) -> Work:
        wanted = [*needed, False, False][:3]
        if not any(wanted):
            return nothing()
        scale, bias = op.input(1), op.input(2)
        parameters = 0 if bias is None else bias.elements
        return Work(normalised_gradient(op.given(0).format, *self.groups(op), parameters, scale is not None,
                                        bias is not None, self.centred, wanted))


@register("LayerNormalization")
class LayerNormalization(_GroupWise):
    """Over the axes from ``axis`` (default the last) on."""

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        shape = op.given(0).shape
        axis = axis_of(op, op.attributes.get("axis", -1), len(shape))
        statistics = (*shape[:axis], *(1 for _ in shape[axis:]))
        return [(shape, op.given(0).format), (statistics, "fp32"), (statistics, "fp32")][:max(len(op.outputs), 1)]

    def groups(self, op: Operator) -> tuple[Count, Count]:
        shape = op.given(0).shape
        axis = axis_of(op, op.attributes.get("axis", -1), len(shape))
        return product(shape[:axis]), product(shape[axis:])


@register("RMSNormalization")
class RMSNormalization(LayerNormalization):
    """Without the mean: x / sqrt(mean(x^2) + epsilon) scale (Zhang and Sennrich 2019)."""

    centred = False


@register("InstanceNormalization")
class InstanceNormalization(_GroupWise):
    """Over the spatial axes of each channel of each sample."""

    def groups(self, op: Operator) -> tuple[Count, Count]:
        shape = op.given(0).shape
        return product(shape[:2]), product(shape[2:])


@register("GroupNormalization")
class GroupNormalization(_GroupWise):
    """Over the channels of a group and their spatial axes."""

    def groups(self, op: Operator) -> tuple[Count, Count]:
        shape, groups = op.given(0).shape, op.attributes["num_groups"]
        return shape[0] * groups, shape[1] // groups * product(shape[2:])


@register("MeanVarianceNormalization")
class MeanVarianceNormalization(_GroupWise):
    """(x - mean) / sqrt(variance) over the stated axes, without scale and bias."""

    def groups(self, op: Operator) -> tuple[Count, Count]:
        shape = op.given(0).shape
        axes = {axis_of(op, a, len(shape)) for a in op.attributes.get("axes") or (0, 2, 3)}
        return (product(d for i, d in enumerate(shape) if i not in axes),
                product(d for i, d in enumerate(shape) if i in axes))


@register("BatchNormalization")
class BatchNormalization(Rule):
    """Per channel. At inference scale and statistics are constants: one multiply-accumulate for each element.

    With ``training_mode`` (or the extra results that said it before opset 14) the batch's own statistics are computed,
    the running ones updated, and scale and bias merged with them for each channel.
    """

    @staticmethod
    def training(op: Operator) -> bool:
        """Whether the batch's statistics are used."""
        return bool(op.attributes.get("training_mode")) or len(op.outputs) > 1

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        x = op.given(0)
        if len(op.inputs) < 5 or not x.shape:
            raise bad(op, "needs its input, scale, bias, mean and variance")
        y = (x.shape, x.format)
        statistics = [(op.given(3).shape, op.given(3).format), (op.given(4).shape, op.given(4).format)]
        return [y, *statistics][:max(len(op.outputs), 1)]

    def channels(self, op: Operator) -> Dimension:
        """The size of axis 1 (1 where there is none)."""
        return product(op.given(0).shape[1:2])

    def work(self, op: Operator) -> Work:
        format, total = op.given(0).format, op.given(0).elements
        tasks = Tasks({("multiply_accumulate", format): total})
        if not self.training(op):
            return Work(tasks)
        c = self.channels(op)
        merge = Tasks.of(format, multiply=c, multiply_accumulate=c)
        running = Tasks.of(format, multiply=2 * c, multiply_accumulate=2 * c)
        return Work(tasks + mean_and_root(format, c, total // c) + merge + running)

    def gradient(self, op: Operator, needed: Sequence[bool]) -> Work:
        wanted = [*needed, False, False][:3]
        if not any(wanted):
            return nothing()
        format, total, c = op.given(0).format, op.given(0).elements, self.channels(op)
        if self.training(op):
            return Work(_batch_gradient(format, total, c, wanted))
        tasks = Tasks.of(format, multiply=total if wanted[0] else 0, add=total - c if wanted[2] else 0)
        if wanted[1]:  # dy (x - mean) summed, then one product with the root for each channel
            tasks = tasks + Tasks.of(format, add=total, multiply_accumulate=total, multiply=c)
        return Work(tasks)


def _batch_gradient(format: str, total: Count, c: Count, wanted: Sequence[bool]) -> Tasks:
    """Ioffe and Szegedy 2015, section 3, with per-channel coefficients: dx = a dy + b (x - mean) + d, where a is
    scale root, b comes from sum(dy (x - mean)) (root times it is the scale's gradient) and d from sum(dy) (the bias's
    gradient): both sums are needed for dx, so the parameters' gradients cost a product for each channel more."""
    tasks = Tasks()
    if wanted[0] or wanted[1]:
        tasks = tasks + Tasks.of(format, add=total, multiply_accumulate=total, multiply=c)
    if wanted[0] or wanted[2]:
        tasks = tasks + Tasks.of(format, add=total - c)
    if wanted[0]:
        tasks = tasks + Tasks.of(format, multiply_accumulate=2 * total, multiply=4 * c, divide=2 * c)
    return tasks


@register("LRN")
class LocalResponseNormalization(Rule):
    """x / (bias + alpha/size sum(x^2))^beta over ``size`` neighbouring channels (Krizhevsky et al. 2012, 3.3): each
    square once, size - 1 additions, a multiply-accumulate for alpha and bias, a power and a division."""

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        return [(op.given(0).shape, op.given(0).format)]

    def work(self, op: Operator) -> Work:
        n, format, size = op.given(0).elements, op.given(0).format, op.attributes["size"]
        return Work(Tasks.of(format, multiply=n, add=(size - 1) * n, multiply_accumulate=n, pow=n, divide=n))

    def gradient(self, op: Operator, needed: Sequence[bool]) -> Work:
        """dx = dy s^-beta - 2 alpha beta / size x sum(dy y / s): the scale s^-beta is y / x, kept by the forward pass
        as its sum s; size - 1 additions for the window, the rest for each element."""
        if not needed[0]:
            return nothing()
        n, format, size = op.given(0).elements, op.given(0).format, op.attributes["size"]
        return Work(Tasks.of(format, pow=n, multiply=3 * n, divide=n, add=(size - 1) * n, multiply_accumulate=n))


@register("LpNormalization")
class LpNormalization(Rule):
    """x divided by its 1- or 2-norm along an axis."""

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        return [(op.given(0).shape, op.given(0).format)]

    def work(self, op: Operator) -> Work:
        shape, format = op.given(0).shape, op.given(0).format
        axis = axis_of(op, op.attributes.get("axis", -1), len(shape))
        n = product(shape)
        rows = product(shape[:axis] + shape[axis + 1:])
        if op.attributes.get("p", 2) == 1:
            return Work(Tasks.of(format, logic=n, add=n - rows, divide=n))
        return Work(Tasks.of(format, multiply_accumulate=n, sqrt=rows, divide=n))

    def gradient(self, op: Operator, needed: Sequence[bool]) -> Work:
        """dx = (dy - d sum(dy y)) / norm with d = y (p = 2) or sign(x) (p = 1)."""
        if not needed[0]:
            return nothing()
        n = op.given(0).elements
        return Work(Tasks.of(op.given(0).format, multiply_accumulate=2 * n, divide=n))
