"""ONNX models as Networks.

The file is skimmed (no weights are read), model-local functions are inlined, dimensions are bound, onnx's own shape
inference runs on what is left, and the graph becomes a Network. What onnx leaves without a shape is settled operator by
operator: shape arithmetic is evaluated, and the operator's inference runs again with the values that gives.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

from tocompiler.frontends.onnx_bindings import Bindings
from tocompiler.frontends.onnx_check import check_expansion, check_graph
from tocompiler.frontends.onnx_compiled import inferred, inlined
from tocompiler.frontends.onnx_dimensions import bind, dimension_names
from tocompiler.frontends.onnx_graph import build_network
from tocompiler.frontends.onnx_reader import skim
from tocompiler.frontends.onnx_types import nested_graphs, tensor_type
from tocompiler.frontends.onnx_values import given_values
from tocompiler.network import Network

__all__ = ["read", "read_model"]

def read(path: str | os.PathLike[str], batch: int | None = None, dims: Mapping[str, int] | None = None,
         symbolic: bool = False, values: Mapping[str, Any] | None = None,
         trips: Mapping[str, int] | None = None) -> Network:
    """The network in an ONNX file (opset 7 or newer is tested, older ones are read the same way; external data may be
    missing).

    ``batch`` and ``dims`` bind named dimensions; ``symbolic`` leaves unbound ones as sympy symbols. ``values`` gives
    inputs that decide shapes (the target of a Reshape) or choose a branch by name, ``trips`` how often a Loop runs.
    ValueError, one line that names the file, the input or the operator, and what to do, on anything that cannot be
    read.
    """
    path = Path(path)
    data = skim(path)
    try:
        model = onnx.ModelProto.FromString(data)
    except DecodeError:
        raise ValueError(f"{path}: not an ONNX file, or damaged; give a model saved as .onnx") from None
    try:
        return read_model(model, str(path), batch, dims, symbolic, values, trips, folder=path.parent)
    except ValueError as error:
        raise ValueError(" ".join(str(error).split())) from error  # a damaged name may hold a line break
    except Exception as error:
        raise ValueError(f"{path}: is not as ONNX defines models ({type(error).__name__}: "
                         f"{' '.join(str(error).split())})") from error


def read_model(model: Any, where: str = "model", batch: int | None = None, dims: Mapping[str, int] | None = None,
               symbolic: bool = False, values: Mapping[str, Any] | None = None,
               trips: Mapping[str, int] | None = None, folder: Path | None = None) -> Network:
    """The network of a ModelProto, which is changed on the way. ``where`` names it in errors; see ``read``."""
    opsets = _opsets(where, model)
    if model.functions:
        check_expansion(where, model)
        model = _inlined(where, model)
    check_graph(where, model.graph, opsets)
    given = given_values(where, model.graph, values or {})
    dims, trips = dict(dims or {}), dict(trips or {})
    _check_sizes(where, dims | trips)
    names = dimension_names(model.graph)
    bound = bind(where, model.graph, batch, dims, symbolic)
    declared = dict(_forget_types(model.graph))
    bindings = Bindings(where, folder, opsets, bound, symbolic, given, declared, trips)
    network = build_network(_inferred(where, model).graph, bindings)
    unknown = [name for name in dims if name not in names and name not in bindings.used]
    if unknown:
        raise ValueError(f"{where}: has no dimension '{unknown[0]}'; it has {', '.join(names) or 'fixed ones only'}")
    unmet = [name for name in trips if f"{name} trips" not in bindings.used]
    if unmet:
        raise ValueError(f"{where}: has no Loop '{unmet[0]}' whose trips are open")
    return network


def _opsets(where: str, model: Any) -> dict[str, int]:
    """Domain to opset version."""
    if not model.HasField("graph"):
        raise ValueError(f"{where}: holds no graph; it is not an ONNX model, or truncated")
    opsets = {"" if o.domain == "ai.onnx" else o.domain: o.version for o in model.opset_import}
    if not opsets:
        raise ValueError(f"{where}: names no opset; it is truncated, or older than ONNX 1.0")
    for domain, version in opsets.items():
        if not isinstance(domain, str) or version < 1:
            raise ValueError(f"{where}: opset {version} of the domain {domain or 'ai.onnx'!r} does not exist; "
                             "the file is damaged")
    version, newest = opsets.get("", 1), onnx.defs.onnx_opset_version()
    if version > newest:
        raise ValueError(f"{where}: opset {version} is newer than {newest}, which this onnx package knows; "
                         "update it with 'pip install -U onnx'")
    return opsets


def _inlined(where: str, model: Any) -> Any:
    try:
        return inlined(model)
    except ValueError as reason:
        raise ValueError(f"{where}: its functions cannot be inlined ({reason})") from None


def _forget_types(graph: Any, kept: bool = False) -> Iterator[tuple[str, Any]]:
    """Remove what the exporter said about shapes, so that inference starts from the bound inputs, and yield it.

    Results of operators outside the standard domain keep theirs: onnx cannot infer those.
    """
    custom = {o for n in graph.node if n.domain not in ("", "ai.onnx") for o in n.output}
    remaining = [v for v in graph.value_info if v.name in custom]
    yield from ((v.name, v.type) for v in graph.value_info)
    del graph.value_info[:]
    graph.value_info.extend(remaining)
    for output in graph.output:
        if output.name not in custom and (tensor := tensor_type(output.type)) is not None:
            yield output.name, type(output.type).FromString(output.type.SerializeToString())
            tensor.ClearField("shape")
    for node in graph.node:
        for inner in nested_graphs(node):
            yield from _forget_types(inner)


def _check_sizes(where: str, dims: Mapping[str, int]) -> None:
    for name, size in dims.items():
        if not isinstance(size, int) or isinstance(size, bool) or size < 1:
            raise ValueError(f"{where}: dimension '{name}' cannot be {size!r}; give a positive integer")


def _inferred(where: str, model: Any) -> Any:
    """The model with the types that onnx infers; values that shapes depend on are evaluated while the Network is built.
    """
    try:
        return inferred(model)
    except ValueError as reason:
        raise ValueError(f"{where}: onnx cannot infer its shapes ({reason})") from None
