"""Rows of Keras' convolutions, pooling, padding and resizing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from tocompiler.frontends.keras.layers_dense import activate
from tocompiler.frontends.keras.table import Call, Value, keras_layer

if TYPE_CHECKING:
    from tocompiler.tensors import Tensor

__all__: list[str] = []


def _spread(value: Any, n: int) -> tuple[int, ...]:
    return (value,) * n if isinstance(value, int) else tuple(value)


def _pads(call: Call, size: Sequence[Any], kernel: Sequence[int], strides: Sequence[int],
          dilations: Sequence[int]) -> tuple[int, ...]:
    """TensorFlow's padding: "same" makes ceil(size / stride) positions, the odd element at the end."""
    if call["padding"] == "valid":
        return (0,) * (2 * len(kernel))
    if call["padding"] == "causal":
        return (dilations[0] * (kernel[0] - 1), 0)
    total = [max((-(-n // s) - 1) * s + d * (k - 1) + 1 - n, 0)
             for n, k, s, d in zip(size, kernel, strides, dilations, strict=True)]
    return (*(t // 2 for t in total), *(t - t // 2 for t in total))


def _convolve(call: Call, x: Tensor, filters: int, groups: int, role: str, kernel: Sequence[int],
              strides: Sequence[int], dilations: Sequence[int], bias: bool, padded: bool = True) -> Tensor:
    n = len(kernel)
    weight = call.parameter(role, (filters, x.shape[1] // groups, *kernel), x)
    pads = _pads(call, x.shape[2:], kernel, strides, dilations) if padded else (0,) * (2 * n)
    inputs = [x, weight] + ([call.parameter("bias", (filters,), x)] if bias else [])
    attributes = {"kernel_shape": tuple(kernel), "strides": tuple(strides), "pads": pads,
                  "dilations": tuple(dilations), "group": groups}
    return call.net.emit("Conv", inputs, attributes)[0]


def _geometry(call: Call, n: int) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    return (_spread(call["kernel_size"], n), _spread(call.config.get("strides", 1), n),
            _spread(call.config.get("dilation_rate", 1), n))


@keras_layer("Conv1D", "Conv2D", "Conv3D")
def _conv(call: Call, value: Value) -> Value:
    x, first = call.images(value)
    groups = call.config.get("groups", 1)
    if x.shape[1] % groups:
        raise call.refuse(f"{x.shape[1]} channels do not divide into {groups} groups")
    y = _convolve(call, x, call["filters"], groups, "kernel", *_geometry(call, len(x.shape) - 2), call["use_bias"])
    return Value(activate(call, call["activation"], y, 1), first)


@keras_layer("DepthwiseConv1D", "DepthwiseConv2D")
def _depthwise(call: Call, value: Value) -> Value:
    x, first = call.images(value)
    channels = x.shape[1]
    y = _convolve(call, x, channels * call["depth_multiplier"], channels, "kernel",
                  *_geometry(call, len(x.shape) - 2), call["use_bias"])
    return Value(activate(call, call["activation"], y, 1), first)


@keras_layer("SeparableConv1D", "SeparableConv2D")
def _separable(call: Call, value: Value) -> Value:
    """A convolution of each channel, then one of 1x1 with the bias."""
    x, first = call.images(value)
    n, channels = len(x.shape) - 2, x.shape[1]
    wide = channels * call["depth_multiplier"]
    y = _convolve(call, x, wide, channels, "depthwise_kernel", *_geometry(call, n), False)
    one = (1,) * n
    y = _convolve(call, y, call["filters"], 1, "pointwise_kernel", one, one, one, call["use_bias"], padded=False)
    return Value(activate(call, call["activation"], y, 1), first)


@keras_layer("Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose")
def _transposed(call: Call, value: Value) -> Value:
    """"same" makes size times stride, "valid" that plus what the kernel overhangs."""
    x, first = call.images(value)
    n = len(x.shape) - 2
    kernel, strides, dilations = _geometry(call, n)
    reach = [d * (k - 1) + 1 for k, d in zip(kernel, dilations, strict=True)]
    want = [size * s if call["padding"] == "same" else size * s + max(r - s, 0)
            for size, s, r in zip(x.shape[2:], strides, reach, strict=True)]
    excess = [(size - 1) * s + r - w for size, s, r, w in zip(x.shape[2:], strides, reach, want, strict=True)]
    pads = (*(max(e, 0) // 2 for e in excess), *(max(e, 0) - max(e, 0) // 2 for e in excess))
    weight = call.parameter("kernel", (x.shape[1], call["filters"], *kernel), x)
    inputs = [x, weight] + ([call.parameter("bias", (call["filters"],), x)] if call["use_bias"] else [])
    attributes = {"kernel_shape": kernel, "strides": strides, "pads": pads, "dilations": dilations, "group": 1,
                  "output_padding": tuple(max(-e, 0) for e in excess)}
    return Value(activate(call, call["activation"], call.net.emit("ConvTranspose", inputs, attributes)[0], 1), first)


def _pool(operator: str) -> Callable[[Call, Value], Value]:
    def pool(call: Call, value: Value) -> Value:
        x, first = call.images(value)
        n = len(x.shape) - 2
        kernel = _spread(call["pool_size"], n)
        strides = kernel if call.config.get("strides") is None else _spread(call["strides"], n)
        attributes = {"kernel_shape": kernel, "strides": strides,
                      "pads": _pads(call, x.shape[2:], kernel, strides, (1,) * n)}
        return Value(call.net.emit(operator, [x], attributes, outputs=1)[0], first)

    return pool


def _global_pool(operator: str) -> Callable[[Call, Value], Value]:
    def pool(call: Call, value: Value) -> Value:
        x, first = call.images(value)
        y = call.net.emit(operator, [x])[0]
        if call.config.get("keepdims"):
            return Value(y, first)
        return Value(call.net.flatten(y))

    return pool


for _kind, _onnx in (("Max", "MaxPool"), ("Average", "AveragePool")):
    keras_layer(*(f"{_kind}Pooling{d}D" for d in (1, 2, 3)))(_pool(_onnx))
    keras_layer(*(f"Global{_kind}Pooling{d}D" for d in (1, 2, 3)))(_global_pool(f"Global{_onnx}"))


def _pairs(value: Any, n: int) -> list[tuple[int, int]]:
    """Padding or cropping as (begin, end) per axis."""
    if isinstance(value, int):
        return [(value, value)] * n
    if n == 1:
        return [(value[0], value[-1])]
    return [(v, v) if isinstance(v, int) else (v[0], v[1]) for v in value]


@keras_layer("ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D")
def _zero_padding(call: Call, value: Value) -> Value:
    x, first = call.images(value)
    pairs = _pairs(call["padding"], len(x.shape) - 2)
    return Value(call.net.pad(x, [p for pair in reversed(pairs) for p in pair]), first)


@keras_layer("Cropping1D", "Cropping2D", "Cropping3D")
def _cropping(call: Call, value: Value) -> Value:
    x, first = call.images(value)
    for axis, (begin, end) in enumerate(_pairs(call["cropping"], len(x.shape) - 2), 2):
        if begin or end:
            x = call.net.slice(x, begin, x.shape[axis] - end, axis)
    return Value(x, first)


@keras_layer("UpSampling1D", "UpSampling2D", "UpSampling3D")
def _upsampling(call: Call, value: Value) -> Value:
    x, first = call.images(value)
    factors = _spread(call["size"], len(x.shape) - 2)
    sizes = [d * f for d, f in zip(x.shape[2:], factors, strict=True)]
    return Value(call.net.upsample(x, sizes, mode=call.config.get("interpolation", "nearest")), first)


@keras_layer("Resizing")
def _resizing(call: Call, value: Value) -> Value:
    x, first = call.images(value)
    return Value(call.net.upsample(x, (call["height"], call["width"]), mode=call["interpolation"]), first)
