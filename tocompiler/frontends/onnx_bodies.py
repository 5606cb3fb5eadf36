"""Operators whose attributes hold graphs: what a body is given each time it runs, and what its results become."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from tocompiler.frontends.onnx_types import element_format
from tocompiler.network import Network
from tocompiler.tensors import Operator, Shape, Tensor

if TYPE_CHECKING:
    from tocompiler.frontends.onnx_bindings import Bindings

__all__ = ["body_inputs", "body_results", "trip_count"]

_Known: TypeAlias = tuple[Shape | None, str]
_Operands: TypeAlias = Sequence[Tensor | None]


def body_inputs(operator: str, attributes: Mapping[str, Any], body: Any, operands: _Operands,
                opsets: Mapping[str, int]) -> list[Tensor]:
    """The inputs of a body in one run, shaped after the operands of the operator that holds it."""
    given = _given(operator, attributes, operands, opsets)
    inputs = []
    for i, value_info in enumerate(body.input):
        shape, format = given[i] if i < len(given) else ((), "unknown")
        stated = element_format(value_info.type)
        inputs.append(Tensor(value_info.name, shape, stated if stated != "unknown" else format))
    return inputs


def _given(operator: str, attributes: Mapping[str, Any], operands: _Operands,
           opsets: Mapping[str, int]) -> list[tuple[Shape, str]]:
    if operator == "Loop":
        return [((), "int64"), ((), "bool"), *_types(operands[2:])]
    if operator == "Scan":
        return _types(_slices(attributes, operands, batched=opsets.get("", 9) < 9))
    if operator == "SequenceMap":
        return _types(operands)
    if operator.endswith("FlexAttention"):
        query, key = operands[0], operands[1]
        if query is not None and key is not None:
            return [((*query.shape[:3], key.shape[2]), query.format)]
    return []


def _types(tensors: _Operands) -> list[tuple[Shape, str]]:
    return [((), "unknown") if t is None else (t.shape, t.format) for t in tensors]


def _slices(attributes: Mapping[str, Any], operands: _Operands, batched: bool) -> list[Tensor | None]:
    """Scan's states as they are, and one slice of each scanned operand.

    In opset 8 (``batched``) there is a batch axis in front, and the first operand is the sequence lengths.
    """
    scanned = attributes["num_scan_inputs"]
    operands = operands[1:] if batched else operands
    if not 0 < scanned <= len(operands):
        raise ValueError(f"cannot scan {scanned} of its {len(operands)} operands")
    axes = attributes.get("scan_input_axes") or (0,) * scanned
    slices: list[Tensor | None] = []
    for i, t in enumerate(operands, start=scanned - len(operands)):
        if t is not None:
            shape = list(t.shape[1:] if batched else t.shape)
            if i >= 0:
                del shape[axes[i]]
            t = Tensor(t.name, tuple(shape), t.format)
        slices.append(t)
    return slices


def body_results(draft: Operator, bindings: Bindings) -> list[_Known]:
    """Shape and format of the results of an operator that holds bodies.

    If yields the larger of its branches' results; Loop and Scan stack what one run yields.
    """
    bodies = [a for a in draft.attributes.values() if isinstance(a, Network)]
    if draft.operator == "If":
        pairs = zip(*(b.outputs for b in bodies), strict=True)
        return [(larger.shape, larger.format) for larger in (max(p, key=lambda t: t.elements) for p in pairs)]
    results = [(t.shape, t.format) for t in bodies[0].outputs]
    if draft.operator == "Loop":
        carried = len(draft.inputs) - 1  # with the condition, which is the body's first result and not the loop's
        trips = trip_count(draft, bindings) if results[carried:] else 0
        return [*results[1:carried], *(((trips, *shape), format) for shape, format in results[carried:])]
    if draft.operator == "Scan":
        return _scan_results(draft, results, batched=bindings.opsets.get("", 9) < 9)
    return list(results)


def _scan_results(draft: Operator, results: Sequence[tuple[Shape, str]], batched: bool) -> list[_Known]:
    scanned = draft.attributes["num_scan_inputs"]
    states = len(draft.inputs) - scanned - batched
    source = draft.given(len(draft.inputs) - scanned)
    batch = source.shape[:1] if batched else ()
    length = source.shape[len(batch) + (draft.attributes.get("scan_input_axes") or (0,))[0]]
    axes = draft.attributes.get("scan_output_axes") or (0,) * (len(results) - states)
    stacked = [_inserted(shape, axis, length) for (shape, _), axis in zip(results[states:], axes, strict=True)]
    shapes = [shape for shape, _ in results[:states]] + stacked
    return [((*batch, *shape), format) for shape, (_, format) in zip(shapes, results, strict=True)]


def _inserted(shape: Shape, axis: int, length: Any) -> Shape:
    axis = axis if axis >= 0 else axis + len(shape) + 1
    return (*shape[:axis], length, *shape[axis:])


def trip_count(draft: Operator, bindings: Bindings) -> int:
    """How often a Loop runs: its constant operand, or what the user binds; ValueError where neither says."""
    count = draft.input(0)
    if count is not None and count.value is not None:
        trips = int(count.value.item())
        if trips < 0:
            raise ValueError(f"{bindings.where}: {draft.operator} '{draft.name}': cannot run {trips} times")
        return trips
    if "trip_count" in draft.attributes:
        return int(draft.attributes["trip_count"])
    raise ValueError(f"{bindings.where}: {draft.operator} '{draft.name}': how often it runs depends on data; "
                     f"give --trips {draft.name}=N")
