"""A Network as an ONNX model with random weights, so that a runtime can execute what was compiled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from tocompiler.measuring.operands import fill
from tocompiler.network import Network
from tocompiler.tensors import Operator, Tensor

if TYPE_CHECKING:
    import onnx

__all__ = ["as_onnx", "draw"]

_FLOATS = {"fp32": "FLOAT", "tf32": "FLOAT", "fp16": "FLOAT16", "bf16": "BFLOAT16", "fp64": "DOUBLE"}
_INTEGERS = {"int64": np.int64, "int32": np.int32, "int16": np.int16, "int8": np.int8, "uint8": np.uint8,
             "uint16": np.uint16, "uint32": np.uint32, "uint64": np.uint64, "bool": np.bool_}
_OPSET = 20  # the first with Gelu; a newer one where an operator is newer


def draw(network: Network, operands: str, seed: int) -> dict[str, np.ndarray[Any, Any]]:
    """Values for every input and stored tensor by name, floats in fp32.

    Parameters of more than one dimension are divided by the square root of what is summed, so that no result
    overflows; running statistics are ones; indices lie within the tables they look into. ValueError for a format
    without values here.
    """
    random, rows = np.random.default_rng(seed), _table_rows(network)
    return {t.name: _values(t, operands, random, rows.get(t.name, 2))
            for t in (*network.stored_tensors(), *network.inputs)}


def _table_rows(network: Network) -> dict[str, int]:
    """How many rows the smallest table has that a tensor of indices looks into."""
    found: dict[str, int] = {}
    for op in network.operators:
        table, index = op.input(0), op.input(1)
        if op.operator.startswith("Gather") and table is not None and index is not None:
            rows = int(table.shape[op.attributes.get("axis", 0)])
            found[index.name] = min(rows, found.get(index.name, rows))
    return found


def _values(tensor: Tensor, operands: str, random: np.random.Generator, rows: int) -> np.ndarray[Any, Any]:
    if tensor.value is not None:
        return np.asarray(tensor.value)
    if tensor.format in _INTEGERS:
        kind = _INTEGERS[tensor.format]
        return np.asarray(random.integers(0, 2 if kind is np.bool_ else rows, tensor.shape)).astype(kind)
    if tensor.format not in _FLOATS:
        raise ValueError(f"'{tensor.name}' is {tensor.format}, which no runtime here executes")
    if tensor.kind == "buffer":
        return np.ones(tensor.shape, np.float32)
    values = fill(tensor.shape, operands, random)
    if tensor.is_stored and len(tensor.shape) > 1:
        values *= np.float32(max(values.size / tensor.shape[0], 1.0) ** -0.5)
    return values


def as_onnx(network: Network, values: Mapping[str, np.ndarray[Any, Any]]) -> onnx.ModelProto:
    """The model with the drawn values as its weights.

    ValueError where an operator is not ONNX's, so that no runtime would know it.
    """
    from onnx import defs, helper

    stored = [_initializer(t, values[t.name]) for t in network.stored_tensors()]
    nodes, opset, domains = [], _OPSET, set()
    for op in network.operators:
        domain, _, kind = op.operator.rpartition(".")
        if not defs.has(kind, domain) and domain != "com.microsoft":
            raise ValueError(f"operator {op.operator} '{op.name}' is not ONNX's, so it cannot be handed to a runtime")
        if domain == "":
            opset = max(opset, defs.get_schema(kind).since_version if _is_new(kind) else 0)
        else:
            domains.add(domain)
        nodes += _nodes(op, kind, domain)
    graph = helper.make_graph(nodes, network.name or "network", [_info(t) for t in network.inputs],
                              [_info(t) for t in network.outputs], stored)
    opsets = [helper.make_opsetid("", opset), *(helper.make_opsetid(d, 1) for d in sorted(domains))]
    model: onnx.ModelProto = helper.make_model(graph, opset_imports=opsets)
    model.ir_version = min(model.ir_version, 10)
    return model


def _nodes(op: Operator, kind: str, domain: str) -> list[Any]:
    """The operator, or where a linear layer has more than two dimensions (ONNX's Gemm has not) product and bias."""
    from onnx import helper

    names = ["" if t is None else t.name for t in op.inputs]
    if kind != "Gemm" or len(op.given(0).shape) == 2:
        return [helper.make_node(kind, names, [t.name for t in op.outputs], name=op.name, domain=domain,
                                 **{k: v for k, v in op.attributes.items() if v is not None})]
    weight, product, result = names[1], f"{op.name}.product", op.outputs[0].name
    turned = [helper.make_node("Transpose", [weight], [f"{op.name}.turned"], perm=[1, 0])] \
        if op.attributes.get("transB") else []
    biased = len(names) > 2 and names[2] != ""
    multiply = helper.make_node("MatMul", [names[0], turned[0].output[0] if turned else weight],
                                [product if biased else result], name=op.name)
    add = [helper.make_node("Add", [product, names[2]], [result], name=f"{op.name}.bias")] if biased else []
    return [*turned, multiply, *add]


def _is_new(kind: str) -> bool:
    """Whether the operator did not exist yet in the opset that is used otherwise."""
    from onnx import defs

    return not any(s.name == kind and s.domain == "" and s.since_version <= _OPSET
                   for s in defs.get_all_schemas_with_history())


def _type(format: str) -> int:
    import onnx
    from onnx import helper

    if format in _FLOATS:
        return int(getattr(onnx.TensorProto, _FLOATS[format]))
    if format not in _INTEGERS:
        raise ValueError(f"number format {format} has no ONNX type that a runtime here executes")
    return int(helper.np_dtype_to_tensor_dtype(np.dtype(_INTEGERS[format])))


def _info(tensor: Tensor) -> Any:
    from onnx import helper

    return helper.make_tensor_value_info(tensor.name, _type(tensor.format), tensor.shape)


def _initializer(tensor: Tensor, values: np.ndarray[Any, Any]) -> Any:
    from onnx import helper, numpy_helper

    kind = helper.tensor_dtype_to_np_dtype(_type(tensor.format)) if tensor.format in _FLOATS else values.dtype
    return numpy_helper.from_array(np.asarray(values.astype(kind), order="C"), tensor.name)
