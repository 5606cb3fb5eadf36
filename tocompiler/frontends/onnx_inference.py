"""Shapes that whole-model inference left open, one operator at a time, with the values known by then."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import onnx.shape_inference

from tocompiler.frontends.onnx_types import FORMATS, dims_of, format_of, tensor_type
from tocompiler.network import Network, Operator, Shape, Tensor
from tocompiler.operators import Refused, Unmodelled, rule

if TYPE_CHECKING:
    from tocompiler.frontends.onnx_graph import Bindings

__all__ = ["infer_again"]

_ELEMENT_TYPES = {format: number for number, format in reversed(FORMATS.items())}
_Known = tuple[Shape | None, str]


def infer_again(node: Any, draft: Operator, known: Sequence[_Known], bindings: Bindings) -> list[_Known]:
    """Shape and format of each result of one operator.

    Tried in turn: the operator's body where it has one, onnx's inference of this operator with the values of its
    operands, the shape rule of ``tocompiler.operators`` (which also takes symbols), and what the file declares.
    ValueError naming the operator where none of them knows.
    """
    concrete = all(t is None or _is_concrete(t.shape) for t in draft.inputs)
    attempts = [_from_body] if draft.operator in ("If", "Loop", "Scan") else (
        [_from_onnx, _from_rule, _from_declared] if concrete else [_from_rule, _from_declared])
    merged = list(known)
    for attempt in attempts:
        found = attempt(node, draft, bindings)
        for i, (shape, format) in enumerate(found[:len(merged)]):
            if merged[i][0] is None:
                merged[i] = (shape, format if merged[i][1] == "unknown" else merged[i][1])
        if all(shape is not None for (shape, _), name in zip(merged, node.output, strict=True) if name):
            return merged
    name = next(n for (shape, _), n in zip(merged, node.output, strict=True) if n and shape is None)
    raise ValueError(f"{bindings.where}: {draft.operator} '{draft.name}': the shape of its result '{name}' is unknown "
                     f"before it runs; bind it with --dim {name}_0=N (and so on for each axis)")


def _is_concrete(shape: Shape) -> bool:
    return all(isinstance(d, int) for d in shape)


def _from_onnx(node: Any, draft: Operator, bindings: Bindings) -> list[_Known]:
    domain = "" if node.domain == "ai.onnx" else node.domain
    try:
        schema = onnx.defs.get_schema(node.op_type, bindings.opsets.get(domain, 1), domain)
    except Exception:  # onnx's SchemaError is not exported in every supported version: an unknown operator
        return []
    given = [(name, t) for name, t in zip(node.input, draft.inputs, strict=True) if t is not None]
    types = {name: _type_of(t) for name, t in given}
    data = {name: onnx.numpy_helper.from_array(np.ascontiguousarray(t.value)) for name, t in given
            if t.value is not None and t.value.dtype != object}
    opsets = [onnx.helper.make_opsetid(d, v) for d, v in bindings.opsets.items()]
    try:
        found = onnx.shape_inference.infer_node_outputs(schema, node, types, data, opset_imports=opsets)
    except onnx.shape_inference.InferenceError as error:
        reason = str(error).strip().splitlines()[0]
        raise ValueError(f"{bindings.where}: {draft.operator} '{draft.name}': its operands do not fit "
                         f"({reason})") from None
    return [_bound(found.get(name), name, bindings) for name in node.output]


def _type_of(tensor: Tensor) -> Any:
    return onnx.helper.make_tensor_type_proto(_ELEMENT_TYPES.get(tensor.format, 1), tensor.shape)


def _from_rule(node: Any, draft: Operator, bindings: Bindings) -> list[_Known]:
    try:
        return list(rule(draft.operator).results(draft))
    except (Unmodelled, Refused):
        return []


def _from_declared(node: Any, draft: Operator, bindings: Bindings) -> list[_Known]:
    return [_bound(bindings.declared.get(name), name, bindings) for name in node.output]


def _bound(type_proto: Any, name: str, bindings: Bindings) -> _Known:
    """A stated type with its open dimensions bound by the user, under their own name or RESULT_AXIS."""
    tensor = None if type_proto is None else tensor_type(type_proto)
    if tensor is None:
        return None, "unknown"
    dims = dims_of(type_proto)
    if dims is None:
        return None, format_of(tensor.elem_type)
    sizes = [bindings.dimension(d, f"{name}_{axis}") for axis, d in enumerate(dims)]
    return None if any(d is None for d in sizes) else tuple(sizes), format_of(tensor.elem_type)


def _from_body(node: Any, draft: Operator, bindings: Bindings) -> list[_Known]:
    """If takes the larger of its branches' results; Loop and Scan stack what one iteration yields."""
    bodies = [a for a in draft.attributes.values() if isinstance(a, Network)]
    if draft.operator == "If":
        pairs = zip(*(b.outputs for b in bodies), strict=True)
        return [(larger.shape, larger.format) for larger in (max(p, key=lambda t: t.elements) for p in pairs)]
    results = list(bodies[0].outputs)
    if draft.operator == "Loop":
        carried = len(draft.inputs) - 2
        stacked = results[1 + carried:]
        trips = _trip_count(draft, bindings) if stacked else 0
        return [*((t.shape, t.format) for t in results[1:1 + carried]),
                *(((trips, *t.shape), t.format) for t in stacked)]
    scanned = draft.attributes["num_scan_inputs"]
    source = draft.inputs[-scanned]
    axis = (draft.attributes.get("scan_input_axes") or (0,))[0]
    states = len(draft.inputs) - scanned
    length = source.shape[axis] if source is not None else 0
    axes = draft.attributes.get("scan_output_axes") or (0,) * (len(results) - states)
    stacked_shapes = [_inserted(t.shape, a, length) for t, a in zip(results[states:], axes, strict=True)]
    return [*((t.shape, t.format) for t in results[:states]),
            *((s, t.format) for s, t in zip(stacked_shapes, results[states:], strict=True))]


def _inserted(shape: Shape, axis: int, length: Any) -> Shape:
    axis = axis if axis >= 0 else axis + len(shape) + 1
    return (*shape[:axis], length, *shape[axis:])


def _trip_count(draft: Operator, bindings: Bindings) -> int:
    count = draft.input(0)
    if count is not None and count.value is not None:
        return int(count.value.item())
    name = f"{draft.name}_trips"
    if name in bindings.dims:
        return bindings.dims[name]
    raise ValueError(f"{bindings.where}: Loop '{draft.name}': how often it runs depends on data; "
                     f"bind it with --dim {name}=N")
