"""Rows of keras.ops used in Functional models, which are layers there, and of layers that are such operations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from tocompiler.frontends.keras.layers_dense import activate
from tocompiler.frontends.keras.table import Call, Value, keras_layer

if TYPE_CHECKING:
    from tocompiler.tensors import Tensor

__all__: list[str] = []

_UNARY = {"Sqrt": "Sqrt", "Exp": "Exp", "Negative": "Neg", "Log": "Log", "Sin": "Sin", "Cos": "Cos", "Erf": "Erf",
          "Absolute": "Abs", "Abs": "Abs", "Reciprocal": "Reciprocal", "Floor": "Floor", "Ceil": "Ceil",
          "Round": "Round", "Sign": "Sign"}
_ACTIVATIONS = {"Relu": "relu", "Relu6": "relu6", "Sigmoid": "sigmoid", "Tanh": "tanh", "Silu": "silu", "Elu": "elu",
                "Selu": "selu", "Softplus": "softplus", "HardSigmoid": "hard_sigmoid", "HardSilu": "hard_silu",
                "Gelu": "gelu", "LeakyRelu": "leaky_relu", "Mish": "mish"}
_REDUCED = {"Mean": "ReduceMean", "Sum": "ReduceSum", "Max": "ReduceMax", "Min": "ReduceMin", "Prod": "ReduceProd"}


def _unary(operator: str) -> Callable[..., Value]:
    def row(call: Call, value: Value) -> Value:
        return Value(call.net.emit(operator, [value.tensor])[0], value.first)

    return row


def _activation(name: str) -> Callable[..., Value]:
    def row(call: Call, value: Value) -> Value:
        return Value(activate(call, name, value.tensor), value.first)

    return row


def _reduce(operator: str) -> Callable[..., Value]:
    def row(call: Call, value: Value, **ignored: Any) -> Value:
        x, axis = call.last(value), call.config.get("axis")
        axes = range(len(x.shape)) if axis is None else [axis] if isinstance(axis, int) else axis
        places = call.net.constant(tuple(a % len(x.shape) for a in axes))
        return Value(call.net.emit(operator, [x, places], {"keepdims": int(bool(call.config.get("keepdims")))})[0])

    return row


for _kind, _onnx in _UNARY.items():
    keras_layer(_kind)(_unary(_onnx))
for _kind, _name in _ACTIVATIONS.items():
    keras_layer(_kind)(_activation(_name))
for _kind, _onnx in _REDUCED.items():
    keras_layer(_kind)(_reduce(_onnx))


@keras_layer("Square")
def _square(call: Call, value: Value) -> Value:
    return Value(call.net.mul(value.tensor, value.tensor), value.first)


@keras_layer("Rsqrt")
def _rsqrt(call: Call, value: Value) -> Value:
    root = call.net.emit("Sqrt", [value.tensor])[0]
    return Value(call.net.emit("Reciprocal", [root])[0], value.first)


@keras_layer("Matmul")
def _matmul(call: Call, a: Value, b: Value) -> Value:
    return Value(call.net.matmul(call.last(a), call.last(b)))


@keras_layer("Einsum")
def _einsum(call: Call, *values: Value) -> Value:
    return Value(call.net.emit("Einsum", [call.last(v) for v in values], {"equation": call["subscripts"]})[0])


@keras_layer("Transpose")
def _transpose(call: Call, value: Value) -> Value:
    x = call.last(value)
    return Value(call.net.permute(x, call.config.get("axes") or range(len(x.shape))[::-1]))


@keras_layer("ExpandDims")
def _expand(call: Call, value: Value) -> Value:
    x = call.last(value)
    return Value(call.net.unsqueeze(x, call["axis"] % (len(x.shape) + 1)))


@keras_layer("Squeeze")
def _squeeze(call: Call, value: Value) -> Value:
    x, axis = call.last(value), call.config.get("axis")
    gone = [i for i, d in enumerate(x.shape) if d == 1] if axis is None else [axis] if isinstance(axis, int) else axis
    for place in sorted((a % len(x.shape) for a in gone), reverse=True):
        x = call.net.squeeze(x, place)
    return Value(x)


@keras_layer("Stack")
def _stack(call: Call, values: Sequence[Value]) -> Value:
    tensors = [call.last(v) for v in values]
    axis = call["axis"] % (len(tensors[0].shape) + 1)
    return Value(call.net.concat([call.net.unsqueeze(t, axis) for t in tensors], axis))


@keras_layer("Split")
def _split(call: Call, value: Value) -> list[Value]:
    """Into so many equal parts, or at the places named."""
    x, where = call.last(value), call["indices_or_sections"]
    axis = call["axis"] % len(x.shape)
    size = x.shape[axis]
    ends = [size * (i + 1) // where for i in range(where)] if isinstance(where, int) else [*where, size]
    sizes = [end - start for start, end in zip([0, *ends], ends, strict=False)]
    return [Value(t) for t in call.net.split(x, sizes, axis)]


@keras_layer("Pad")
def _pad(call: Call, value: Value, **ignored: Any) -> Value:
    x = call.last(value)
    pads = (*(before for before, _ in call["pad_width"]), *(after for _, after in call["pad_width"]))
    mode = {"constant": "constant", "reflect": "reflect"}.get(call.config.get("mode", "constant"), "edge")
    return Value(call.net.emit("Pad", [x, call.net.constant(pads)], {"mode": mode})[0])


@keras_layer("CustomScaleLayer")
def _scaled_sum(call: Call, values: Sequence[Value]) -> Value:
    """Inception-ResNet's own layer: x + scale y."""
    first = values[0].first or values[1].first
    x, y = (call.first(v) if first else call.last(v) for v in values)
    return Value(call.net.add(x, call.net.mul(y, float(call["scale"]))), first)


@keras_layer("RMSNormalization")
def _rms(call: Call, value: Value) -> Value:
    x = call.last(value)
    if call.config.get("axis", -1) not in (-1, len(x.shape) - 1, [-1]):
        raise call.refuse("normalises another axis than the last")
    scale = call.parameter("scale", (x.shape[-1],), x)
    return Value(call.net.emit("RMSNormalization", [x, scale], {"axis": -1})[0])


@keras_layer("UnitNormalization")
def _unit(call: Call, value: Value) -> Value:
    x, axis = call.last(value), call.config.get("axis", -1)
    axes = [axis] if isinstance(axis, int) else list(axis)
    if len(axes) > 1:
        raise call.refuse("normalises more axes than one")
    return Value(call.net.emit("LpNormalization", [x], {"axis": axes[0], "p": 2})[0])


@keras_layer("Dot")
def _dot(call: Call, values: Sequence[Value]) -> Value:
    """Two matrices for each sample, summed over one axis of each."""
    x, y = (call.last(v) for v in values)
    axes = call["axes"] if isinstance(call["axes"], list) else [call["axes"]] * 2
    if len(x.shape) != 3 or len(y.shape) != 3 or call.config.get("normalize"):
        raise call.refuse("takes other than two matrices for each sample, or normalises them")
    left = x if axes[0] % 3 == 2 else call.net.transpose(x, 1, 2)
    right = y if axes[1] % 3 == 1 else call.net.transpose(y, 1, 2)
    return Value(call.net.matmul(left, right))


@keras_layer("Attention")
def _attention(call: Call, values: Sequence[Value], **ignored: Any) -> Value:
    """Queries, values and, where they differ from these, keys, all (batch, length, width)."""
    query, value, *rest = (call.last(v) for v in values)
    if call.config.get("score_mode", "dot") != "dot" or call.config.get("use_scale"):
        raise call.refuse("scores other than plain products are not modelled")
    key = rest[0] if rest else value
    return Value(call.net.scaled_dot_product_attention(query, key, value, scale=1.0))


@keras_layer("EinsumDense")
def _einsum_dense(call: Call, value: Value) -> Value:
    """A product with a kernel whose axes the equation names, and a bias along some of the result's."""
    x, equation = call.last(value), str(call["equation"])
    if "..." in equation:
        raise call.refuse("an equation with an ellipsis is not modelled")
    left, result = equation.split("->")
    data, kernel = left.split(",")
    stated = call["output_shape"] if isinstance(call["output_shape"], list) else [call["output_shape"]]
    sizes: dict[str, Any] = dict(zip(data, x.shape, strict=True))
    sizes |= {name: size for name, size in zip(result[len(result) - len(stated):], stated, strict=True)
              if size is not None and name not in sizes}
    weight = call.parameter("kernel", tuple(sizes[name] for name in kernel), x)
    y = call.net.emit("Einsum", [x, weight], {"equation": equation})[0]
    return Value(activate(call, call.config.get("activation"), _biased(call, y, result, sizes)))


def _biased(call: Call, y: Tensor, result: str, sizes: dict[str, Any]) -> Tensor:
    axes = call.config.get("bias_axes")
    if not axes:
        return y
    first = min(result.index(name) for name in axes)
    return call.net.add(y, call.parameter("bias", tuple(sizes[n] if n in axes else 1 for n in result[first:]), y))


@keras_layer("CenterCrop")
def _center_crop(call: Call, value: Value, **ignored: Any) -> Value:
    x, first = call.images(value)
    for axis, size in ((2, call["height"]), (3, call["width"])):
        start = (x.shape[axis] - size) // 2
        x = call.net.slice(x, start, start + size, axis)
    return Value(x, first)
