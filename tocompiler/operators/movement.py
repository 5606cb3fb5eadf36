"""Operators that move or rename data. They have no ALU task, and each says why.

A view (Reshape, Flatten, Squeeze) names the same bytes anew and moves nothing; the others read what they need and
write their results.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from alu_library.tasks import Tasks
from tocompiler.operators import Access, Rule, Work, add_rule, register
from tocompiler.operators.conversion import ONNX_FORMATS
from tocompiler.operators.shapes import axis_of, bad, broadcast, dimension, integers, is_known, option, product
from tocompiler.tensors import Dimension, Operator, Shape, Tensor

__all__ = ["Movement", "crossed"]

ShapeRule = Callable[[Operator], list[Shape]]


def crossed(tensor: Tensor, elements: Dimension) -> Access:
    """An access to some elements of a tensor."""
    return Access(tensor.name, elements, tensor.format, tensor.kind)


class Movement(Rule):
    """No ALU task; ``view``: no traffic either; ``part``: of the first operand only what the result holds is read.
    ``summed``: the gradient adds up what the forward pass repeated."""

    def __init__(self, reason: str, shapes: ShapeRule | None = None, view: bool = False, part: bool = False,
                 summed: bool = False) -> None:
        self.data_only = reason
        self.shapes = shapes
        self.view = view
        self.part = part
        self.summed = summed

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        if self.shapes is None:
            return super().results(op)
        return [(shape, op.given(0).format) for shape in self.shapes(op)]

    def work(self, op: Operator) -> Work:
        if self.view:
            return Work(reads=(), writes=())
        if self.part:
            return Work(reads=(crossed(op.given(0), op.outputs[0].elements),))
        return Work()

    def gradient(self, op: Operator, needed: Sequence[bool]) -> Work:
        if self.view or not any(needed):
            return Work(reads=(), writes=())
        if self.summed:
            x = op.given(0)
            return Work(Tasks({("add", x.format): op.outputs[0].elements - x.elements}))
        return Work()


def _required(op: Operator, name: str, index: int) -> tuple[Dimension, ...]:
    values = option(op, name, index)
    if values is None:
        raise bad(op, f"its {name} must be a constant to know the result's shape")
    return values


def _same(op: Operator) -> list[Shape]:
    return [op.given(0).shape]


def _reshape(op: Operator) -> list[Shape]:
    x = op.given(0)
    wanted = list(_required(op, "shape", 1))
    if not op.attributes.get("allowzero"):
        wanted = [x.shape[i] if is_known(d) and d == 0 else d for i, d in enumerate(wanted)]
    if -1 in wanted:
        rest = product(d for d in wanted if d != -1)
        if is_known(rest) and (rest == 0 or (is_known(x.elements) and x.elements % rest)):
            raise bad(op, f"shape {x.shape} does not fit {tuple(wanted)}")
        wanted[wanted.index(-1)] = dimension(x.elements // rest if is_known(rest) and is_known(x.elements)
                                             else x.elements / rest)
    elif is_known(x.elements) and is_known(product(wanted)) and x.elements != product(wanted):
        raise bad(op, f"shape {x.shape} does not fit {tuple(wanted)}")
    return [tuple(wanted)]


def _flatten(op: Operator) -> list[Shape]:
    shape = op.given(0).shape
    axis = op.attributes.get("axis", 1)
    axis = axis + len(shape) if axis < 0 else axis
    return [(product(shape[:axis]), product(shape[axis:]))]


def _transpose(op: Operator) -> list[Shape]:
    shape = op.given(0).shape
    permutation = op.attributes.get("perm") or range(len(shape) - 1, -1, -1)
    if sorted(permutation) != list(range(len(shape))):
        raise bad(op, f"perm {tuple(permutation)} does not permute {len(shape)} axes")
    return [tuple(shape[i] for i in permutation)]


def _concat(op: Operator) -> list[Shape]:
    shapes = [t.shape for t in op.inputs if t is not None]
    axis = axis_of(op, op.attributes["axis"], len(shapes[0]))
    first = shapes[0]
    for shape in shapes[1:]:
        if len(shape) != len(first) or any(
                a != b and is_known(a) and is_known(b)
                for i, (a, b) in enumerate(zip(first, shape, strict=True)) if i != axis):
            raise bad(op, f"shapes {' and '.join(map(str, shapes))} differ beside axis {axis}")
    return [(*first[:axis], dimension(sum(s[axis] for s in shapes)), *first[axis + 1:])]


def _split(op: Operator) -> list[Shape]:
    shape = op.given(0).shape
    axis = axis_of(op, op.attributes.get("axis", 0), len(shape))
    sizes = option(op, "split", 1)
    if sizes is None:
        n = op.attributes.get("num_outputs") or len(op.outputs)
        if not n:
            raise bad(op, "needs split or num_outputs")
        chunk = -(-shape[axis] // n)
        sizes = (*(chunk for _ in range(n - 1)), shape[axis] - chunk * (n - 1))
    return [(*shape[:axis], size, *shape[axis + 1:]) for size in sizes]


def _slice(op: Operator) -> list[Shape]:
    shape = list(op.given(0).shape)
    starts, ends = _required(op, "starts", 1), _required(op, "ends", 2)
    axes = option(op, "axes", 3) or range(len(starts))
    steps = option(op, "steps", 4) or (1,) * len(starts)
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        i = axis_of(op, axis, len(shape))
        shape[i] = _length(op, shape[i], start, end, step)
    return [tuple(shape)]


_FAR = 2**31 - 1


def _length(op: Operator, n: Dimension, start: Dimension, end: Dimension, step: int) -> Dimension:
    """Elements from start up to end, which are clamped as ONNX says: going backwards, to 0..n-1 and -1..n-1 (numpy
    lets the start be -1). A symbolic n is taken to be long enough for bounds that are numbers."""
    if all(map(is_known, (n, start, end))):
        low, high = (0, n) if step > 0 else (-1, n - 1)
        first = min(max(start + n if start < 0 else start, 0), high)
        last = min(max(end + n if end < 0 else end, low), high)
        return max(0, -(-(last - first) // step))
    if step < 0:
        raise bad(op, "a slice backwards over a symbolic dimension; bind it with --dim")
    first = n + start if is_known(start) and start < 0 else start
    last = n if is_known(end) and end >= _FAR else n + end if is_known(end) and end < 0 else end
    return dimension(-(-(last - first) // step))


def _pad(op: Operator) -> list[Shape]:
    shape = list(op.given(0).shape)
    pads = op.attributes.get("paddings") or _required(op, "pads", 1)
    axes = integers(op.input(3)) or range(len(shape))
    half = len(pads) // 2
    if half != len(list(axes)):
        raise bad(op, f"{len(pads)} pads for {len(list(axes))} axes")
    for i, axis in enumerate(axes):
        shape[axis] = shape[axis] + pads[i] + pads[i + half]
    return [tuple(shape)]


def _squeeze(op: Operator) -> list[Shape]:
    shape = op.given(0).shape
    axes = option(op, "axes", 1)
    if axes is None:
        return [tuple(d for d in shape if d != 1)]
    dropped = {axis_of(op, a, len(shape)) for a in axes}
    if any(is_known(shape[i]) and shape[i] != 1 for i in dropped):
        raise bad(op, f"axes {axes} of shape {shape} are not all 1")
    return [tuple(d for i, d in enumerate(shape) if i not in dropped)]


def _unsqueeze(op: Operator) -> list[Shape]:
    shape, axes = op.given(0).shape, _required(op, "axes", 1)
    rank = len(shape) + len(axes)
    new = {axis_of(op, a, rank) for a in axes}
    rest = iter(shape)
    return [tuple(1 if i in new else next(rest) for i in range(rank))]


def _expand(op: Operator) -> list[Shape]:
    return [broadcast(op, op.given(0).shape, _required(op, "shape", 1))]


def _tile(op: Operator) -> list[Shape]:
    return [tuple(d * n for d, n in zip(op.given(0).shape, _required(op, "repeats", 1), strict=True))]


def _depth_to_space(op: Operator) -> list[Shape]:
    n, c, h, w = op.given(0).shape
    b = op.attributes["blocksize"]
    return [(n, c // (b * b), h * b, w * b)]


def _space_to_depth(op: Operator) -> list[Shape]:
    n, c, h, w = op.given(0).shape
    b = op.attributes["blocksize"]
    return [(n, c * b * b, h // b, w // b)]


def _constant_of_shape(op: Operator) -> list[Shape]:
    return [_required(op, "shape", 0)]


def _rank(op: Operator) -> list[Shape]:
    shape = op.given(0).shape
    return [(len(shape[slice(op.attributes.get("start"), op.attributes.get("end"))]),)]


_VIEW = "it names the same data by another shape"
_RULES: dict[str, Movement] = {
    "Identity": Movement("it names the same data", _same, view=True),
    "Reshape": Movement(_VIEW, _reshape, view=True),
    "Flatten": Movement(_VIEW, _flatten, view=True),
    "Squeeze": Movement(_VIEW, _squeeze, view=True),
    "Unsqueeze": Movement(_VIEW, _unsqueeze, view=True),
    "Constant": Movement("its value is stored with the model", view=True),
    "Transpose": Movement("it reorders elements", _transpose),
    "Concat": Movement("it places its operands side by side", _concat),
    "Split": Movement("it copies parts of its operand", _split),
    "Slice": Movement("it copies part of its operand", _slice, part=True),
    "Pad": Movement("it copies its operand into a larger one", _pad),
    "Expand": Movement("it repeats elements", _expand, summed=True),
    "Tile": Movement("it repeats elements", _tile, summed=True),
    "DepthToSpace": Movement("it reorders elements", _depth_to_space),
    "SpaceToDepth": Movement("it reorders elements", _space_to_depth),
    "CenterCropPad": Movement("it copies part of its operand, or pads it"),
    "ReverseSequence": Movement("it reorders elements", _same),
    "Trilu": Movement("it keeps the elements on one side of a diagonal, known by their position", _same),
}
for _name, _rule in _RULES.items():
    add_rule(_name, _rule)


class _Written(Rule):
    """Its result does not depend on any element of its operands."""

    def __init__(self, reason: str, shapes: ShapeRule, format: str = "fp32", free: bool = False) -> None:
        self.data_only = reason
        self.shapes = shapes
        self.format = format
        self.free = free

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        return [(shape, self.format) for shape in self.shapes(op)]

    def work(self, op: Operator) -> Work:
        return Work(reads=(), writes=() if self.free else None)

    def gradient(self, op: Operator, needed: Sequence[bool]) -> Work:
        return Work(reads=(), writes=())


add_rule("Shape", _Written("a shape is known without reading the data", _rank, "int64", free=True))
add_rule("Size", _Written("a size is known without reading the data", lambda op: [()], "int64", free=True))
add_rule("ConstantOfShape", _Written("it fills its result with one value", _constant_of_shape))


@register("EyeLike")
class EyeLike(_Written):
    """Ones on a diagonal, in the format of its operand or the one it names."""

    def __init__(self) -> None:
        super().__init__("it fills its result with ones on a diagonal", _same)

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        return [(op.given(0).shape, ONNX_FORMATS.get(op.attributes.get("dtype", 0), op.given(0).format))]


@register("BitCast")
class BitCast(Movement):
    """The same bits in the format that its attribute ``to`` names."""

    def __init__(self) -> None:
        super().__init__("it names the same bits by another number format", view=True)

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        return [(op.given(0).shape, ONNX_FORMATS[op.attributes["to"]])]
