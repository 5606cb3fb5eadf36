"""Rows of Keras' merging, reshaping and pass-through layers, recurrent layers, and arithmetic on its tensors."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tocompiler.frontends.keras.graph import apply_layer
from tocompiler.frontends.keras.table import Call, Value, keras_layer

if TYPE_CHECKING:
    from tocompiler.tensors import Tensor

__all__: list[str] = []


@keras_layer("Dropout", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D", "GaussianNoise", "GaussianDropout",
             "AlphaDropout", "ActivityRegularization", "Identity", "RandomFlip", "RandomRotation", "RandomZoom",
             "RandomTranslation", "RandomContrast", "RandomCrop", "Masking", "StochasticDepth")
def _nothing(call: Call, value: Value, **ignored: Any) -> Value:
    """What acts in training only, or only marks."""
    return value


def _together(call: Call, values: list[Any]) -> tuple[list[Any], bool]:
    """Operands in one layout: channels-first where all are, in Keras' order otherwise. Numbers stay."""
    tensors = [v for v in values if isinstance(v, Value)]
    first = all(v.first for v in tensors) and len({len(v.shape) for v in tensors}) == 1
    return [(v.tensor if first else call.last(v)) if isinstance(v, Value) else v for v in values], first


def _merge(operator: str) -> Callable[..., Value]:
    def merge(call: Call, *arguments: Any) -> Value:
        values = arguments[0] if len(arguments) == 1 and isinstance(arguments[0], list) else list(arguments)
        operands, first = _together(call, values)
        if not all(hasattr(o, "format") for o in operands):
            format = next(o.format for o in operands if hasattr(o, "format"))
            operands = [o if hasattr(o, "format") else call.net.constant(o, format, "number") for o in operands]
        if operator == "Mean":
            return Value(call.net.emit("Mean", operands)[0], first)
        total = operands[0]
        for other in operands[1:]:
            total = call.net.emit(operator, [total, other])[0]
        return Value(total, first)

    return merge


for _kind, _onnx in (("Add", "Add"), ("Subtract", "Sub"), ("Multiply", "Mul"), ("Divide", "Div"), ("Maximum", "Max"),
                     ("Minimum", "Min"), ("Average", "Mean"), ("TrueDivide", "Div"), ("Power", "Pow")):
    keras_layer(_kind)(_merge(_onnx))


@keras_layer("Concatenate")
def _concatenate(call: Call, values: list[Value]) -> Value:
    tensors, first = _together(call, values)
    rank, axis = len(values[0].shape), call["axis"]
    if first:  # channels moved to axis 1, the axes before them one back
        axis %= rank
        axis = 0 if axis == 0 else 1 if axis == rank - 1 else axis + 1
    return Value(call.net.concat(tensors, axis), first)


@keras_layer("Flatten")
def _flatten(call: Call, value: Value) -> Value:
    x = call.last(value)
    return Value(x if len(x.shape) == 2 else call.net.flatten(x))


@keras_layer("Reshape")
def _reshape(call: Call, value: Value) -> Value:
    """The layer states the shape of one sample, the operation (``newshape``) that of the whole batch."""
    x = call.last(value)
    whole = call.config.get("newshape")
    return Value(call.net.reshape(x, (x.shape[0], *call["target_shape"]) if whole is None else
                                  [-1 if d is None else d for d in whole]))


@keras_layer("Permute")
def _permute(call: Call, value: Value) -> Value:
    return Value(call.net.permute(call.last(value), (0, *call["dims"])))


@keras_layer("RepeatVector")
def _repeat_vector(call: Call, value: Value) -> Value:
    x = call.last(value)
    return Value(call.net.expand(call.net.unsqueeze(x, 1), (x.shape[0], call["n"], x.shape[1])))


@keras_layer("GetItem")
def _get_item(call: Call, value: Value, keys: Any) -> Value:
    """Slices and whole indices, axis by axis; an index drops its axis."""
    x, axis = call.last(value), 0
    for key in keys if isinstance(keys, list) else [keys]:
        if isinstance(key, int):
            x = call.net.select(x, axis, key)
            continue
        if not isinstance(key, slice):
            raise call.refuse(f"indexing by {key!r} is not modelled")
        if key != slice(None, None, None):
            size = x.shape[axis]
            start, stop, step = key.indices(size)
            x = call.net.slice(x, start, stop, axis, step)
        axis += 1
    return Value(x)


@keras_layer("TimeDistributed")
def _time_distributed(call: Call, value: Value, **ignored: Any) -> Value:
    """The inner layer on every step: steps and batch are one axis for it."""
    x = call.last(value)
    batch, steps = x.shape[:2]
    merged = Value(call.net.reshape(x, (batch * steps, *x.shape[2:])))
    inner = apply_layer(call.net, call["layer"], f"{call.path}.", [merged], {}, call.stored)[0]
    y = Call(call.net, call.kind, call.path, {}).last(inner)
    return Value(call.net.reshape(y, (batch, steps, *y.shape[1:])))


_GATES = {"LSTM": 4, "GRU": 3, "SimpleRNN": 1}


@keras_layer(*_GATES)
def _recurrent(call: Call, value: Value, **ignored: Any) -> Value | list[Value]:
    return _run(call, call, value, ("",), "forward")


@keras_layer("Bidirectional")
def _bidirectional(call: Call, value: Value, **ignored: Any) -> Value | list[Value]:
    """The wrapped layer in both directions, joined as ``merge_mode`` says."""
    inner = call["layer"]
    wrapped = Call(call.net, inner["class_name"], call.path, inner["config"], call.stored)
    if call["merge_mode"] != "concat":
        raise call.refuse(f"merge_mode {call['merge_mode']} is not modelled")
    return _run(call, wrapped, value, ("forward_", "backward_"), "bidirectional")


def _run(call: Call, layer: Call, value: Value, ways: tuple[str, ...], direction: str) -> Value | list[Value]:
    """Keras has one bias for input and state (two in a GRU that resets after the product); ONNX has both in one."""
    if layer.kind not in _GATES or layer.config.get("return_state"):
        raise call.refuse("only LSTM, GRU and SimpleRNN without returned states are modelled")
    net, x = call.net, call.last(value)
    hidden, rows = layer["units"], _GATES[layer.kind] * layer["units"]
    after = layer.kind == "GRU" and layer.config.get("reset_after", True)
    stored = [_stacked(layer, ways, role, shape, x) for role, shape in
              (("kernel", (rows, x.shape[-1])), ("recurrent_kernel", (rows, hidden)))]
    if layer["use_bias"]:
        bias = _stacked(layer, ways, "bias", ((2 if after else 1) * rows,), x)
        absent = net.stored((len(ways), rows), x.format, "no_recurrent_bias", "constant")
        stored.append(bias if after else net.concat([bias, absent], 1))
    attributes: dict[str, Any] = {"hidden_size": hidden, "direction": direction}
    if layer.kind == "GRU":
        attributes["linear_before_reset"] = int(after)
    sequence, last, *_ = net.emit(layer.kind.removeprefix("Simple"), [net.transpose(x, 0, 1), *stored], attributes)
    batch, length = x.shape[:2]
    if layer["return_sequences"]:
        return Value(net.reshape(net.permute(sequence, (2, 0, 1, 3)), (batch, length, len(ways) * hidden)))
    return Value(net.reshape(net.permute(last, (1, 0, 2)), (batch, len(ways) * hidden)))


def _stacked(layer: Call, ways: tuple[str, ...], role: str, shape: tuple[int, ...], x: Tensor) -> Tensor:
    rows = [layer.parameter(f"{way}{role}", (1, *shape), x) for way in ways]
    return rows[0] if len(rows) == 1 else layer.net.concat(rows, 0)
