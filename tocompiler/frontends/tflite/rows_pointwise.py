"""Rows of TFLite's element-wise operators, activations and reductions."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tocompiler.frontends.tflite.table import Call, Value, tflite_operator

if TYPE_CHECKING:
    from tocompiler.tensors import Tensor

__all__ = ["activated"]

_FUSED = {1: "relu", 3: "relu6", 4: "tanh"}
"""ActivationFunctionType: what an operator does to its result before it is written."""
_UNARY = {
    "RELU": "Relu", "LOGISTIC": "Sigmoid", "TANH": "Tanh", "HARD_SWISH": "HardSwish", "EXP": "Exp", "LOG": "Log",
    "SQRT": "Sqrt", "ABS": "Abs", "NEG": "Neg", "SIN": "Sin", "COS": "Cos", "FLOOR": "Floor", "CEIL": "Ceil",
    "ROUND": "Round", "SIGN": "Sign", "LOGICAL_NOT": "Not", "ELU": "Elu"}
_BINARY = {
    "ADD": ("Add", "AddOptions"), "SUB": ("Sub", "SubOptions"), "MUL": ("Mul", "MulOptions"),
    "DIV": ("Div", "DivOptions"), "POW": ("Pow", ""), "MAXIMUM": ("Max", ""), "MINIMUM": ("Min", ""),
    "FLOOR_MOD": ("Mod", ""), "EQUAL": ("Equal", ""), "LESS": ("Less", ""), "LESS_EQUAL": ("LessOrEqual", ""),
    "GREATER": ("Greater", ""), "GREATER_EQUAL": ("GreaterOrEqual", ""), "LOGICAL_AND": ("And", ""),
    "LOGICAL_OR": ("Or", "")}
_REDUCED = {"MEAN": "ReduceMean", "SUM": "ReduceSum", "REDUCE_MAX": "ReduceMax", "REDUCE_MIN": "ReduceMin",
            "REDUCE_PROD": "ReduceProd", "REDUCE_ANY": "ReduceMax", "REDUCE_ALL": "ReduceMin"}


def activated(call: Call, x: Tensor, number: int) -> Tensor:
    """The activation that is fused into an operator."""
    if number == 2:
        return call.net.clip(x, -1.0, 1.0)
    if number and number not in _FUSED:
        raise call.refuse(f"its fused activation {number} is not modelled")
    made: Tensor = getattr(call.net, _FUSED[number])(x) if number else x
    return made


def _aligned(call: Call, values: tuple[Value, ...]) -> tuple[list[Tensor], bool]:
    """Operands in one order: channels-first as soon as one is, where a vector of channels gets its axes."""
    rank = max(len(v.shape) for v in values)
    if not any(v.first for v in values) or rank < 3:
        return [call.last(v) for v in values], False
    made = []
    for v in values:
        if v.first:
            made.append(v.tensor)
        elif len(v.shape) in (0, rank):
            made.append(call.first(v))
        else:  # channels alone, or with some axes before them
            wide = call.net.reshape(v.tensor, (1,) * (rank - len(v.shape)) + tuple(v.shape))
            made.append(call.first(Value(wide)))
    return made, True


def _unary(operator: str) -> Callable[..., Value]:
    def row(call: Call, value: Value) -> Value:
        return Value(call.net.emit(operator, [value.tensor])[0], value.first)

    return row


def _binary(operator: str, options: str) -> Callable[..., Value]:
    def row(call: Call, a: Value, b: Value) -> Value:
        operands, first = _aligned(call, (a, b))
        y = call.net.emit(operator, operands)[0]
        fused = call.options(options).FusedActivationFunction() if options and call.table is not None else 0
        return Value(activated(call, y, fused), first)

    return row


def _reduce(operator: str) -> Callable[..., Value]:
    def row(call: Call, value: Value, axes: Value) -> Value:
        kept = call.options("ReducerOptions").KeepDims()
        places = [a % len(value.shape) for a in call.numbers(axes)]
        whole = value.first and (kept or not set(range(1, len(value.shape))) - set(places)
                                 or sorted(places) == list(range(1, len(value.shape) - 1)))
        x = value.tensor if whole else call.last(value)
        moved = [call.axis(a, value) for a in places] if whole else places
        y = call.net.emit(operator, [x, call.net.constant(tuple(moved))], {"keepdims": int(kept)})[0]
        return Value(y, bool(whole and kept))

    return row


for _name, _operator in _UNARY.items():
    tflite_operator(_name)(_unary(_operator))
for _name, (_operator, _options) in _BINARY.items():
    tflite_operator(_name)(_binary(_operator, _options))
for _name, _operator in _REDUCED.items():
    tflite_operator(_name)(_reduce(_operator))


@tflite_operator("RELU6", "RELU_N1_TO_1")
def _bounded(call: Call, value: Value) -> Value:
    return Value(activated(call, value.tensor, 3 if call.kind == "RELU6" else 2), value.first)


@tflite_operator("NOT_EQUAL")
def _differs(call: Call, a: Value, b: Value) -> Value:
    operands, first = _aligned(call, (a, b))
    return Value(call.net.emit("Not", [call.net.emit("Equal", operands)[0]])[0], first)


@tflite_operator("GELU")
def _gelu(call: Call, value: Value) -> Value:
    return Value(call.net.gelu(value.tensor, "tanh" if call.options("GeluOptions").Approximate() else "none"),
                 value.first)


@tflite_operator("LEAKY_RELU")
def _leaky(call: Call, value: Value) -> Value:
    return Value(call.net.leaky_relu(value.tensor, call.options("LeakyReluOptions").Alpha()), value.first)


@tflite_operator("PRELU")
def _prelu(call: Call, value: Value, slope: Value) -> Value:
    operands, first = _aligned(call, (value, slope))
    return Value(call.net.emit("PRelu", operands)[0], first)


@tflite_operator("SQUARE")
def _square(call: Call, value: Value) -> Value:
    return Value(call.net.mul(value.tensor, value.tensor), value.first)


@tflite_operator("SQUARED_DIFFERENCE")
def _squared_difference(call: Call, a: Value, b: Value) -> Value:
    operands, first = _aligned(call, (a, b))
    difference = call.net.emit("Sub", operands)[0]
    return Value(call.net.mul(difference, difference), first)


@tflite_operator("RSQRT")
def _rsqrt(call: Call, value: Value) -> Value:
    root = call.net.emit("Sqrt", [value.tensor])[0]
    return Value(call.net.emit("Reciprocal", [root])[0], value.first)


@tflite_operator("FLOOR_DIV")
def _floor_div(call: Call, a: Value, b: Value) -> Value:
    operands, first = _aligned(call, (a, b))
    quotient = call.net.emit("Div", operands)[0]
    return Value(quotient if "int" in quotient.format else call.net.emit("Floor", [quotient])[0], first)


@tflite_operator("SOFTMAX", "LOG_SOFTMAX")
def _softmax(call: Call, value: Value) -> Value:
    method: Any = call.net.softmax if call.kind == "SOFTMAX" else call.net.log_softmax
    return Value(method(value.tensor, call.axis(-1, value)), value.first)


@tflite_operator("L2_NORMALIZATION")
def _unit(call: Call, value: Value) -> Value:
    return Value(call.net.emit("LpNormalization", [value.tensor], {"axis": call.axis(-1, value), "p": 2})[0],
                 value.first)


@tflite_operator("SELECT", "SELECT_V2")
def _select(call: Call, condition: Value, a: Value, b: Value) -> Value:
    operands, first = _aligned(call, (condition, a, b))
    return Value(call.net.emit("Where", operands)[0], first)


@tflite_operator("ARG_MAX", "ARG_MIN")
def _extreme(call: Call, value: Value, axis: Value) -> Value:
    operator = "ArgMax" if call.kind == "ARG_MAX" else "ArgMin"
    return call.shaped(operator, [call.last(value)], {"axis": call.numbers(axis)[0], "keepdims": 0})


@tflite_operator("CUMSUM")
def _running(call: Call, value: Value, axis: Value) -> Value:
    return Value(call.net.emit("CumSum", [call.last(value), axis.tensor])[0])


@tflite_operator("CAST", "QUANTIZE", "DEQUANTIZE")
def _cast(call: Call, value: Value) -> Value:
    """To another number format; an integer's scale and zero point are applied."""
    net, format = call.net, call.results[0][1]
    if call.kind == "CAST" or (value.tensor.format.startswith(("fp", "bf")) and format.startswith(("fp", "bf"))):
        stored = value.tensor.shape
        return Value(net.emit("Cast", [value.tensor], {"to": format}, results=[(stored, format)])[0], value.first)
    x, scale = value.tensor, net.stored((), "fp32", "constant", "scale")
    if "int" in x.format:
        x = net.emit("DequantizeLinear", [x, scale, net.stored((), x.format, "constant", "zero_point")])[0]
    if "int" in format:
        x = net.emit("QuantizeLinear", [x, scale, net.stored((), format, "constant", "zero_point")])[0]
    return Value(x, value.first)
