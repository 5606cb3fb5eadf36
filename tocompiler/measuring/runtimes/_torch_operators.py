"""The torch call of each operator that the layer methods and the zoo make, by ONNX name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tocompiler.tensors import Operator

__all__ = ["function_of", "names"]

_Attributes = Mapping[str, Any]
_Call = Callable[..., Any]
_ELEMENTWISE = {
    "Add": "add", "Sub": "sub", "Mul": "mul", "Div": "div", "Pow": "pow", "Sqrt": "sqrt", "Exp": "exp", "Neg": "neg",
    "Tanh": "tanh", "Sigmoid": "sigmoid", "Erf": "erf", "Abs": "abs", "Where": "where", "MatMul": "matmul",
    "Reciprocal": "reciprocal",
}
_FUNCTIONAL = {"Relu": "relu", "HardSwish": "hardswish", "Mish": "mish", "Softplus": "softplus", "Softsign": "softsign",
               "PRelu": "prelu"}


def names() -> tuple[str, ...]:
    """Operators that torch is handed."""
    return tuple(sorted({*_ELEMENTWISE, *_FUNCTIONAL, *_MAKERS}))


def function_of(torch: Any, op: Operator) -> _Call:
    """What computes the operator from its inputs; ValueError where the table lacks it."""
    if op.operator in _MAKERS:
        return _MAKERS[op.operator](torch, op, op.attributes)
    home, name = torch, _ELEMENTWISE.get(op.operator)
    if name is None:
        home, name = torch.nn.functional, _FUNCTIONAL.get(op.operator)
    if name is None:
        raise ValueError(f"operator {op.operator} '{op.name}' has no torch call here; use --runtime onnxruntime")
    call: _Call = getattr(home, name)
    return call


def _pads(attributes: _Attributes, rank: int) -> tuple[list[int], list[int]]:
    """Symmetric padding, or (as torch.nn.functional.pad takes it) what comes before and after, last axis first."""
    pads = list(attributes.get("pads", [0] * (2 * rank)))
    before, after = pads[:rank], pads[rank:]
    if before == after:
        return before, []
    return [0] * rank, [p for pair in zip(reversed(before), reversed(after), strict=True) for p in pair]


def _convolution(torch: Any, op: Operator, a: _Attributes) -> _Call:
    rank = len(op.given(0).shape) - 2
    call = getattr(torch.nn.functional, f"conv{rank}d")
    padding, extra = _pads(a, rank)
    stride, dilation, groups = a.get("strides", [1] * rank), a.get("dilations", [1] * rank), a.get("group", 1)

    def run(x: Any, weight: Any, bias: Any = None) -> Any:
        x = torch.nn.functional.pad(x, extra) if extra else x
        return call(x, weight, bias, stride, padding, dilation, groups)

    return run


def _gemm(torch: Any, op: Operator, a: _Attributes) -> _Call:
    if a.get("transA") or a.get("alpha", 1.0) != 1.0 or a.get("beta", 1.0) != 1.0:
        raise ValueError(f"Gemm '{op.name}' with transA, alpha or beta has no torch call here")
    linear, turned = torch.nn.functional.linear, bool(a.get("transB"))
    return lambda x, weight, bias=None: linear(x, weight if turned else weight.T, bias)


def _pool(torch: Any, op: Operator, a: _Attributes) -> _Call:
    rank = len(a["kernel_shape"])
    padding, extra = _pads(a, rank)
    ceil, stride = bool(a.get("ceil_mode")), a.get("strides", [1] * rank)
    if op.operator == "MaxPool":
        largest = getattr(torch.nn.functional, f"max_pool{rank}d")

        def run(x: Any) -> Any:
            x = torch.nn.functional.pad(x, extra, value=float("-inf")) if extra else x
            return largest(x, a["kernel_shape"], stride, padding, a.get("dilations", [1] * rank), ceil)

        return run
    if extra:
        raise ValueError(f"AveragePool '{op.name}' with uneven padding has no torch call here")
    mean = getattr(torch.nn.functional, f"avg_pool{rank}d")
    return lambda x: mean(x, a["kernel_shape"], stride, padding, ceil, bool(a.get("count_include_pad")))


def _batch_norm(torch: Any, op: Operator, a: _Attributes) -> _Call:
    call, training, epsilon = torch.nn.functional.batch_norm, bool(a.get("training_mode")), a.get("epsilon", 1e-5)
    return lambda x, scale, bias, mean, variance: call(x, mean, variance, scale, bias, training, 0.1, epsilon)


def _layer_norm(torch: Any, op: Operator, a: _Attributes) -> _Call:
    shape = op.given(0).shape[a.get("axis", -1):]
    return lambda x, weight=None, bias=None: torch.nn.functional.layer_norm(x, shape, weight, bias,
                                                                            a.get("epsilon", 1e-5))


def _slice(torch: Any, op: Operator, a: _Attributes) -> _Call:
    def run(x: Any, starts: Any, ends: Any, axes: Any = None, steps: Any = None) -> Any:
        along = range(len(starts)) if axes is None else axes.tolist()
        by = [1] * len(starts) if steps is None else steps.tolist()
        index = [slice(None)] * x.dim()
        for axis, start, end, step in zip(along, starts.tolist(), ends.tolist(), by, strict=True):
            index[axis] = slice(start, end, step)
        return x[tuple(index)]

    return run


def _split(torch: Any, op: Operator, a: _Attributes) -> _Call:
    axis = a.get("axis", 0)
    sizes = [t.shape[axis] for t in op.outputs]
    return lambda x, *_: torch.split(x, sizes, axis)


def _reshape(torch: Any, op: Operator, a: _Attributes) -> _Call:
    shape = op.outputs[0].shape
    return lambda x, *_: x.reshape(shape)


def _attention(torch: Any, op: Operator, a: _Attributes) -> _Call:
    if len(op.given(0).shape) < 4:
        raise ValueError(f"Attention '{op.name}' on 3-D operands has no torch call here; use --runtime onnxruntime")
    causal, scale = bool(a.get("is_causal")), a.get("scale")
    grouped = op.given(0).shape[-3] != op.given(1).shape[-3]

    def run(q: Any, k: Any, v: Any, mask: Any = None, *_: Any) -> Any:
        return torch.nn.functional.scaled_dot_product_attention(q, k, v, mask, 0.0, causal, scale=scale,
                                                                enable_gqa=grouped)

    return run


def _spatial(op: Operator) -> list[int]:
    return list(range(2, len(op.given(0).shape)))


_MAKERS: dict[str, Callable[[Any, Operator, _Attributes], _Call]] = {
    "Conv": _convolution, "Gemm": _gemm, "MaxPool": _pool, "AveragePool": _pool, "BatchNormalization": _batch_norm,
    "LayerNormalization": _layer_norm, "Slice": _slice, "Split": _split,
    "Attention": _attention, "Reshape": _reshape, "Flatten": _reshape, "Unsqueeze": _reshape, "Squeeze": _reshape,
    "Expand": lambda torch, op, a: lambda x, *_: x.expand(op.outputs[0].shape),
    "Transpose": lambda torch, op, a: lambda x: x.permute(*a["perm"]),
    "Concat": lambda torch, op, a: lambda *x: torch.cat(x, a["axis"]),
    "Gather": lambda torch, op, a: lambda x, i: (x[i] if a.get("axis", 0) == 0 else
                                                 x.index_select(a["axis"], i.reshape(-1)).reshape(op.outputs[0].shape)),
    "GlobalAveragePool": lambda torch, op, a: lambda x: x.mean(_spatial(op), keepdim=True),
    "ReduceMean": lambda torch, op, a: lambda x, *_: x.mean() if not op.outputs[0].shape else _mean(x, op),
    "Softmax": lambda torch, op, a: lambda x: torch.softmax(x, a.get("axis", -1)),
    "LogSoftmax": lambda torch, op, a: lambda x: torch.log_softmax(x, a.get("axis", -1)),
    "Gelu": lambda torch, op, a: lambda x: torch.nn.functional.gelu(x, approximate=a.get("approximate", "none")),
    "LeakyRelu": lambda torch, op, a: lambda x: torch.nn.functional.leaky_relu(x, a.get("alpha", 0.01)),
    "Elu": lambda torch, op, a: lambda x: torch.nn.functional.elu(x, a.get("alpha", 1.0)),
    "Selu": lambda torch, op, a: torch.nn.functional.selu,
    "Celu": lambda torch, op, a: lambda x: torch.nn.functional.celu(x, a.get("alpha", 1.0)),
    "Swish": lambda torch, op, a: torch.nn.functional.silu,
    "HardSigmoid": lambda torch, op, a: torch.nn.functional.hardsigmoid,
    "Clip": lambda torch, op, a: lambda x, low=None, high=None: torch.clamp(
        x, None if low is None else low.item(), None if high is None else high.item()),
    "LRN": lambda torch, op, a: lambda x: torch.nn.functional.local_response_norm(
        x, a["size"], a.get("alpha", 1e-4), a.get("beta", 0.75), a.get("bias", 1.0)),
    "Dropout": lambda torch, op, a: lambda x, *_: x,
    "Identity": lambda torch, op, a: lambda x: x,
    "Cast": lambda torch, op, a: lambda x: x,
}


def _mean(x: Any, op: Operator) -> Any:
    axes = [i for i, (a, b) in enumerate(zip(op.given(0).shape, op.outputs[0].shape, strict=False)) if a != b]
    return x.mean(axes, keepdim=len(op.outputs[0].shape) == x.dim())
