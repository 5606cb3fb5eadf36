"""A TFLite subgraph: its tensors, and its operators one after the other in the file's order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from tocompiler import limits
from tocompiler.frontends.tflite.table import Call, Value, row
from tocompiler.network import Network
from tocompiler.tensors import Tensor

__all__ = ["convert"]

_FORMATS = {0: "fp32", 1: "fp16", 2: "int32", 3: "uint8", 4: "int64", 5: "string", 6: "bool", 7: "int16", 9: "int8",
            10: "fp64", 12: "uint64", 15: "uint32", 16: "uint16", 17: "int4", 18: "bf16"}
"""TensorType of the TFLite schema (version 3) to number format."""
_SMALL = 4096
"""Elements of a stored tensor up to which its values are kept: axes, paddings, shapes."""
_INTEGERS = frozenset({"int8", "uint8", "int16"})
_WEIGHTS = {"CONV_2D": (0, 3, 1, 2), "DEPTHWISE_CONV_2D": (3, 0, 1, 2), "TRANSPOSE_CONV": (3, 0, 1, 2)}
"""Where the axes of ONNX' weights stand in the file's: (out, height, width, in), by channel (1, height, width, out)."""
_ON_IMAGES = frozenset({*_WEIGHTS, "AVERAGE_POOL_2D", "RESIZE_BILINEAR"})
_MOVING = frozenset({"RESHAPE", "TRANSPOSE", "PAD", "PADV2", "CONCATENATION", "SLICE", "STRIDED_SLICE", "SPLIT",
                     "SPLIT_V", "SQUEEZE", "EXPAND_DIMS", "PACK", "UNPACK", "GATHER", "MAX_POOL_2D", "RELU", "RELU6",
                     "RESIZE_NEAREST_NEIGHBOR", "SPACE_TO_DEPTH", "DEPTH_TO_SPACE", "TILE", "MIRROR_PAD", "CAST",
                     "MAXIMUM", "MINIMUM", "SHAPE", "GATHER_ND", "QUANTIZE", "DEQUANTIZE"})
"""Operators that run on the stored integers as they are."""


def convert(path: str, data: bytes, batch: int | None) -> Network:
    """The Network of the file's first subgraph."""
    import tflite

    model = tflite.Model.GetRootAsModel(data, 0)
    if model.SubgraphsLength() < 1:
        raise ValueError(f"{path}: holds no graph; it is truncated")
    return _Graph(path, model, batch).network()


@cache
def _names() -> dict[int, str]:
    """BuiltinOperator by number."""
    import tflite

    return {number: name for name, number in vars(tflite.BuiltinOperator).items() if name.isupper()}


class _Graph:
    def __init__(self, path: str, model: Any, batch: int | None) -> None:
        self.path, self.model, self.graph = path, model, model.Subgraphs(0)
        limits.check("nodes", self.graph.OperatorsLength(), path)
        inputs = [self.shape(int(i)) for i in self.graph.InputsAsNumpy()]
        sizes = {shape[0] for shape in inputs if shape}
        if batch is not None and sizes != {batch}:
            raise ValueError(f"{path}: its batch is fixed ({', '.join(map(str, sorted(sizes)))}), not {batch}; "
                             "leave --batch out or convert the model with that batch")
        self.net = Network(path.rpartition("/")[2].removesuffix(".tflite"))
        self.values: dict[int, Value] = {}

    def network(self) -> Network:
        for i in self.graph.InputsAsNumpy():
            name, shape, format = self.described(int(i))
            self.values[int(i)] = Value(self.net.input(shape, format, name))
        for i in range(self.graph.OperatorsLength()):
            self.operator(self.graph.Operators(i))
        closing = Call(self.net, "MODEL", (), None, ())
        self.net.output(*(closing.last(self.value(int(i))) for i in self.graph.OutputsAsNumpy()))
        return self.net

    def shape(self, index: int) -> tuple[int, ...]:
        tensor = self.graph.Tensors(index)
        return tuple(int(d) for d in tensor.ShapeAsNumpy()) if tensor.ShapeLength() else ()

    def described(self, index: int) -> tuple[str, tuple[int, ...], str]:
        """Name, shape and number format of a tensor; a converter's name lists every operator it fused."""
        tensor = self.graph.Tensors(index)
        name = (tensor.Name() or b"").decode(errors="replace").split(";")[0] or f"tensor_{index}"
        format = _FORMATS.get(tensor.Type())
        if format is None:
            raise ValueError(f"{self.path}: tensor '{name}' is of a type that has no number format here")
        return name, self.shape(index), format

    def value(self, index: int) -> Value:
        """A tensor that an operator reads."""
        if index not in self.values:
            name, shape, format = self.described(index)
            buffer = self.model.Buffers(self.graph.Tensors(index).Buffer())
            if not buffer.DataLength():
                raise ValueError(f"{self.path}: an operator reads '{name}', which nothing before it makes")
            elements = int(np.prod(shape, dtype=np.int64))
            weight = not format.startswith(("int64", "bool", "string")) and elements > 1 and not (
                format == "int32" and elements <= 8 and self.scale(index) is None)
            self.values[index] = Value(Tensor(name, shape, format, "parameter" if weight else "constant",
                                              self.data(buffer, shape, format)))
        return self.values[index]

    def data(self, buffer: Any, shape: tuple[int, ...], format: str) -> Any:
        kinds = {"int32": np.int32, "int64": np.int64, "fp32": np.float32, "bool": np.bool_}
        if format not in kinds or np.prod(shape) > (16 if format == "fp32" else _SMALL):
            return None
        values: np.ndarray[Any, Any] = np.frombuffer(buffer.DataAsNumpy().tobytes(), kinds[format])
        return values.reshape(shape) if values.size == np.prod(shape) else None

    def scale(self, index: int) -> Any:
        """The scale of a quantised tensor, or None."""
        quantisation = self.graph.Tensors(index).Quantization()
        return quantisation if quantisation is not None and quantisation.ScaleLength() else None

    def operator(self, op: Any) -> None:
        """One operator; its results are described by the file."""
        code = self.model.OperatorCodes(op.OpcodeIndex())
        number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
        kind = _names().get(number, f"operator {number}")
        if kind == "CUSTOM":
            kind = f"CUSTOM {(code.CustomCode() or b'').decode(errors='replace')}"
        outputs = [int(i) for i in op.OutputsAsNumpy()]
        indices = [int(i) for i in op.InputsAsNumpy()] if op.InputsLength() else []
        integers = kind not in _MOVING and any(
            i >= 0 and self.described(i)[2] in _INTEGERS and self.scale(i) is not None for i in (*indices, *outputs))
        operands = [None if i < 0 else self.operand(kind, place, i, integers) for place, i in enumerate(indices)]
        described = [self.described(i) for i in outputs]
        results = [(shape, "fp32" if integers and format in _INTEGERS else format) for _, shape, format in described]
        call = Call(self.net, kind, tuple(results), op.BuiltinOptions(), tuple(indices))
        with self.net.scope(_scope(described[0][0]) if described else kind):
            made = row(kind)(call, *operands)
            results_made: Sequence[Value] = [made] if isinstance(made, Value) else list(made)
            for index, value, (name, shape, format) in zip(outputs, results_made, described, strict=False):
                if value.shape != shape:
                    raise ValueError(f"{self.path}: {kind} '{name}': its result is {shape} in the file, "
                                     f"{value.shape} by the rules of its ONNX operators")
                self.values[index] = self.quantised(value, format) if integers and format in _INTEGERS else value

    def operand(self, kind: str, place: int, index: int, integers: bool) -> Value:
        """An operand in the order in which ONNX reads it: weights are stored so, images are moved before they are
        converted."""
        value = self.value(index)
        axis = self.graph.Tensors(index).Quantization().QuantizedDimension() if self.scale(index) is not None else 0
        if place == 1 and kind in _WEIGHTS:
            order = _WEIGHTS[kind]
            t = value.tensor
            if not t.is_stored:
                raise ValueError(f"{self.path}: {kind} '{t.name}': its weight is computed; convert the model with "
                                 "stored weights")
            value = Value(replace(t, shape=tuple(t.shape[i] for i in order), value=None))
            axis = order.index(axis)
        elif integers and kind in _ON_IMAGES and not value.tensor.is_stored:
            mover = Call(self.net, kind, (), None, ())
            value = Value(mover.first(value), True)
        return self.real(index, value, axis) if integers else value

    def real(self, index: int, value: Value, axis: int) -> Value:
        """An operand as a real number; weights keep their integers behind a DequantizeLinear."""
        quantisation = self.scale(index)
        if quantisation is None or value.tensor.format not in (*_INTEGERS, "int32"):
            return value
        n = quantisation.ScaleLength()
        scale = self.net.stored((n,) if n > 1 else (), "fp32", "constant", "scale")
        zero = self.net.stored((n,) if n > 1 else (), value.tensor.format, "constant", "zero_point")
        attributes = {"axis": axis} if n > 1 else {}
        made = self.net.emit("DequantizeLinear", [value.tensor, scale, zero], attributes)[0]
        return Value(made, value.first)

    def quantised(self, value: Value, format: str) -> Value:
        scale = self.net.stored((), "fp32", "constant", "scale")
        zero = self.net.stored((), format, "constant", "zero_point")
        return Value(self.net.emit("QuantizeLinear", [value.tensor, scale, zero])[0], value.first)


def _scope(name: str) -> str:
    """A tensor's name as the path of the layer that makes it."""
    return name.split(":")[0].strip("/").replace("/", ".")
