"""Binding the named dimensions of an ONNX model's inputs: to numbers, or to symbols."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tocompiler.frontends.onnx_types import dims_of, is_group, tensor_type

__all__ = ["bind", "dimension_names", "free_inputs"]

_BATCH_NAMES = frozenset({"batch", "batch_size", "batchsize", "n", "bs", "b"})


def free_inputs(graph: Any) -> list[Any]:
    """The inputs a user gives: older files list their initializers among the inputs as well."""
    stored = {t.name for t in graph.initializer} | {s.values.name for s in graph.sparse_initializer}
    return [i for i in graph.input if i.name not in stored]


def dimension_names(graph: Any) -> list[str]:
    """The names of the inputs' symbolic dimensions, in order; one without a name is called INPUT_AXIS from here on."""
    names: dict[str, None] = {}
    for i in _tensors(graph):
        _name_unnamed(i)
        names.update((d, None) for d in dims_of(i.type) or [] if isinstance(d, str))
    return list(names)


def _tensors(graph: Any) -> list[Any]:
    return [i for i in free_inputs(graph) if dims_of(i.type) is not None and not is_group(i.type)]


def bind(where: str, graph: Any, batch: int | None, dims: Mapping[str, int], symbolic: bool) -> dict[str, int]:
    """Write numbers into the symbolic dimensions of the graph's inputs and return the number of each name.

    ``batch`` goes to dimensions that are called so, or else to the first dimension of each input where that is
    symbolic. Requires named dimensions (see ``dimension_names``). ValueError on a dimension left open (unless
    ``symbolic``) and on a batch that no input can take.
    """
    inputs = _tensors(graph)
    bound = dict(dims)
    if batch is not None:
        bound = dict.fromkeys(_batch_names(where, inputs, batch), batch) | bound
    for i in inputs:
        for axis, d in enumerate(tensor_type(i.type).shape.dim):  # type: ignore[union-attr]
            if d.WhichOneof("value") == "dim_value":
                continue
            if d.dim_param in bound:
                d.dim_value = bound[d.dim_param]
            elif not symbolic:
                flag = f"--batch N or --dim {d.dim_param}=N" if axis == 0 else f"--dim {d.dim_param}=N"
                raise ValueError(f"{where}: input '{i.name}' has the unbound dimension '{d.dim_param}' (axis {axis}); "
                                 f"bind it with {flag}")
    return bound


def _name_unnamed(value: Any) -> None:
    for axis, d in enumerate(tensor_type(value.type).shape.dim):  # type: ignore[union-attr]
        if d.WhichOneof("value") is None or (d.WhichOneof("value") == "dim_param" and not d.dim_param) or (
                d.WhichOneof("value") == "dim_value" and d.dim_value < 0):
            d.dim_param = f"{value.name}_{axis}"


def _batch_names(where: str, inputs: Iterable[Any], batch: int) -> set[str]:
    """The names that stand for the batch."""
    shapes = [(i.name, dims_of(i.type) or []) for i in inputs]
    names = {d for _, shape in shapes for d in shape if isinstance(d, str) and d.lower() in _BATCH_NAMES}
    names = names or {shape[0] for _, shape in shapes if shape and isinstance(shape[0], str)}
    if not names:
        fixed = {shape[0] for _, shape in shapes if shape}
        if fixed != {batch}:
            sizes = ", ".join(str(d) for d in sorted(fixed, key=str)) or "none"
            raise ValueError(f"{where}: its batch is fixed ({sizes}), not {batch}; "
                             "leave --batch out or export the model with a dynamic batch dimension")
    return names
