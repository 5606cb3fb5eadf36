"""Rows of ATen's element-wise operators: arithmetic with type promotion, comparisons, activations."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tocompiler.frontends.torch.table import Call, NotTabled, aten

if TYPE_CHECKING:
    from tocompiler.tensors import Tensor

__all__: list[str] = []

_UNARY = {
    "relu": "Relu", "sigmoid": "Sigmoid", "tanh": "Tanh", "exp": "Exp", "log": "Log", "sqrt": "Sqrt", "neg": "Neg",
    "abs": "Abs", "sin": "Sin", "cos": "Cos", "tan": "Tan", "asin": "Asin", "acos": "Acos", "atan": "Atan",
    "sinh": "Sinh", "cosh": "Cosh", "asinh": "Asinh", "acosh": "Acosh", "atanh": "Atanh", "erf": "Erf",
    "floor": "Floor", "ceil": "Ceil", "round": "Round", "sign": "Sign", "reciprocal": "Reciprocal",
    "logical_not": "Not", "isnan": "IsNaN", "isinf": "IsInf", "hardswish": "HardSwish", "mish": "Mish", "selu": "Selu",
    "softsign": "Softsign",
}
_COMPARISONS = {"eq": "Equal", "lt": "Less", "le": "LessOrEqual", "gt": "Greater", "ge": "GreaterOrEqual"}
_LOGIC = {"logical_and": "And", "logical_or": "Or", "logical_xor": "Xor"}
_BITWISE = {"bitwise_and": ("And", "BitwiseAnd"), "bitwise_or": ("Or", "BitwiseOr"),
            "bitwise_xor": ("Xor", "BitwiseXor")}
_BINARY = {"maximum": "Max", "minimum": "Min", "remainder": "Mod", "fmod": "Mod", "mul": "Mul"}


def _unary(operator: str) -> Callable[..., Tensor]:
    def row(call: Call, x: Tensor) -> Tensor:
        return call.emit(operator, [call.cast(x, call.format) if call.format not in (x.format, "bool") else x])

    return row


def _both(call: Call, x: Any, y: Any, format: str) -> list[Tensor]:
    """Two operands, tensors or numbers, in one format."""
    return [call.constant(v, format) if isinstance(v, (int, float)) or not hasattr(v, "format")
            else call.cast(v, format) for v in (x, y)]


def _common(x: Any, y: Any) -> str:
    """The format in which two operands are compared: that of the one which is a float, otherwise the first's."""
    formats: list[str] = [v.format for v in (x, y) if hasattr(v, "format")]
    floats = [f for f in formats if "int" not in f and f != "bool"]
    return (floats or formats)[0]


def _binary(operator: str) -> Callable[..., Tensor]:
    def row(call: Call, x: Any, y: Any) -> Tensor:
        return call.emit(operator, _both(call, x, y, call.format))

    return row


def _comparison(operator: str) -> Callable[..., Tensor]:
    def row(call: Call, x: Any, y: Any) -> Tensor:
        return call.emit(operator, _both(call, x, y, _common(x, y)))

    return row


def _logical(operator: str) -> Callable[..., Tensor]:
    def row(call: Call, x: Tensor, y: Tensor) -> Tensor:
        return call.emit(operator, _both(call, x, y, "bool"))

    return row


def _bitwise(boolean: str, integer: str) -> Callable[..., Tensor]:
    def row(call: Call, x: Any, y: Any) -> Tensor:
        return call.emit(boolean if call.format == "bool" else integer, _both(call, x, y, call.format))

    return row


for _name, _operator in _UNARY.items():
    aten(_name)(_unary(_operator))
for _name, _operator in _BINARY.items():
    aten(_name)(_binary(_operator))
for _name, _operator in _COMPARISONS.items():
    aten(_name)(_comparison(_operator))
for _name, _operator in _LOGIC.items():
    aten(_name)(_logical(_operator))
for _name, _pair in _BITWISE.items():
    aten(_name)(_bitwise(*_pair))


@aten("add")
def _add(call: Call, x: Any, y: Any, alpha: float = 1) -> Tensor:
    return call.emit("Add", _both(call, x, _scaled(call, y, alpha), call.format))


@aten("sub")
def _sub(call: Call, x: Any, y: Any, alpha: float = 1) -> Tensor:
    return call.emit("Sub", _both(call, x, _scaled(call, y, alpha), call.format))


@aten("rsub")
def _rsub(call: Call, x: Any, y: Any, alpha: float = 1) -> Tensor:
    return call.emit("Sub", _both(call, y, _scaled(call, x, alpha), call.format))


def _scaled(call: Call, y: Any, alpha: float) -> Any:
    if alpha == 1:
        return y
    return call.emit("Mul", _both(call, y, alpha, call.format)) if hasattr(y, "format") else y * alpha


@aten("div", "true_divide")
def _div(call: Call, x: Any, y: Any, rounding_mode: str | None = None) -> Tensor:
    quotient = call.emit("Div", _both(call, x, y, call.format))
    # An integer division truncates already.
    return quotient if rounding_mode is None or "int" in call.format else call.emit("Floor", [quotient])


@aten("floor_divide")
def _floor_divide(call: Call, x: Any, y: Any) -> Tensor:
    return _div(call, x, y, "floor")


@aten("pow")
def _pow(call: Call, x: Any, y: Any) -> Tensor:
    return call.emit("Pow", _both(call, x, y, call.format))


@aten("square")
def _square(call: Call, x: Tensor) -> Tensor:
    return call.emit("Mul", [x, x])


@aten("rsqrt")
def _rsqrt(call: Call, x: Tensor) -> Tensor:
    return call.emit("Reciprocal", [call.emit("Sqrt", [call.cast(x, call.format)])])


@aten("log1p")
def _log1p(call: Call, x: Tensor) -> Tensor:
    return call.emit("Log", [call.net.add(call.cast(x, call.format), 1.0)])


@aten("expm1")
def _expm1(call: Call, x: Tensor) -> Tensor:
    return call.net.sub(call.emit("Exp", [call.cast(x, call.format)]), 1.0)


@aten("ne")
def _ne(call: Call, x: Any, y: Any) -> Tensor:
    return call.emit("Not", [call.emit("Equal", _both(call, x, y, _common(x, y)))])


@aten("bitwise_not")
def _bitwise_not(call: Call, x: Tensor) -> Tensor:
    return call.emit("Not" if x.format == "bool" else "BitwiseNot", [x])


@aten("where")
def _where(call: Call, condition: Tensor, x: Any, y: Any) -> Tensor:
    return call.emit("Where", [condition, *_both(call, x, y, call.format)])


@aten("masked_fill")
def _masked_fill(call: Call, x: Tensor, mask: Tensor, value: Any) -> Tensor:
    return _where(call, mask, value, x)


@aten("clamp", "hardtanh")
def _clamp(call: Call, x: Tensor, low: Any = None, high: Any = None) -> Tensor:
    if hasattr(low, "format") or hasattr(high, "format"):
        for operator, bound in (("Max", low), ("Min", high)):
            x = x if bound is None else call.emit(operator, [x, bound])
        return x
    if call.name.startswith("hardtanh"):
        low, high = -1.0 if low is None else low, 1.0 if high is None else high
    bounds = [None if b is None else call.constant(b, call.format) for b in (low, high)]
    return call.emit("Clip", [call.cast(x, call.format), *bounds])


@aten("clamp_min")
def _clamp_min(call: Call, x: Tensor, low: Any) -> Tensor:
    return _clamp(call, x, low)


@aten("clamp_max")
def _clamp_max(call: Call, x: Tensor, high: Any) -> Tensor:
    return _clamp(call, x, None, high)


@aten("relu6")
def _relu6(call: Call, x: Tensor) -> Tensor:
    return call.net.relu6(x)


@aten("gelu")
def _gelu(call: Call, x: Tensor, approximate: str = "none") -> Tensor:
    return call.net.gelu(x, approximate)


@aten("silu")
def _silu(call: Call, x: Tensor) -> Tensor:
    return call.net.silu(x)


@aten("hardsigmoid")
def _hardsigmoid(call: Call, x: Tensor) -> Tensor:
    return call.net.hard_sigmoid(x)


@aten("softplus")
def _softplus(call: Call, x: Tensor, beta: float = 1, threshold: float = 20) -> Tensor:
    if beta != 1:
        return call.net.div(call.emit("Softplus", [call.net.mul(x, float(beta))]), float(beta))
    return call.emit("Softplus", [x])


@aten("elu")
def _elu(call: Call, x: Tensor, alpha: float = 1.0, scale: float = 1, input_scale: float = 1) -> Tensor:
    if scale != 1 or input_scale != 1:
        raise NotTabled("scaled elu")
    return call.emit("Elu", [x], {"alpha": float(alpha)})


@aten("celu")
def _celu(call: Call, x: Tensor, alpha: float = 1.0) -> Tensor:
    return call.emit("Celu", [x], {"alpha": float(alpha)})


@aten("leaky_relu")
def _leaky_relu(call: Call, x: Tensor, negative_slope: float = 0.01) -> Tensor:
    return call.emit("LeakyRelu", [x], {"alpha": float(negative_slope)})


@aten("prelu", "_prelu_kernel")
def _prelu(call: Call, x: Tensor, weight: Tensor) -> Tensor:
    """One slope, or one per channel of axis 1, which ONNX broadcasts from the right."""
    rank = len(x.shape)
    if weight.elements != 1 and rank > 2 and len(weight.shape) == 1:
        weight = call.net.reshape(weight, (weight.shape[0],) + (1,) * (rank - 2))
    return call.emit("PRelu", [x, weight])


@aten("log_sigmoid")
def _log_sigmoid(call: Call, x: Tensor) -> Tensor:
    return call.emit("Log", [call.emit("Sigmoid", [x])])


@aten("glu")
def _glu(call: Call, x: Tensor, dim: int = -1) -> Tensor:
    half = x.shape[dim] // 2
    value, gate = call.net.split(x, (half, half), dim)
    return call.emit("Mul", [value, call.emit("Sigmoid", [gate])])


@aten("softmax", "_softmax", "_safe_softmax")
def _softmax(call: Call, x: Tensor, dim: int, *rest: Any) -> Tensor:
    return call.emit("Softmax", [call.cast(x, call.format)], {"axis": dim})


@aten("log_softmax", "_log_softmax")
def _log_softmax(call: Call, x: Tensor, dim: int, *rest: Any) -> Tensor:
    return call.emit("LogSoftmax", [call.cast(x, call.format)], {"axis": dim})


@aten("_to_copy", "to")
def _to_copy(call: Call, x: Tensor, *rest: Any, **keywords: Any) -> Tensor:
    return call.cast(x, call.format)


@aten("addcmul")
def _addcmul(call: Call, x: Tensor, a: Tensor, b: Tensor, value: float = 1) -> Tensor:
    return call.emit("Add", [x, _scaled(call, call.emit("Mul", [a, b]), value)])


@aten("lerp")
def _lerp(call: Call, x: Tensor, y: Tensor, weight: Any) -> Tensor:
    step = call.emit("Mul", _both(call, call.emit("Sub", [y, x]), weight, call.format))
    return call.emit("Add", [x, step])
