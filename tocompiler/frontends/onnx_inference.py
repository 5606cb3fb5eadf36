"""Shapes that whole-model inference left open, one operator at a time, with the values known by then."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx

from tocompiler.frontends.onnx_bodies import body_results
from tocompiler.frontends.onnx_compiled import node_outputs
from tocompiler.frontends.onnx_types import FORMATS, dims_of, format_of, group_shape, is_group, tensor_type
from tocompiler.operators import Refused, Unmodelled, names, rule
from tocompiler.tensors import Operator, Shape, Tensor

if TYPE_CHECKING:
    from tocompiler.frontends.onnx_bindings import Bindings

__all__ = ["MISINFERRED", "infer_again"]

MISINFERRED = frozenset({"DFT", "STFT"})
"""Operators whose results onnx's own inference gets wrong: it takes STFT for two-sided unless told otherwise, and the
inverse DFT of a one-sided spectrum for as short as the spectrum (onnx 1.23)."""

_ELEMENT_TYPES = {format: number for number, format in reversed(FORMATS.items())}
_Known = tuple[Shape | None, str]


def infer_again(node: Any, draft: Operator, known: Sequence[_Known], bindings: Bindings) -> list[_Known]:
    """Shape and format of each result of one operator.

    Tried in turn: the operator's body where it has one, onnx's inference of this operator with the values of its
    operands, the shape rule of ``tocompiler.operators`` (which also takes symbols), and what the file declares.
    ValueError naming the operator where none of them knows.
    """
    concrete = all(t is None or _is_concrete(t.shape) for t in draft.inputs)
    if draft.operator in ("If", "Loop", "Scan", "SequenceMap"):
        attempts = [_from_body]
    elif concrete and draft.operator not in MISINFERRED:
        attempts = [_from_onnx, _from_rule, _from_declared]
    else:
        attempts = [_from_rule, _from_declared]
    merged, misfit = list(known), ""
    for attempt in attempts:
        try:
            found = attempt(node, draft, bindings)
        except ValueError as error:
            misfit = misfit or str(error)
            continue
        for i, (shape, format) in enumerate(found[:len(merged)]):
            if merged[i][0] is None:
                merged[i] = (shape, format if merged[i][1] == "unknown" else merged[i][1])
        if all(shape is not None for (shape, _), name in zip(merged, node.output, strict=True) if name):
            return merged
    if misfit:
        raise ValueError(misfit if misfit.startswith(bindings.where) else f"{bindings.where}: {misfit}")
    place, name = next((i, n) for i, ((shape, _), n) in enumerate(zip(merged, node.output, strict=True))
                       if n and shape is None)
    if draft.operator not in names():
        raise ValueError(f"{bindings.where}: {draft.operator} '{draft.name}': no rule is registered for it, and the "
                         f"file states no shape of its result '{name}'; register one with --operators FILE.py")
    how = f"bind it with --dim {name}_0=N (and so on for each axis)"
    if concrete and place == 0 and draft.operator in _AT_MOST:
        axis, most = _AT_MOST[draft.operator](draft)
        how = f"bind it with --dim {name}_{axis}=N, at the most --dim {name}_{axis}={most}"
    raise ValueError(f"{bindings.where}: {draft.operator} '{draft.name}': the shape of its result '{name}' is unknown "
                     f"before it runs; {how}")


def _kept(draft: Operator) -> tuple[int, Any]:
    """The axis along which a mask or a search for different values leaves some, and all that it may leave."""
    x, axis = draft.given(0), draft.attributes.get("axis")
    return (0, x.elements) if axis is None else (axis % len(x.shape), x.shape[axis])


_AT_MOST: Mapping[str, Callable[[Operator], tuple[int, Any]]] = {
    "NonZero": lambda op: (1, op.given(0).elements), "Compress": _kept, "Unique": _kept}
"""Where a result's length depends on data: its axis, and the most there can be."""


def _is_concrete(shape: Shape) -> bool:
    return all(isinstance(d, int) for d in shape)


def _from_onnx(node: Any, draft: Operator, bindings: Bindings) -> list[_Known]:
    domain = "" if node.domain == "ai.onnx" else node.domain
    if not onnx.defs.has(node.op_type, bindings.opsets.get(domain, 1), domain):
        return []
    given = [(name, t) for name, t in zip(node.input, draft.inputs, strict=True) if t is not None]
    types = {name: _type_of(t, bindings) for name, t in given}
    data = {name: onnx.numpy_helper.from_array(np.ascontiguousarray(t.value)) for name, t in given
            if t.value is not None and t.value.dtype != object}
    try:
        found = node_outputs(node, domain, types, data, bindings.opsets)
    except ValueError as reason:
        raise ValueError(f"{bindings.where}: {draft.operator} '{draft.name}': its operands do not fit "
                         f"({reason})") from None
    return [_bound(found.get(name), name, bindings) for name in node.output]


def _from_body(node: Any, draft: Operator, bindings: Bindings) -> list[_Known]:
    return body_results(draft, bindings)


def _type_of(tensor: Tensor, bindings: Bindings) -> Any:
    if tensor.name in bindings.groups:
        return bindings.groups[tensor.name]
    return onnx.helper.make_tensor_type_proto(_ELEMENT_TYPES.get(tensor.format, 1), tensor.shape)


def _from_rule(node: Any, draft: Operator, bindings: Bindings) -> list[_Known]:
    asked = tuple(Tensor(name or f"{draft.name}.{i}", (0,)) for i, name in enumerate(node.output))
    try:
        return list(rule(draft.operator).results(replace(draft, outputs=asked)))
    except (Unmodelled, Refused):
        return []
    except KeyError as missing:
        raise ValueError(f"{draft.operator} '{draft.name}' lacks its attribute {missing}") from None


def _from_declared(node: Any, draft: Operator, bindings: Bindings) -> list[_Known]:
    return [_bound(bindings.declared.get(name), name, bindings) for name in node.output]


def _bound(type_proto: Any, name: str, bindings: Bindings) -> _Known:
    """A stated type with its open dimensions bound by the user, under their own name or RESULT_AXIS."""
    tensor = None if type_proto is None else tensor_type(type_proto)
    if tensor is None:
        return None, "unknown"
    if is_group(type_proto):
        bindings.groups[name] = type_proto
        return group_shape(type_proto), format_of(tensor.elem_type)
    dims = dims_of(type_proto)
    if dims is None:
        return None, format_of(tensor.elem_type)
    sizes = [bindings.dimension(d, f"{name}_{axis}") for axis, d in enumerate(dims)]
    return None if any(d is None for d in sizes) else tuple(sizes), format_of(tensor.elem_type)
