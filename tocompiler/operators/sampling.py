"""Reading between grid points: GridSample, AffineGrid, RoiAlign, deformable convolution.

A sample between the points of r axes is 2^r neighbours (linear) or 4^r (cubic) weighted and summed, for each channel.
Its weights are worked out once for all channels: for each axis a position split into floor (a conversion) and fraction
(an addition) and the fraction's complement (an addition), then a product for each neighbour.
"""

from __future__ import annotations

from collections.abc import Sequence

from alu_library.tasks import Count, Tasks
from tocompiler.operators import Loops, Rule, Work, register
from tocompiler.operators.convolution import Conv
from tocompiler.operators.elementwise import nothing
from tocompiler.operators.shapes import bad, ceil_div, integers, product
from tocompiler.tensors import Operator, Shape

__all__ = ["neighbour_weights"]


def neighbour_weights(format: str, positions: Count, axes: int, mode: str = "linear") -> Tasks:
    """Weights of the neighbours of positions with so many axes; nearest needs the rounding only."""
    if mode == "nearest":
        return Tasks.of(format, convert=axes * positions)
    split = Tasks.of(format, convert=axes * positions, add=2 * axes * positions)
    if mode == "cubic":  # four cubic polynomials for each axis, three multiply-accumulates each (Keys 1981)
        return split + Tasks.of(format, multiply_accumulate=12 * axes * positions, multiply=4 ** axes * positions)
    return split + Tasks.of(format, multiply=2 ** axes * positions)


_MODES = {"bilinear": "linear", "bicubic": "cubic"}
_NEIGHBOURS = {"nearest": 1, "linear": 2, "cubic": 4}


@register("GridSample")
class GridSample(Rule):
    """x (N, C, ...) at the positions of a grid (N, ..., axes), each coordinate scaled to pixels and kept inside."""

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        x, grid = op.given(0), op.given(1)
        return [((*x.shape[:2], *grid.shape[1:-1]), x.format)]

    def mode(self, op: Operator) -> str:
        """nearest, linear or cubic; opset 16 wrote bilinear and bicubic."""
        mode = str(op.attributes.get("mode", "linear"))
        return _MODES.get(mode, mode)

    def axes(self, op: Operator) -> int:
        """How many coordinates a position has: one for each axis behind the channels."""
        x, grid = op.given(0), op.given(1)
        axes = len(x.shape) - 2
        if not grid.shape or axes < 1 or grid.shape[-1] != axes:
            raise bad(op, f"x of shape {x.shape} and a grid of shape {grid.shape}; (N, C, ...) and (N, ..., axes) fit")
        return axes

    def work(self, op: Operator) -> Work:
        grid, y, format, mode = op.given(1), op.outputs[0], op.given(0).format, self.mode(op)
        axes = self.axes(op)
        positions = grid.elements // axes
        scaled = Tasks.of(format, multiply_accumulate=grid.elements, compare=2 * grid.elements)
        tasks = scaled + neighbour_weights(format, positions, axes, mode)
        summed = 0 if mode == "nearest" else y.elements * _NEIGHBOURS[mode] ** axes
        return Work(tasks + Tasks.of(format, multiply_accumulate=summed))

    def gradient(self, op: Operator, needed: Sequence[bool]) -> Work:
        """By x: each result's gradient added, weighted, to its neighbours. By the grid: differences of neighbours."""
        grid, y, format, mode = op.given(1), op.outputs[0], op.given(0).format, self.mode(op)
        axes = self.axes(op)
        neighbours = y.elements * _NEIGHBOURS[mode] ** axes
        tasks = Tasks()
        if needed[0]:
            tasks = tasks + (Tasks.of(format, add=y.elements) if mode == "nearest"
                             else Tasks.of(format, multiply_accumulate=neighbours))
        if needed[1] and mode != "nearest":
            tasks = tasks + Tasks.of(format, multiply_accumulate=axes * neighbours, multiply=grid.elements)
        return Work(tasks)


@register("AffineGrid")
class AffineGrid(Rule):
    """Every position of an image of the given size through a 2 x 3 or 3 x 4 matrix for each sample."""

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        size = integers(op.input(1))
        if size is None:
            raise bad(op, "its size must be a constant to know the result's shape")
        return [((size[0], *size[2:], len(size) - 2), op.given(0).format)]

    def work(self, op: Operator) -> Work:
        y = op.outputs[0]
        return Work(Tasks.of(y.format, multiply_accumulate=y.elements * (y.shape[-1] + 1)))

    def gradient(self, op: Operator, needed: Sequence[bool]) -> Work:
        return self.work(op) if needed[0] else nothing()


@register("RoiAlign")
class RoiAlign(Rule):
    """Each cell of each region averages (or takes the maximum of) samples between pixels (He et al. 2017).

    ``sampling_ratio`` of 0 means as many samples as the region has pixels in a cell; the region is then taken to be the
    whole feature map, an upper bound.
    """

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        x, regions, attributes = op.given(0), op.given(1), op.attributes
        return [((regions.shape[0], x.shape[1], attributes.get("output_height", 1), attributes.get("output_width", 1)),
                 x.format)]

    def samples(self, op: Operator) -> Count:
        """Samples in each cell."""
        ratio, shape, cells = op.attributes.get("sampling_ratio", 0), op.given(0).shape, op.outputs[0].shape
        return ratio * ratio if ratio else product(ceil_div(shape[i], cells[i]) for i in (2, 3))

    def work(self, op: Operator) -> Work:
        regions, y, format, k = op.given(1), op.outputs[0], op.given(0).format, self.samples(op)
        positions = y.shape[0] * y.shape[2] * y.shape[3] * k
        # each region: its corners scaled, its size, the size of a cell; each position: start + index step, per axis
        region = Tasks.of(format, multiply=4, add=2, divide=2) * regions.shape[0]
        tasks = region + Tasks.of(format, multiply_accumulate=2 * positions) + neighbour_weights(format, positions, 2)
        if op.attributes.get("mode", "avg") == "max":
            pooled = Tasks.of(format, compare=y.elements * (k - 1))
        else:
            pooled = Tasks.of(format, add=y.elements * (k - 1), divide=y.elements)
        return Work(tasks + pooled + Tasks.of(format, multiply_accumulate=4 * y.elements * k))

    def gradient(self, op: Operator, needed: Sequence[bool]) -> Work:
        """By x: each result's gradient divided, then added, weighted, to the neighbours of its samples."""
        if not needed[0]:
            return nothing()
        y, k = op.outputs[0], self.samples(op)
        return Work(Tasks.of(op.given(0).format, divide=y.elements, multiply_accumulate=4 * y.elements * k))


@register("DeformConv")
class DeformConv(Conv):
    """A convolution whose kernel elements read at learned offsets (Dai et al. 2017), each sample scaled by a mask where
    one is given (Zhu et al. 2019). Its ``multiply_accumulates`` are the convolution's; sampling is ALU tasks."""

    def work(self, op: Operator) -> Work:
        work = super().work(op)
        x, w, offset, format = op.given(0), op.given(1), op.given(2), op.given(0).format
        axes = len(x.shape) - 2
        positions = offset.elements // axes
        samples = x.shape[0] * x.shape[1] * product(w.shape[2:]) * product(op.outputs[0].shape[2:])
        tasks = Tasks.of(format, add=offset.elements) + neighbour_weights(format, positions, axes)
        tasks = tasks + Tasks.of(format, multiply_accumulate=samples * 2 ** axes,
                                 multiply=samples if op.input(4) is not None else 0)
        return Work(work.tasks + tasks, work.multiply_accumulates, work.loops)

    def gradient(self, op: Operator, needed: Sequence[bool]) -> Work:
        """The convolution's gradient by samples and weight, then each sample's by its neighbours and its offset."""
        loops: Loops = self.loops(op)
        format, axes = op.given(0).format, len(op.given(0).shape) - 2
        wanted = [*needed, False, False, False, False][:5]
        sampled = wanted[0] or wanted[2] or wanted[4]
        products = loops.products * (int(sampled) + int(wanted[1]))
        x, w = op.given(0), op.given(1)
        samples = x.shape[0] * x.shape[1] * product(w.shape[2:]) * product(op.outputs[0].shape[2:])
        neighbours = samples * 2 ** axes * (int(wanted[0]) + axes * int(wanted[2]) + int(wanted[4]))
        return Work(Tasks.of(format, multiply_accumulate=products + neighbours), products, loops)
