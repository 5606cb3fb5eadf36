"""Binding the named dimensions of an ONNX model's inputs: to numbers, or to symbols."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Iterable, Mapping
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
    symbolic. A name that is a sum or product of bound ones (``past + sequence``) follows from them. Requires named
    dimensions (see ``dimension_names``). ValueError, with the options that would bind them all, on dimensions left open
    (unless ``symbolic``), and on a batch that no input can take.
    """
    inputs = _tensors(graph)
    bound = dict(dims)
    if batch is not None:
        bound = dict.fromkeys(_batch_names(where, inputs, batch), batch) | bound
    left: dict[str, tuple[str, int]] = {}
    for i in inputs:
        for axis, d in enumerate(tensor_type(i.type).shape.dim):  # type: ignore[union-attr]
            if d.WhichOneof("value") == "dim_value":
                continue
            size = bound.get(d.dim_param) or _composed(d.dim_param, bound)
            if size is not None:
                bound[d.dim_param] = d.dim_value = size
            else:
                left.setdefault(d.dim_param, (i.name, axis))
    if left and not symbolic:
        raise ValueError(_open(where, left, inputs, {} if batch is None else {"batch": batch}, dims))
    return bound


_OPERATIONS: Mapping[type, Callable[[int, int], int]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.FloorDiv: operator.floordiv}
_LONGEST = 200
"""Characters of a dimension's name that are read as a formula."""


def _composed(name: str, bound: Mapping[str, int]) -> int | None:
    """The size of a dimension whose name is a formula of bound ones, as exporters write them, else None."""
    if len(name) > _LONGEST or not re.search(r"[-+*/]", name):
        return None
    try:
        size = _value(ast.parse(name.strip(), mode="eval").body, bound)
    except (SyntaxError, KeyError, ZeroDivisionError, RecursionError):
        return None
    return size if 0 < size < 2**63 else None


def _value(node: ast.expr, bound: Mapping[str, int]) -> int:
    if isinstance(node, ast.BinOp):
        return _OPERATIONS[type(node.op)](_value(node.left, bound), _value(node.right, bound))
    if isinstance(node, ast.Name):
        return bound[node.id]
    if isinstance(node, ast.Constant) and type(node.value) is int:
        return node.value
    raise KeyError(ast.dump(node))


_LIKELY = ((r"past|cache", 128), (r"height|width|image|pixel|size|(^|_)[hw]$", 224), (r"channel", 3),
           (r"audio|wave|sample", 16000), (r"frame|time|mel", 100), (r"seq|len|token|text|word|position|", 128))
"""What a dimension's name says of its usual size; the first pattern found in it counts."""


def _open(where: str, left: Mapping[str, tuple[str, int]], inputs: Iterable[Any], batch: Mapping[str, int],
          dims: Mapping[str, int]) -> str:
    """Every dimension that is left open, and the options that bind them all, with sizes that are likely."""
    ranks = {i.name: len(dims_of(i.type) or []) for i in inputs}
    firsts = {name for name, (_, axis) in left.items() if axis == 0}
    batched = not batch and any(name.lower() in _BATCH_NAMES for name in left)
    options = [f"--batch {batch['batch']}"] if batch else ["--batch 1"] if batched or firsts else []
    options += [f"--dim {_quoted(f'{name}={size}')}" for name, size in dims.items()]
    for name, (source, axis) in left.items():
        taken = not batch and (name.lower() in _BATCH_NAMES if batched else name in firsts)
        known = {other: 1 for other in left if other != name} | dict(dims)
        if not taken and _composed(name, known) is None:
            options.append(f"--dim {_quoted(f'{name}={_likely(name, source, axis, ranks[source])}')}")
    listed = ", ".join(f"'{name}' (input '{source}', axis {axis})" for name, (source, axis) in left.items())
    plural = "s" if len(left) > 1 else ""
    return f"{where}: unbound dimension{plural} {listed}; bind {'them' if plural else 'it'} with {' '.join(options)}"


def _likely(name: str, source: str, axis: int, rank: int) -> int:
    if axis == 0:
        return 1
    if name == f"{source}_{axis}" and rank == 4:  # an image without names
        return 3 if axis == 1 else 224
    return next(size for pattern, size in _LIKELY if re.search(pattern, name.lower()))


def _quoted(text: str) -> str:
    return text if re.fullmatch(r"[\w.=/:-]+", text) else f"'{text}'"


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
