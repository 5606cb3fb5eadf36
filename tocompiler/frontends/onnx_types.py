"""What ONNX protobuf messages say, as plain Python values: number formats, dimensions, attributes, small tensors."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import onnx

from tocompiler.frontends.shape_arithmetic import LARGEST

__all__ = ["FORMATS", "INTEGER_FORMATS", "Dim", "constant_of", "dims_of", "element_count", "element_format",
           "format_of", "format_of_array", "group_shape", "is_group", "nested_graphs", "numbers_of",
           "plain_attributes", "small_value", "tensor_type"]

Dim: TypeAlias = int | str | None
"""A dimension as ONNX writes it: a number, a name, or nothing."""

FORMATS = {
    1: "fp32", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64", 8: "string", 9: "bool",
    10: "fp16", 11: "fp64", 12: "uint32", 13: "uint64", 14: "complex64", 15: "complex128", 16: "bf16",
    17: "fp8_e4m3", 18: "fp8_e4m3", 19: "fp8_e5m2", 20: "fp8_e5m2", 21: "uint4", 22: "int4", 23: "fp4_e2m1", 24: "e8m0",
    25: "uint2", 26: "int2",
}
"""TensorProto.DataType to number format. The FNUZ variants of fp8 differ in their bias and special values only."""

_NUMPY_FORMATS = {"float32": "fp32", "float64": "fp64", "float16": "fp16", "bfloat16": "bf16", "object": "int64"}
_PLAIN = {1: "<f4", 6: "<i4", 7: "<i8", 9: "?", 10: "<f2", 11: "<f8"}
"""Data types whose bytes in a file are those of an array."""
_SMALL_FLOATS = 16
"""Floating-point tensors of up to this many elements keep their values: scales, bounds, fill values; not weights."""

INTEGER_FORMATS = frozenset({"int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64",
                             "int4", "uint4", "int2", "uint2", "bool", "string"})


def format_of(element_type: int) -> str:
    """The number format of a TensorProto.DataType; ``unknown`` where ONNX leaves it open."""
    return FORMATS.get(element_type, "unknown")


def format_of_array(value: np.ndarray[Any, Any]) -> str:
    """The number format of a numpy array (object arrays hold symbolic integers)."""
    return _format_of_dtype(value.dtype)


@cache
def _format_of_dtype(dtype: np.dtype[Any]) -> str:
    name = str(dtype.name)  # numpy composes this name anew at each call
    return _NUMPY_FORMATS.get(name, name)


def tensor_type(type_proto: Any) -> Any | None:
    """The tensor type of a TypeProto: that of the elements for a sequence or an optional, None for a map."""
    while True:
        kind = type_proto.WhichOneof("value")
        if kind in ("tensor_type", "sparse_tensor_type"):
            return getattr(type_proto, kind)
        if kind not in ("sequence_type", "optional_type"):
            return None
        type_proto = getattr(type_proto, kind).elem_type


def is_group(type_proto: Any) -> bool:
    """Whether a value is a sequence or an optional rather than a tensor."""
    return type_proto.WhichOneof("value") in ("sequence_type", "optional_type")


def group_shape(type_proto: Any) -> tuple[int, ...]:
    """The shape of a sequence's elements where they share one, else ()."""
    dims = dims_of(type_proto) or []
    return tuple(d for d in dims if isinstance(d, int)) if all(isinstance(d, int) for d in dims) else ()


def element_format(type_proto: Any) -> str:
    """The number format of a value's elements."""
    tensor = tensor_type(type_proto)
    return "unknown" if tensor is None else format_of(tensor.elem_type)


def dims_of(type_proto: Any) -> list[Dim] | None:
    """The dimensions a type states, or None where it does not even state a rank."""
    tensor = tensor_type(type_proto)
    if tensor is None or not tensor.HasField("shape"):
        return None
    dims: list[Dim] = []
    for d in tensor.shape.dim:
        kind = d.WhichOneof("value")
        size = None if kind is None else getattr(d, kind) or (0 if kind == "dim_value" else None)
        dims.append(size.decode(errors="replace") if isinstance(size, bytes) else size)
    return dims


def numbers_of(type_proto: Any) -> tuple[int, ...] | None:
    """The dimensions of a type whose dimensions are all numbers, else None."""
    tensor = tensor_type(type_proto)
    if tensor is None or not tensor.HasField("shape"):
        return None
    shape = tuple([d.dim_value for d in tensor.shape.dim])
    # An open dimension reads as 0: only then is it worth asking which it is.
    if 0 in shape and any(d.WhichOneof("value") != "dim_value" for d in tensor.shape.dim):
        return None
    return shape


def element_count(dims: Any) -> int:
    """The product of the dimensions."""
    n = 1
    for d in dims:
        n *= d
    return n


def small_value(tensor: Any, folder: Path | None = None) -> np.ndarray[Any, Any] | None:
    """The values of a TensorProto that is short and present in the file (or beside it), else None."""
    n = element_count(tensor.dims)
    floats = format_of(tensor.data_type) not in INTEGER_FORMATS
    if n > (_SMALL_FLOATS if floats else LARGEST):
        return None
    if tensor.data_location == onnx.TensorProto.EXTERNAL:
        data = _external_bytes(tensor, folder)
        if data is None:
            return None
        tensor = onnx.TensorProto.FromString(tensor.SerializeToString())
        del tensor.external_data[:]
        tensor.data_location = onnx.TensorProto.DEFAULT
        tensor.raw_data = data
    elif n and not _has_payload(tensor):
        return None
    plain = _PLAIN.get(tensor.data_type)
    if plain is not None and tensor.raw_data and len(tensor.raw_data) == n * np.dtype(plain).itemsize:
        return np.frombuffer(tensor.raw_data, plain).reshape(tuple(tensor.dims)).copy()
    try:
        return onnx.numpy_helper.to_array(tensor)
    except (LookupError, TypeError, ValueError):
        return None  # a payload that does not fit its type or dimensions has no value; whoever needs it will say so


def _has_payload(tensor: Any) -> bool:
    return bool(tensor.raw_data or tensor.int64_data or tensor.float_data or tensor.int32_data or tensor.double_data
                or tensor.string_data or tensor.uint64_data)


def _external_bytes(tensor: Any, folder: Path | None) -> bytes | None:
    """The payload of an external tensor, from a file inside the model's folder, if it is there."""
    entry = {e.key: e.value for e in tensor.external_data}
    length, offset = (_byte_count(entry.get(key) or "0") for key in ("length", "offset"))
    if folder is None or "location" not in entry or length is None or length > 8 * LARGEST or offset is None:
        return None
    try:
        file = (folder / entry["location"]).resolve()
        if not file.is_relative_to(folder.resolve()) or not file.is_file():
            return None
        with file.open("rb") as payload:
            payload.seek(offset)
            data = payload.read(length)
    except (OSError, TypeError, ValueError):  # no name that a file can have, or a file that cannot be read
        return None
    return data if len(data) == length else None


def _byte_count(text: Any) -> int | None:
    """A number of bytes that a file can have."""
    stated = isinstance(text, str) and text.isascii() and text.isdecimal() and len(text) < 20
    return int(text) if stated and int(text) < 2**63 else None


def constant_of(node: Any) -> Any | None:
    """The TensorProto of a Constant node, whichever attribute carries it; None for a sparse one."""
    for a in node.attribute:
        if a.name == "value":
            return a.t
        if a.name in ("value_float", "value_floats"):
            return _tensor(np.asarray(a.f if a.name == "value_float" else list(a.floats), dtype=np.float32))
        if a.name in ("value_int", "value_ints"):
            return _tensor(np.asarray(a.i if a.name == "value_int" else list(a.ints), dtype=np.int64))
        if a.name in ("value_string", "value_strings"):
            return _tensor(np.asarray(a.s if a.name == "value_string" else list(a.strings), dtype=object))
    return None


def _tensor(value: np.ndarray[Any, Any]) -> Any:
    return onnx.numpy_helper.from_array(value)


def nested_graphs(node: Any) -> Iterator[Any]:
    """The graphs in a node's attributes (the branches of If, the bodies of Loop and Scan)."""
    for attribute in node.attribute:
        if attribute.type == 5:  # AttributeProto.GRAPH
            yield attribute.g
        elif attribute.type == 10:  # AttributeProto.GRAPHS
            yield from attribute.graphs


def plain_attributes(node: Any) -> dict[str, Any]:
    """Attributes as Python values: numbers, strings, tuples of them, and numpy arrays; graphs are left out."""
    plain: dict[str, Any] = {}
    for a in node.attribute:
        kind = a.type
        if kind == 2:
            plain[a.name] = a.i
        elif kind == 7:
            plain[a.name] = tuple(a.ints)
        elif kind == 1:
            plain[a.name] = a.f
        elif kind == 3:
            plain[a.name] = a.s.decode(errors="replace")
        elif kind == 6:
            plain[a.name] = tuple(a.floats)
        elif kind == 8:
            plain[a.name] = tuple(s.decode(errors="replace") for s in a.strings)
        elif kind == 4:
            plain[a.name] = small_value(a.t)
    return plain
