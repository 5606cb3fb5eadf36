"""Shape arithmetic: the small integer (and float) tensors by which a model computes its own shapes.

Exporters write ``x.view(x.size(0), -1)`` as Shape, Gather, Unsqueeze, Concat, Reshape. Once the input shapes are
known every value on that path is a constant, and is evaluated here; with symbolic dimensions the values are sympy
expressions in object arrays. Semantics: the ONNX operator documentation, every opset from 7 on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import ceil, prod
from typing import Any, TypeAlias

import numpy as np

from tocompiler.tensors import Shape

__all__ = ["LARGEST", "can_evaluate", "evaluate", "shape_value"]

LARGEST = 1024
"""Values of more elements are not computed: shapes are short, and weights are none of this module's business."""

Array: TypeAlias = np.ndarray[Any, Any]
Attributes: TypeAlias = Mapping[str, Any]
_Evaluator: TypeAlias = Callable[[Sequence[Array | None], Attributes], list[Array]]

_DTYPES = {1: "float32", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64", 9: "bool",
           10: "float16", 11: "float64", 12: "uint32", 13: "uint64"}
"""TensorProto.DataType numbers that numpy has."""


def can_evaluate(operator: str) -> bool:
    """Whether an operator of the standard domain is evaluated where its operands are known."""
    return operator in _EVALUATORS


def evaluate(operator: str, inputs: Sequence[Array | None], attributes: Attributes) -> list[Array] | None:
    """The operator's results from the values of all its inputs (None: absent), or None where it has no value.

    A value is missing where the result would be large, a comparison of symbols is undecided, or the arithmetic
    does not fit; the operator that needs the shape then says so by name.
    """
    if any(value is not None and value.size > LARGEST for value in inputs):
        return None
    try:
        results = _EVALUATORS[operator](inputs, attributes)
    except (ArithmeticError, LookupError, TypeError, ValueError):
        return None
    return results if all(r.size <= LARGEST for r in results) else None


def shape_value(shape: Shape, attributes: Attributes | None = None) -> Array:
    """What the Shape operator yields: int64, or an object array where a dimension is symbolic."""
    start, end = (attributes or {}).get("start", 0), (attributes or {}).get("end")
    return _integers(list(shape[start:end]))


def _integers(values: list[Any]) -> Array:
    symbolic = any(not isinstance(v, int) for v in values)
    result = np.empty(len(values), dtype=object if symbolic else np.int64)
    result[:] = values
    return result


def _present(value: Array | None) -> Array:
    if value is None:
        raise ValueError("a required operand is absent")
    return value


def _list(value: Array | None, attributes: Attributes, name: str, default: Any = None) -> Any:
    """A list of integers that newer opsets pass as an input and older ones as an attribute."""
    if value is not None:
        return [int(v) for v in value.reshape(-1)]
    return attributes.get(name, default)


def _of(function: Callable[..., Any]) -> _Evaluator:
    """An element-wise operator from a numpy function of as many arguments."""
    return lambda inputs, attributes: [np.asarray(function(*(_present(v) for v in inputs)))]


def _variadic(function: Callable[..., Any]) -> _Evaluator:
    def run(inputs: Sequence[Array | None], attributes: Attributes) -> list[Array]:
        result = _present(inputs[0])
        for other in inputs[1:]:
            result = function(result, _present(other))
        return [np.asarray(result)]

    return run


def _reduction(function: Callable[..., Any]) -> _Evaluator:
    def run(inputs: Sequence[Array | None], attributes: Attributes) -> list[Array]:
        axes = _list(inputs[1] if len(inputs) > 1 else None, attributes, "axes")
        if not axes and attributes.get("noop_with_empty_axes"):
            return [_present(inputs[0])]
        data = _present(inputs[0])
        reduced = function(data, axis=tuple(axes) if axes else None, keepdims=bool(attributes.get("keepdims", 1)))
        return [np.asarray(reduced, dtype=data.dtype)]

    return run


def _divide(a: Array, b: Array) -> Array:
    """Integers divide towards zero (C semantics); symbols are positive, so their floor is that as well."""
    if object in (a.dtype, b.dtype):
        return np.asarray(a // b)
    if a.dtype.kind in "iu":
        return np.asarray(np.sign(a) * np.sign(b) * (np.abs(a) // np.abs(b)), dtype=a.dtype)
    return np.asarray(a / b)


def _cast(inputs: Sequence[Array | None], attributes: Attributes) -> list[Array]:
    data, to = _present(inputs[0]), attributes["to"]
    if to not in _DTYPES:
        raise ValueError(f"no numpy type for element type {to}")
    return [data if data.dtype == object else data.astype(_DTYPES[to])]


def _rounded(exact: Callable[[Any], Array], symbolic: str) -> _Evaluator:
    """Floor and Ceil of numbers, or of sympy expressions."""
    def run(inputs: Sequence[Array | None], attributes: Attributes) -> list[Array]:
        data = _present(inputs[0])
        if data.dtype != object:
            return [np.asarray(exact(data))]
        import sympy

        return [np.vectorize(getattr(sympy, symbolic), otypes=[object])(data)]

    return run


def _range(inputs: Sequence[Array | None], attributes: Attributes) -> list[Array]:
    start, limit, delta = (_present(v).item() for v in inputs)
    count = max(0, ceil((limit - start) / delta))
    if count > LARGEST:
        raise ValueError("the range is large")
    return [np.asarray([start + i * delta for i in range(count)], dtype=_present(inputs[0]).dtype)]


def _constant_of_shape(inputs: Sequence[Array | None], attributes: Attributes) -> list[Array]:
    shape = [int(v) for v in _present(inputs[0])]
    if np.prod(shape, dtype=object) > LARGEST:
        raise ValueError("the constant is large")
    value = attributes.get("value")
    return [np.full(shape, 0.0 if value is None else value.reshape(-1)[0],
                    dtype=np.float32 if value is None else value.dtype)]


def _reshape(inputs: Sequence[Array | None], attributes: Attributes) -> list[Array]:
    data, target = _present(inputs[0]), _list(inputs[1], attributes, "shape")
    if not attributes.get("allowzero"):
        target = [data.shape[i] if d == 0 else d for i, d in enumerate(target)]
    return [data.reshape(target)]


def _squeeze(inputs: Sequence[Array | None], attributes: Attributes) -> list[Array]:
    axes = _list(inputs[1] if len(inputs) > 1 else None, attributes, "axes")
    return [np.squeeze(_present(inputs[0]), axis=None if axes is None else tuple(axes))]


def _unsqueeze(inputs: Sequence[Array | None], attributes: Attributes) -> list[Array]:
    axes = _list(inputs[1] if len(inputs) > 1 else None, attributes, "axes")
    return [np.expand_dims(_present(inputs[0]), tuple(axes))]


def _slice(inputs: Sequence[Array | None], attributes: Attributes) -> list[Array]:
    data = _present(inputs[0])
    given = (*inputs[1:], None, None, None, None)
    starts = _list(given[0], attributes, "starts")
    ends = _list(given[1], attributes, "ends")
    axes = _list(given[2], attributes, "axes", range(len(starts)))
    steps = _list(given[3], attributes, "steps", [1] * len(starts))
    picked = [slice(None)] * data.ndim
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        # Past the beginning, going backwards, is None to Python: -1 would be the last element.
        stop = None if step < 0 and end < -data.shape[axis] else end
        picked[axis] = slice(start, stop, step)
    return [data[tuple(picked)]]


def _split(inputs: Sequence[Array | None], attributes: Attributes) -> list[Array]:
    data, axis = _present(inputs[0]), attributes.get("axis", 0)
    sizes = _list(inputs[1] if len(inputs) > 1 else None, attributes, "split")
    if sizes is None:
        parts = attributes.get("num_outputs")
        if parts is None:  # opset 13 to 17: as many as the node has results, which are not seen here
            raise ValueError("the number of equal parts is not stated")
        chunk = -(-data.shape[axis] // parts)
        sizes = [min(chunk, data.shape[axis] - i * chunk) for i in range(parts)]
    return list(np.split(data, np.cumsum(sizes)[:-1], axis=axis))


def _gather_nd(inputs: Sequence[Array | None], attributes: Attributes) -> list[Array]:
    data, indices = _present(inputs[0]), _present(inputs[1])
    if attributes.get("batch_dims", 0):
        raise ValueError("batched indices are no shape arithmetic")
    return [data[tuple(np.moveaxis(indices, -1, 0))]]


def _scatter_nd(inputs: Sequence[Array | None], attributes: Attributes) -> list[Array]:
    if attributes.get("reduction", "none") != "none":
        raise ValueError("a reduction is no shape arithmetic")
    data, indices, updates = (_present(v) for v in inputs)
    result = data.astype(object) if updates.dtype == object else data.copy()
    result[tuple(np.moveaxis(indices, -1, 0))] = updates
    return [result]


def _transpose(inputs: Sequence[Array | None], attributes: Attributes) -> list[Array]:
    return [np.transpose(_present(inputs[0]), attributes.get("perm"))]


def _concat(inputs: Sequence[Array | None], attributes: Attributes) -> list[Array]:
    return [np.concatenate([_present(v) for v in inputs], axis=attributes["axis"])]


def _gather(inputs: Sequence[Array | None], attributes: Attributes) -> list[Array]:
    return [np.asarray(np.take(_present(inputs[0]), _present(inputs[1]), axis=attributes.get("axis", 0)))]


def _identity(inputs: Sequence[Array | None], attributes: Attributes) -> list[Array]:
    return [_present(inputs[0])]


def _cumulative_sum(inputs: Sequence[Array | None], attributes: Attributes) -> list[Array]:
    if attributes.get("exclusive") or attributes.get("reverse"):
        raise ValueError("only the plain cumulative sum is shape arithmetic")
    return [np.cumsum(_present(inputs[0]), axis=int(_present(inputs[1]).item()))]


def _expand(inputs: Sequence[Array | None], attributes: Attributes) -> list[Array]:
    data, target = _present(inputs[0]), [int(v) for v in _present(inputs[1])]
    return [np.broadcast_to(data, np.broadcast_shapes(data.shape, tuple(target)))]


def _unique(inputs: Sequence[Array | None], attributes: Attributes) -> list[Array]:
    found = np.unique(_present(inputs[0]), return_index=True, return_inverse=True, return_counts=True,
                      axis=attributes.get("axis"))
    values, first, inverse, counts = (np.asarray(part) for part in found)
    if not attributes.get("sorted", 1):
        order = np.argsort(first)
        values, first, counts = np.take(values, order, attributes.get("axis") or 0), first[order], counts[order]
        inverse = np.argsort(order)[inverse]
    return [values, first, inverse.reshape(-1), counts]


def _tile(inputs: Sequence[Array | None], attributes: Attributes) -> list[Array]:
    data, repeats = _present(inputs[0]), [int(v) for v in _present(inputs[1])]
    if data.size * prod(repeats) > LARGEST or min(repeats, default=1) < 0:
        raise ValueError("the result is large")
    return [np.tile(data, repeats)]


def _power(a: Array, b: Array) -> Array:
    """Exact integers beside symbols grow with the exponent, and no shape is a high power."""
    if object in (a.dtype, b.dtype) and not all(isinstance(e, int) and abs(e) <= 16 for e in b.reshape(-1).tolist()):
        raise ValueError("a power of symbols")
    return np.asarray(np.power(a, b))


def _modulo(inputs: Sequence[Array | None], attributes: Attributes) -> list[Array]:
    a, b = (_present(v) for v in inputs)
    return [np.asarray(np.fmod(a, b) if attributes.get("fmod") else a % b)]


_EVALUATORS: dict[str, _Evaluator] = {
    "Abs": _of(np.abs), "Add": _of(np.add), "And": _of(np.logical_and), "Cast": _cast,
    "Ceil": _rounded(np.ceil, "ceiling"),
    "Concat": _concat, "ConstantOfShape": _constant_of_shape, "CumSum": _cumulative_sum, "Div": _of(_divide),
    "Equal": _of(np.equal), "Expand": _expand, "Floor": _rounded(np.floor, "floor"), "Gather": _gather,
    "GatherND": _gather_nd, "Greater": _of(np.greater), "GreaterOrEqual": _of(np.greater_equal), "Identity": _identity,
    "Less": _of(np.less), "LessOrEqual": _of(np.less_equal), "Max": _variadic(np.maximum), "Min": _variadic(np.minimum),
    "Mod": _modulo, "Mul": _of(np.multiply), "Neg": _of(np.negative),
    "NonZero": lambda inputs, attributes: [np.asarray(np.nonzero(_present(inputs[0])), dtype=np.int64)],
    "Not": _of(np.logical_not), "Or": _of(np.logical_or), "Pow": _of(_power), "Range": _range,
    "ReduceMax": _reduction(np.max), "ReduceMin": _reduction(np.min), "ReduceProd": _reduction(np.prod),
    "ReduceSum": _reduction(np.sum), "Reshape": _reshape, "Round": _of(np.round), "ScatterND": _scatter_nd,
    "Slice": _slice, "Split": _split, "Sqrt": _of(np.sqrt), "Squeeze": _squeeze, "Sub": _of(np.subtract),
    "Relu": lambda inputs, attributes: [np.maximum(_present(inputs[0]), 0)], "Sum": _variadic(np.add),
    "Unique": _unique,
    "Tile": _tile,
    "Transpose": _transpose, "Unsqueeze": _unsqueeze, "Where": _of(np.where),
}
