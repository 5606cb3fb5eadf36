"""Which stored tensors of an ONNX graph are parameters, which are statistics, and which are plain constants.

ONNX does not say what is trained. The rule here, in words:

- a floating-point initializer is a ``parameter``, except the running statistics of batch normalisation (``buffer``)
  and, as ``constant``, single numbers that no layer takes as a weight and operands that set an operator up
  (quantisation scales, resize scales, clip bounds, initial states);
- an integer initializer is a ``parameter`` where it is the quantised form of a weight, else a ``constant``;
- the result of Constant or ConstantOfShape is a ``parameter`` only where a layer expects a weight. (The models in the
  onnx package store no weights: they are made by ConstantOfShape.)

A tensor that serves as both (exporters merge equal ones) is a parameter. A weight is recognised through operators that
only rearrange it (Transpose, Unsqueeze, DequantizeLinear, ...). Parameters that an exporter folded away (a batch norm
into its convolution) are not seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from tocompiler.frontends.onnx_types import INTEGER_FORMATS, constant_of, element_count, format_of, nested_graphs

__all__ = ["stored_kinds"]

_Positions: TypeAlias = Mapping[str, tuple[int, ...]]

_WEIGHTS: _Positions = {
    "Conv": (1, 2), "ConvTranspose": (1, 2), "DeformConv": (1, 3), "Gemm": (0, 1, 2), "MatMul": (0, 1),
    "Einsum": (0, 1), "BatchNormalization": (1, 2), "InstanceNormalization": (1, 2), "LayerNormalization": (1, 2),
    "SimplifiedLayerNormalization": (1,), "SkipLayerNormalization": (2, 3, 4),
    "SkipSimplifiedLayerNormalization": (2, 3), "GroupNormalization": (1, 2), "RMSNormalization": (1,), "PRelu": (1,),
    "RNN": (1, 2, 3), "GRU": (1, 2, 3), "LSTM": (1, 2, 3, 7), "Gather": (0,), "Attention": (1, 2),
    "FusedMatMul": (0, 1), "FusedConv": (1, 2), "FusedGemm": (1, 2), "BiasGelu": (1,), "FastGelu": (1,),
    "EmbedLayerNormalization": (2, 3, 4, 5, 6), "ConvInteger": (1,), "MatMulInteger": (0, 1), "QLinearConv": (3, 8),
    "QLinearMatMul": (0, 3), "QGemm": (3, 6), "QAttention": (1, 2), "MatMulNBits": (1, 5),
    "DynamicQuantizeMatMul": (1, 4), "MatMulIntegerToFloat": (1, 6), "GatherBlockQuantized": (0,),
}
"""Operand positions of trained weights, standard domain and com.microsoft."""

_STATISTICS: _Positions = {"BatchNormalization": (3, 4)}

_SETTINGS: _Positions = {
    "QuantizeLinear": (1, 2), "DequantizeLinear": (1, 2), "Resize": (1, 2, 3), "Upsample": (1,), "Clip": (1, 2),
    "RNN": (4, 5), "GRU": (4, 5), "LSTM": (4, 5, 6), "Pad": (1, 2, 3), "Dropout": (1, 2), "Range": (0, 1, 2),
    "OneHot": (1, 2), "ConvInteger": (2, 3), "MatMulInteger": (2, 3), "QLinearConv": (1, 2, 4, 5, 6, 7),
    "QLinearMatMul": (1, 2, 4, 5, 6, 7), "QGemm": (1, 2, 4, 5, 7, 8), "QAttention": (3, 4, 6, 7),
    "QLinearAdd": (1, 2, 4, 5, 6, 7), "QLinearMul": (1, 2, 4, 5, 6, 7), "QLinearGlobalAveragePool": (1, 2, 3, 4),
    "QLinearAveragePool": (1, 2, 3, 4), "QLinearLeakyRelu": (1, 2, 3, 4), "QLinearSigmoid": (1, 2, 3, 4),
    "QLinearConcat": (0, 1, 3, 4, 6, 7, 9, 10), "QLinearSoftmax": (1, 2, 3, 4), "MatMulNBits": (2, 3, 4),
    "DynamicQuantizeMatMul": (2, 3), "MatMulIntegerToFloat": (2, 3, 4, 5), "GatherBlockQuantized": (2, 3),
}
"""Operand positions that hold scales, bounds, fill values and initial states."""

_VIEWS = frozenset({"Transpose", "Unsqueeze", "Squeeze", "Reshape", "Flatten", "Identity", "Cast", "DequantizeLinear",
                    "Slice", "Split", "Expand"})
_PER_CHANNEL = frozenset({"Mul", "Add"})
"""Caffe's Scale layer arrives as these two, with a vector that ConstantOfShape makes."""


def stored_kinds(graph: Any) -> dict[str, str]:
    """The kind of each stored tensor of a GraphProto, and of the graphs inside it, by name."""
    stored = dict(_stored(graph))
    uses: dict[str, set[tuple[str, int]]] = {name: set() for name in stored}
    _collect(graph, uses, {})
    return {name: _kind(*stored[name], uses[name]) for name in stored}


def _stored(graph: Any) -> Iterable[tuple[str, tuple[str, str, int]]]:
    """Name, and (origin, format, elements) of initializers, Constant and ConstantOfShape results."""
    for tensor in graph.initializer:
        yield tensor.name, _facts("initializer", tensor)
    for sparse in graph.sparse_initializer:
        yield sparse.values.name, ("initializer", format_of(sparse.values.data_type), element_count(sparse.dims))
    for node in graph.node:
        if node.op_type == "Constant":
            tensor = constant_of(node)
            if tensor is not None:
                yield node.output[0], _facts("constant", tensor)
        elif node.op_type == "ConstantOfShape":
            made = next((a.t.data_type for a in node.attribute if a.name == "value"), 1)
            yield node.output[0], ("made", format_of(made), 2)  # its size is not known here; no weight has one element
        for inner in nested_graphs(node):
            yield from _stored(inner)


def _facts(origin: str, tensor: Any) -> tuple[str, str, int]:
    return origin, format_of(tensor.data_type), element_count(tensor.dims)


def _collect(graph: Any, uses: dict[str, set[tuple[str, int]]], source: dict[str, str]) -> None:
    """Note at which operand positions each stored tensor arrives, followed through views."""
    for node in graph.node:
        for position, name in enumerate(node.input):
            root = source.get(name, name)
            if root in uses:
                uses[root].add((node.op_type, position))
                if position == 0 and node.op_type in _VIEWS:
                    source.update((output, root) for output in node.output)
        for inner in nested_graphs(node):
            _collect(inner, uses, source)


def _kind(origin: str, format: str, elements: int, uses: set[tuple[str, int]]) -> str:
    reached = {use for use in uses if use[0] not in _VIEWS or _is(use, _SETTINGS)}
    weight = any(_is(use, _WEIGHTS) for use in reached)
    if not weight and any(_is(use, _STATISTICS) for use in reached):
        return "buffer"
    if format in INTEGER_FORMATS:
        quantised = format not in ("int64", "bool", "string") and not any(op == "Gather" for op, _ in reached)
        return "parameter" if weight and quantised and elements > 1 else "constant"
    if origin != "initializer":
        scale_layer = origin == "made" and any(op in _PER_CHANNEL for op, _ in reached)
        return "parameter" if (weight or scale_layer) and elements > 1 else "constant"
    if (elements == 1 and not weight) or (reached and all(_is(use, _SETTINGS) for use in reached)):
        return "constant"
    return "parameter"


def _is(use: tuple[str, int], positions: _Positions) -> bool:
    return use[1] in positions.get(use[0], ())
