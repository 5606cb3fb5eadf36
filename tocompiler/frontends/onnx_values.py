"""Inputs whose values the user states: their types are checked, and their shapes follow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx

from tocompiler.frontends.onnx_dimensions import free_inputs
from tocompiler.frontends.onnx_types import dims_of, format_of, tensor_type

__all__ = ["given_values"]


def given_values(where: str, graph: Any, values: Mapping[str, Any]) -> dict[str, Any]:
    """The values as arrays of their inputs' types; each input takes its value's shape, a sequence (a list of arrays)
    that of its elements. A single number fits every input of one element.

    ValueError on a name that is no input of the graph and on a value that its input cannot take.
    """
    inputs = {i.name: i for i in free_inputs(graph)}
    unknown = sorted(values.keys() - inputs.keys())
    if unknown:
        raise ValueError(f"{where}: has no input '{unknown[0]}' to give a value; it has {', '.join(inputs)}")
    return {name: _taken(where, inputs[name], value) for name, value in values.items() if value is not None}


def _taken(where: str, value_info: Any, value: Any) -> Any:
    tensor = tensor_type(value_info.type)
    if tensor is None:
        return value
    if isinstance(value, list) and value and isinstance(value[0], np.ndarray):
        _state(tensor, {np.shape(part) for part in value})
        return value
    array = value if isinstance(value, np.ndarray) else _converted(where, value_info.name, tensor, value)
    stated = dims_of(value_info.type)
    if array.size == 1 and not array.shape and stated and all(d == 1 or isinstance(d, str) for d in stated):
        array = array.reshape((1,) * len(stated))
    _state(tensor, {array.shape})
    return array


def _converted(where: str, name: str, tensor: Any, value: Any) -> np.ndarray[Any, Any]:
    kind = onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type)
    array = np.asarray(value)
    if array.dtype.kind not in "biuf" or kind.kind not in "biuf":
        raise ValueError(f"{where}: input '{name}' is {format_of(tensor.elem_type)} and cannot be {value!r}")
    if not np.array_equal(array.astype(kind), array) and kind.kind in "biu":
        raise ValueError(f"{where}: input '{name}' is {format_of(tensor.elem_type)} and cannot be {value!r}")
    return array.astype(kind)


def _state(tensor: Any, shapes: set[tuple[int, ...]]) -> None:
    if len(shapes) != 1:
        return
    tensor.ClearField("shape")
    tensor.shape.SetInParent()
    for size in shapes.pop():
        tensor.shape.dim.add().dim_value = size
