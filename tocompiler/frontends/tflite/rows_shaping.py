"""Rows of TFLite's operators that move data; their shapes are the file's."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tocompiler.frontends.tflite.table import Call, Value, tflite_operator

__all__: list[str] = []

_SHAPED = {"SLICE": "Slice", "STRIDED_SLICE": "Slice", "GATHER_ND": "GatherND", "TILE": "Tile",
           "REVERSE_V2": "Slice", "EMBEDDING_LOOKUP": "Gather", "SPACE_TO_BATCH_ND": "SpaceToDepth",
           "BATCH_TO_SPACE_ND": "DepthToSpace", "SCATTER_ND": "ScatterND", "ONE_HOT": "OneHot"}
"""Copies whose other operands say what is copied where: the file's shapes say how much."""


def _copied(operator: str) -> Callable[..., Value]:
    def row(call: Call, value: Value, *rest: Value | None) -> Value:
        operands = [value, *rest]
        if call.kind == "EMBEDDING_LOOKUP":  # indices come first
            operands.reverse()
        return call.shaped(operator, [None if v is None else call.last(v) for v in operands])

    return row


for _name, _operator in _SHAPED.items():
    tflite_operator(_name)(_copied(_operator))


@tflite_operator("RESHAPE", "SQUEEZE", "EXPAND_DIMS")
def _reshape(call: Call, value: Value, *rest: Value | None) -> Value:
    if value.first and all(d == 1 for d in value.shape[1:-1]):  # nothing to reorder
        return Value(call.net.reshape(value.tensor, call.shape))
    return Value(call.net.reshape(call.last(value), call.shape))


@tflite_operator("TRANSPOSE")
def _transpose(call: Call, value: Value, order: Value) -> Value:
    return Value(call.net.permute(call.last(value), call.numbers(order)))


@tflite_operator("CONCATENATION")
def _concat(call: Call, *values: Value) -> Value:
    options = call.options("ConcatenationOptions")
    first = any(v.first for v in values) and all(len(v.shape) > 2 for v in values)
    parts = [call.first(v) if first else call.last(v) for v in values]
    model = Value(parts[0], first)
    return Value(call.net.concat(parts, call.axis(options.Axis(), model)), first)


@tflite_operator("PAD", "PADV2", "MIRROR_PAD")
def _pad(call: Call, value: Value, amounts: Value, *rest: Value | None) -> Value:
    """Pairs before and after each axis, as ONNX has them: all that come before, then all that come after."""
    numbers, rank = call.numbers(amounts), len(value.shape)
    pairs = [(0, 0)] * rank
    for axis in range(rank):
        pairs[call.axis(axis, value)] = numbers[2 * axis], numbers[2 * axis + 1]
    pads = (*(before for before, _ in pairs), *(after for _, after in pairs))
    mode = "reflect" if call.kind == "MIRROR_PAD" else "constant"
    return Value(call.net.emit("Pad", [value.tensor, call.net.constant(pads)], {"mode": mode})[0], value.first)


@tflite_operator("SPLIT", "SPLIT_V")
def _split(call: Call, a: Value, b: Value, *rest: Value) -> Sequence[Value]:
    """SPLIT names the axis first, SPLIT_V the sizes and then the axis."""
    value, axis = (b, a) if call.kind == "SPLIT" else (a, rest[0])
    number = call.numbers(axis)[0]
    sizes = [shape[number] for shape, _ in call.results]
    parts = call.net.split(value.tensor, sizes, call.axis(number, value))
    return [Value(t, value.first) for t in parts]


@tflite_operator("PACK")
def _pack(call: Call, *values: Value) -> Value:
    axis = call.options("PackOptions").Axis() % len(call.shape)
    return Value(call.net.concat([call.net.unsqueeze(call.last(v), axis) for v in values], axis))


@tflite_operator("UNPACK")
def _unpack(call: Call, value: Value) -> Sequence[Value]:
    axis, x = call.options("UnpackOptions").Axis(), call.last(value)
    return [Value(call.net.select(x, axis, i)) for i in range(len(call.results))]


@tflite_operator("GATHER")
def _gather(call: Call, value: Value, indices: Value) -> Value:
    axis = call.options("GatherOptions").Axis() if call.table is not None else 0
    return call.shaped("Gather", [call.last(value), call.last(indices)], {"axis": axis})


@tflite_operator("BROADCAST_TO")
def _broadcast(call: Call, value: Value, shape: Value) -> Value:
    return Value(call.net.expand(call.last(value), call.shape))


@tflite_operator("TOPK_V2")
def _top(call: Call, value: Value, count: Value) -> Sequence[Value]:
    made = call.net.emit("TopK", [call.last(value), call.net.constant(tuple(call.numbers(count)))], {"axis": -1},
                         results=call.results)
    return [Value(t) for t in made]


@tflite_operator("SHAPE", "FILL", "RANGE", "ZEROS_LIKE", "BROADCAST_ARGS", "RANK")
def _known(call: Call, *values: Value) -> Value:
    """What shapes alone say: nothing runs."""
    import numpy as np

    (shape, format), known = call.results[0], values[0].shape
    value = np.asarray(known, np.int64) if call.kind == "SHAPE" else None
    made = call.net.stored(shape, format, "constant", "known") if value is None else call.net.constant(value, format)
    return Value(made)
