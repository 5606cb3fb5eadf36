"""Shape arithmetic shared by the rooms. Dimensions are ints or sympy expressions; nothing here imports sympy.

Only ints are ever compared: a question that a symbolic dimension leaves open is answered by an expression
(floor, Min) or refused with the advice to bind it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from tocompiler.tensors import Dimension, Operator, Shape, Tensor

__all__ = ["BOOLEAN", "arithmetic", "axis_of", "bad", "broadcast", "ceil_div", "dimension", "integers", "is_known",
           "option", "product", "scalar", "windows"]

BOOLEAN = "bool"
"""The format of truth values; a byte each, and arithmetic on them is arithmetic on bytes."""


def bad(op: Operator, problem: str) -> ValueError:
    """An error that names the operator, for a misfit between its operands and attributes."""
    return ValueError(f"{op.operator} '{op.name}': {problem}")


def arithmetic(tensor: Tensor) -> str:
    """The number format in which an operator calculates with a tensor."""
    return "uint8" if tensor.format == BOOLEAN else tensor.format


def is_known(d: Dimension) -> bool:
    """Whether a dimension is a plain number."""
    return isinstance(d, int) or bool(getattr(d, "is_Integer", False))


def dimension(d: Any) -> Dimension:
    """An int where the value is a number (numpy's and sympy's included), the expression itself otherwise."""
    if isinstance(d, int) or getattr(d, "free_symbols", None):
        return d
    return int(d)


def product(dims: Iterable[Dimension]) -> Dimension:
    """The product of dimensions; 1 for none."""
    n: Dimension = 1
    for d in dims:
        n = n * d
    return n


def ceil_div(a: Dimension, b: int) -> Dimension:
    """The quotient rounded up, written with floor division so that it holds for expressions."""
    return -(-a // b)


def axis_of(op: Operator, axis: int, rank: int) -> int:
    """A possibly negative axis, counted from the front; ValueError outside the rank."""
    if not -rank <= axis < max(rank, 1):
        raise bad(op, f"axis {axis} is outside its operand's {rank} dimensions")
    return axis + rank if axis < 0 else axis


def broadcast(op: Operator, *shapes: Shape) -> Shape:
    """The common shape of element-wise operands (numpy's rules).

    A symbolic dimension against a number other than 1 is taken to equal it; two different symbols are an error.
    """
    rank = max(map(len, shapes))
    common: list[Dimension] = [1] * rank
    for shape in shapes:
        for i, d in enumerate(shape, rank - len(shape)):
            if common[i] == 1:
                common[i] = d
            elif d != 1 and d != common[i]:
                if is_known(d) and is_known(common[i]):
                    raise bad(op, f"shapes {' and '.join(map(str, shapes))} do not broadcast")
                if not is_known(d) and not is_known(common[i]):
                    raise bad(op, f"cannot tell whether dimensions {common[i]} and {d} are equal; bind them with --dim")
                common[i] = d if is_known(d) else common[i]
    return tuple(common)


def integers(tensor: Tensor | None) -> tuple[Dimension, ...] | None:
    """The value of a small constant tensor as ints (or expressions); None where it is absent or unknown."""
    if tensor is None or tensor.value is None:
        return None
    return tuple(dimension(v) for v in tensor.value.reshape(-1).tolist())


def option(op: Operator, name: str, index: int) -> tuple[Dimension, ...] | None:
    """Integers that older opsets keep in an attribute and newer ones in an input; None where they are unknown."""
    stated = op.attributes.get(name)
    if stated is None:
        return integers(op.input(index))
    return tuple(stated) if isinstance(stated, (list, tuple)) else (stated,)


def scalar(tensor: Tensor | None) -> float | None:
    """The value of a one-element constant; None where it is absent, unknown or larger."""
    if tensor is None or tensor.value is None or tensor.value.size != 1:
        return None
    value = tensor.value.reshape(-1).tolist()[0]
    return float(value) if isinstance(value, (int, float)) else None


def windows(op: Operator, size: Sequence[Dimension], kernel: Sequence[Dimension]) -> Shape:
    """How many positions a sliding window takes along each axis (Conv, the pools), from the operator's
    ``strides``, ``dilations``, ``pads``, ``auto_pad`` and ``ceil_mode``."""
    rank = len(size)
    if len(kernel) != rank:
        raise bad(op, f"a kernel of {len(kernel)} axes over {rank} spatial axes")
    attributes = op.attributes
    strides = attributes.get("strides") or (1,) * rank
    dilations = attributes.get("dilations") or (1,) * rank
    pads = attributes.get("pads") or (0,) * (2 * rank)
    auto_pad = attributes.get("auto_pad", "NOTSET")
    if len(strides) != rank or len(dilations) != rank or len(pads) != 2 * rank:
        raise bad(op, f"strides, dilations and pads do not fit {rank} spatial axes")
    if auto_pad in ("SAME_UPPER", "SAME_LOWER"):
        return tuple(ceil_div(n, s) for n, s in zip(size, strides, strict=True))
    if auto_pad == "VALID":
        pads = (0,) * (2 * rank)
    out = []
    for i, (n, k, s, d) in enumerate(zip(size, kernel, strides, dilations, strict=True)):
        room = n + pads[i] + pads[i + rank] - d * (k - 1) - 1
        count = ceil_div(room, s) + 1 if attributes.get("ceil_mode") else room // s + 1
        if attributes.get("ceil_mode"):
            count = _starting_inside(count, ceil_div(n + pads[i], s))
        if is_known(count) and count < 1:
            raise bad(op, f"its window of {k} does not fit an input of {n}")
        out.append(count)
    return tuple(out)


def _starting_inside(count: Dimension, limit: Dimension) -> Dimension:
    """With ceil_mode the last window must start inside the input or its left padding (ONNX AveragePool, PyTorch)."""
    if is_known(count) and is_known(limit):
        return min(count, limit)
    import sympy

    return sympy.Min(count, limit)
