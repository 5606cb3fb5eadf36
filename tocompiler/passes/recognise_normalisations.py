"""Patterns of normalisations: LayerNormalization, RMSNormalization and GroupNormalization taken apart."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tocompiler.operators.shapes import option, scalar
from tocompiler.passes.matching import Match, Uses, one, scaled_operand
from tocompiler.tensors import Operator, Shape, Tensor

__all__ = ["PATTERNS"]


def _norm(op: Operator, uses: Uses) -> Match | None:
    """From the square root: d / sqrt(mean(d^2) + epsilon), with d = x - mean(x) or d = x, then scale and bias."""
    plus = uses.writer(op.input(0), "Add")
    epsilon = None if plus is None else scaled_operand(plus)
    mean = None if epsilon is None else uses.writer(epsilon[1], "ReduceMean")
    square = None if mean is None else uses.writer(mean.input(0), "Pow", "Mul")
    if plus is None or epsilon is None or mean is None or square is None or not _is_square(square):
        return None
    d, axis = square.given(0), _trailing(mean)
    divided = _divided(op, d, uses)
    if axis is None or divided is None:
        return None
    parts = [plus, mean, square, op, *divided]
    x, centred = d, False
    difference = uses.writer(d, "Sub")
    if difference is not None:
        centre = uses.writer(difference.input(1), "ReduceMean")
        if centre is not None and centre.given(0).name == difference.given(0).name and _trailing(centre) == axis:
            x, centred = difference.given(0), True
            parts += [centre, difference]
    return _with_affine(parts, divided[-1], x, axis, centred, epsilon[0], uses)



def _is_square(op: Operator) -> bool:
    if op.operator == "Pow":
        return scalar(op.input(1)) == 2.0
    return op.given(0).name == op.given(1).name


def _trailing(op: Operator) -> int | None:
    """The first of the axes a mean is taken over, counted from the end, if they are the last ones."""
    rank = max(len(op.given(0).shape), 1)
    axes = sorted(a % rank for a in option(op, "axes", 1) or ())
    kept = op.attributes.get("keepdims", 1)
    return -len(axes) if kept and axes and axes == list(range(rank - len(axes), rank)) else None


def _divided(root: Operator, d: Tensor, uses: Uses) -> list[Operator] | None:
    """The operators that divide d by a root: Div, or a product with the root's reciprocal."""
    division = uses.only_reader(root, "Div", "Reciprocal")
    if division is None:
        return None
    if division.operator == "Div" and division.given(0).name == d.name:
        return [division]
    if division.operator == "Div" and scalar(division.input(0)) != 1.0:
        return None
    product = uses.only_reader(division, "Mul")
    return [division, product] if product is not None and d.name in {t.name for t in product.inputs if t} else None


def _with_affine(parts: list[Operator], last: Operator, x: Tensor, axis: int, centred: bool, epsilon: float,
                 uses: Uses) -> Match:
    """Take in the scale and bias that follow."""
    steps = ("Mul", "Add") if centred else ("Mul",)
    last, operands = _affine(parts, last, steps, tuple(x.shape[axis:]), uses)
    name = "LayerNormalization" if centred else "RMSNormalization"
    return Match(tuple(parts), last, one(name, last, x, *operands, axis=axis, epsilon=epsilon))


def _affine(parts: list[Operator], last: Operator, steps: tuple[str, ...], shape: Shape,
            uses: Uses) -> tuple[Operator, list[Tensor]]:
    """The stored operands, of that shape, of the operators that follow; ``parts`` gains these, the last is returned."""
    operands: list[Tensor] = []
    for operator in steps:
        after = uses.only_reader(last, operator)
        stored = next((t for t in after.inputs if t is not None and t.is_stored), None) if after is not None else None
        if after is None or stored is None or tuple(stored.shape) != shape:
            break
        operands.append(stored)
        parts.append(after)
        last = after
    return last, operands


def _group_norm(op: Operator, uses: Uses) -> Match | None:
    """From InstanceNormalization: channels folded into groups, normalised without scale (ones, zeros), unfolded, then
    scale and bias for each channel. Ones and zeros too many to be kept in the network are taken for what they are in
    this form, which nothing but an exported group norm has."""
    folded, unfolded = uses.writer(op.input(0), "Reshape"), uses.only_reader(op, "Reshape")
    if folded is None or unfolded is None or len(op.given(0).shape) != 3:
        return None
    x, groups = folded.given(0), op.given(0).shape[1]
    if len(x.shape) < 3 or unfolded.outputs[0].shape != x.shape or not isinstance(groups, int):
        return None
    for tensor, expected in ((op.given(1), 1.0), (op.given(2), 0.0)):
        if not tensor.is_stored or (tensor.value is not None and not (tensor.value == expected).all()):
            return None
    parts = [folded, op, unfolded]
    last, operands = _affine(parts, unfolded, ("Mul", "Add"), (x.shape[1], *(1 for _ in x.shape[2:])), uses)
    epsilon = op.attributes.get("epsilon", 1e-5)
    whole = one("GroupNormalization", last, x, *operands, num_groups=groups, epsilon=epsilon)
    return Match(tuple(parts), last, whole)


PATTERNS: Mapping[str, Callable[[Operator, Uses], Match | None]] = {
    "Sqrt": _norm, "InstanceNormalization": _group_norm,
}
"""What an operator may be the middle of."""
