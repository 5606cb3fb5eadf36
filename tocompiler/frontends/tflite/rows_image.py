"""Rows of TFLite's convolutions, pooling, dense layers and resizing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tocompiler.frontends.tflite.rows_pointwise import activated
from tocompiler.frontends.tflite.table import Call, Value, tflite_operator

__all__: list[str] = []


def _pads(padding: int, size: Sequence[Any], kernel: Sequence[int], strides: Sequence[int],
          dilations: Sequence[int]) -> tuple[int, ...]:
    """SAME (0) makes ceil(size / stride) positions, the odd element at the end; VALID (1) pads nothing."""
    if padding == 1:
        return (0,) * (2 * len(kernel))
    total = [max((-(-n // s) - 1) * s + d * (k - 1) + 1 - n, 0)
             for n, k, s, d in zip(size, kernel, strides, dilations, strict=True)]
    return (*(t // 2 for t in total), *(t - t // 2 for t in total))


def _geometry(options: Any) -> tuple[tuple[int, int], tuple[int, int]]:
    return (options.StrideH(), options.StrideW()), (options.DilationHFactor(), options.DilationWFactor())


@tflite_operator("CONV_2D", "DEPTHWISE_CONV_2D")
def _conv(call: Call, value: Value, weight: Value, bias: Value | None = None) -> Value:
    """The groups follow from how many channels the weight takes."""
    depthwise = call.kind.startswith("DEPTHWISE")
    options = call.options("DepthwiseConv2DOptions" if depthwise else "Conv2DOptions")
    x = call.first(value)
    w = weight.tensor
    kernel, (strides, dilations) = w.shape[2:], _geometry(options)
    groups = x.shape[1] // w.shape[1]
    inputs = [x, w, bias.tensor] if bias is not None else [x, w]
    pads = _pads(options.Padding(), x.shape[2:], kernel, strides, dilations)
    y = call.net.emit("Conv", inputs, {"kernel_shape": kernel, "strides": strides, "pads": pads,
                                       "dilations": dilations, "group": groups})[0]
    return Value(activated(call, y, options.FusedActivationFunction()), True)


@tflite_operator("TRANSPOSE_CONV")
def _transposed(call: Call, shape: Value, weight: Value, value: Value, bias: Value | None = None) -> Value:
    """SAME and VALID cut what overhangs the stated result."""
    options = call.options("TransposeConvOptions")
    x, w = call.first(value), weight.tensor
    kernel, strides = w.shape[2:], (options.StrideH(), options.StrideW())
    excess = [(n - 1) * s + k - want for n, s, k, want in zip(x.shape[2:], strides, kernel, call.shape[1:3],
                                                             strict=True)]
    cut = [max(e, 0) for e in excess]
    pads = (*(c // 2 for c in cut), *(c - c // 2 for c in cut))
    y = call.net.emit("ConvTranspose", [x, w, bias.tensor] if bias is not None else [x, w], {
        "kernel_shape": kernel, "strides": strides, "pads": pads,
        "output_padding": tuple(max(-e, 0) for e in excess)})[0]
    return Value(y, True)


@tflite_operator("FULLY_CONNECTED")
def _dense(call: Call, value: Value, weight: Value, bias: Value | None = None) -> Value:
    """Rows of as many features as the weight (out, in) takes."""
    options, x = call.options("FullyConnectedOptions"), call.last(value)
    features = weight.tensor.shape[1]
    rows = x if len(x.shape) == 2 and x.shape[-1] == features else call.net.reshape(x, (-1, features))
    inputs = [rows, weight.tensor] + ([bias.tensor] if bias is not None else [])
    y = activated(call, call.net.emit("Gemm", inputs, {"transB": 1})[0], options.FusedActivationFunction())
    return Value(y if y.shape == call.shape else call.net.reshape(y, call.shape))


@tflite_operator("BATCH_MATMUL")
def _matmul(call: Call, a: Value, b: Value) -> Value:
    options = call.options("BatchMatMulOptions")
    x, y = call.last(a), call.last(b)
    x = call.net.transpose(x, -1, -2) if options.AdjX() else x
    y = call.net.transpose(y, -1, -2) if options.AdjY() else y
    return Value(call.net.matmul(x, y))


@tflite_operator("MAX_POOL_2D", "AVERAGE_POOL_2D")
def _pool(call: Call, value: Value) -> Value:
    options, x = call.options("Pool2DOptions"), call.first(value)
    kernel, strides = (options.FilterHeight(), options.FilterWidth()), (options.StrideH(), options.StrideW())
    pads = _pads(options.Padding(), x.shape[2:], kernel, strides, (1, 1))
    y = call.net.emit("MaxPool" if call.kind.startswith("MAX") else "AveragePool", [x], {
        "kernel_shape": kernel, "strides": strides, "pads": pads}, outputs=1)[0]
    return Value(activated(call, y, options.FusedActivationFunction()), True)


@tflite_operator("RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR")
def _resize(call: Call, value: Value, size: Value) -> Value:
    x = call.first(value)
    target = (*x.shape[:2], *call.shape[1:3])
    mode = "linear" if call.kind == "RESIZE_BILINEAR" else "nearest"
    return Value(call.net.emit("Resize", [x, None, None, call.net.constant(target)], {"mode": mode})[0], True)


@tflite_operator("SPACE_TO_DEPTH", "DEPTH_TO_SPACE")
def _blocks(call: Call, value: Value) -> Value:
    name, operator = (("SpaceToDepthOptions", "SpaceToDepth") if call.kind == "SPACE_TO_DEPTH"
                      else ("DepthToSpaceOptions", "DepthToSpace"))
    size = call.options(name).BlockSize()
    return Value(call.net.emit(operator, [call.first(value)], {"blocksize": size})[0], True)
