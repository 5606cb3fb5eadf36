"""Resampling to another size. Nearest copies; linear and cubic sum 2 or 4 weighted neighbours along each axis."""

from __future__ import annotations

from collections.abc import Sequence

from alu_library.tasks import Count, Tasks
from tocompiler.operators import Rule, Work, register
from tocompiler.operators.elementwise import nothing
from tocompiler.operators.shapes import bad, integers, is_known
from tocompiler.tensors import Dimension, Operator, Shape

__all__ = ["Resize"]

_NEIGHBOURS = {"nearest": 1, "linear": 2, "cubic": 4}


@register("Resize", "Upsample")
class Resize(Rule):
    """A result is 2^k (linear) or 4^k (cubic) products summed, for the k axes whose size changes. The weights are
    the same for each row and column and are taken as stored; they cost no task.
    """

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        x = op.given(0)
        upsample = op.operator == "Upsample"
        sizes = None if upsample else integers(op.input(3))
        if sizes is not None:
            return [(self.sized(op, sizes), x.format)]
        tensor = op.input(1 if upsample or len(op.inputs) == 2 else 2)
        scales = op.attributes.get("scales")
        if scales is None and tensor is not None and tensor.value is not None:
            scales = tensor.value.reshape(-1).tolist()
        if not scales:
            raise bad(op, "its sizes or scales must be constants to know the result's shape")
        axes = op.attributes.get("axes") or range(len(x.shape))
        shape = list(x.shape)
        for axis, scale in zip(axes, scales, strict=True):
            shape[axis] = _scaled(shape[axis], scale)
        return [(tuple(shape), x.format)]

    def sized(self, op: Operator, sizes: Sequence[Count]) -> Shape:
        """The result's shape from sizes: of all axes, or of those named by ``axes``, the ratio kept if so asked."""
        shape = list(op.given(0).shape)
        axes = list(op.attributes.get("axes") or range(len(shape)))
        policy = op.attributes.get("keep_aspect_ratio_policy", "stretch")
        if policy == "stretch":
            for axis, size in zip(axes, sizes, strict=True):
                shape[axis] = size
            return tuple(shape)
        ratios = [size / shape[axis] for axis, size in zip(axes, sizes, strict=True)]
        scale = min(ratios) if policy == "not_larger" else max(ratios)
        for axis in axes:
            shape[axis] = int(scale * shape[axis] + 0.5)
        return tuple(shape)

    def products(self, op: Operator) -> Count:
        """Weighted neighbours summed, over all results; 0 where elements are copied."""
        mode = op.attributes.get("mode", "nearest")
        x, y = op.given(0).shape, op.outputs[0].shape
        if mode == "nearest":
            return 0
        resized = sum(1 for a, b in zip(x, y, strict=True) if a != b)
        return op.outputs[0].elements * _NEIGHBOURS[mode] ** resized if resized else 0

    def work(self, op: Operator) -> Work:
        return Work(Tasks({("multiply_accumulate", op.given(0).format): self.products(op)}))

    def gradient(self, op: Operator, needed: Sequence[bool]) -> Work:
        """Each result's gradient is added, weighted, to the neighbours it came from; to one of them for nearest."""
        if not needed[0]:
            return nothing()
        products, format = self.products(op), op.given(0).format
        if is_known(products) and products == 0:
            return Work(Tasks({("add", format): op.outputs[0].elements}))
        return Work(Tasks({("multiply_accumulate", format): products}))


def _scaled(size: Dimension, scale: float) -> Dimension:
    """floor(size scale), exact where the scale is a whole number or the dimension a symbol."""
    if is_known(size):
        return int(size * scale)
    if scale == int(scale):
        return size * int(scale)
    from fractions import Fraction

    ratio = Fraction(scale).limit_denominator(1 << 16)
    return size * ratio.numerator // ratio.denominator
