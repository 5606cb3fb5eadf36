"""Rows of ATen's products: convolutions, linear layers, matrix products, attention, recurrent layers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tocompiler.frontends.torch.table import Call, NotTabled, aten

if TYPE_CHECKING:
    from tocompiler.tensors import Tensor

__all__: list[str] = []


def _each(value: int | Sequence[int], n: int) -> tuple[int, ...]:
    values = (value,) if isinstance(value, int) else tuple(value)
    return values * n if len(values) == 1 else values


def _unbatched(call: Call, x: Tensor, rank: int) -> Tensor:
    """torch takes a convolution's input without its batch axis as well."""
    return call.net.unsqueeze(x, 0) if len(x.shape) == rank - 1 else x


def _squeezed(call: Call, y: Tensor) -> Tensor:
    return call.net.squeeze(y, 0) if len(y.shape) == len(call.shape) + 1 else y


@aten("conv1d", "conv2d", "conv3d")
def _conv(call: Call, x: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Any = 1, padding: Any = 0,
          dilation: Any = 1, groups: int = 1) -> Tensor:
    kernel = weight.shape[2:]
    n = len(kernel)
    dilations = _each(dilation, n)
    if isinstance(padding, str):
        total = [d * (k - 1) if padding == "same" else 0 for k, d in zip(kernel, dilations, strict=True)]
        pads = (*(t // 2 for t in total), *(t - t // 2 for t in total))
    else:
        pads = _each(padding, n) * 2
    attributes = {"kernel_shape": kernel, "strides": _each(stride, n), "pads": pads, "dilations": dilations,
                  "group": groups}
    inputs = [_unbatched(call, x, n + 2), weight, bias]
    return _squeezed(call, call.emit("Conv", inputs if bias else inputs[:2], attributes))


@aten("conv_transpose1d", "conv_transpose2d", "conv_transpose3d")
def _conv_transpose(call: Call, x: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Any = 1,
                    padding: Any = 0, output_padding: Any = 0, groups: int = 1, dilation: Any = 1) -> Tensor:
    kernel = weight.shape[2:]
    n = len(kernel)
    attributes = {"kernel_shape": kernel, "strides": _each(stride, n), "pads": _each(padding, n) * 2,
                  "dilations": _each(dilation, n), "group": groups, "output_padding": _each(output_padding, n)}
    inputs = [_unbatched(call, x, n + 2), weight, bias]
    return _squeezed(call, call.emit("ConvTranspose", inputs if bias else inputs[:2], attributes))


@aten("convolution")
def _convolution(call: Call, x: Tensor, weight: Tensor, bias: Tensor | None, stride: Any, padding: Any, dilation: Any,
                 transposed: bool, output_padding: Any, groups: int) -> Tensor:
    if transposed:
        return _conv_transpose(call, x, weight, bias, stride, padding, output_padding, groups, dilation)
    return _conv(call, x, weight, bias, stride, padding, dilation, groups)


@aten("linear")
def _linear(call: Call, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Two axes make a Gemm, others a MatMul and an Add, as torch's ONNX exporters do.

    They store the weight transposed for a MatMul; one that others read as well is transposed by an operator.
    """
    if len(x.shape) == 2:
        return call.emit("Gemm", [x, weight, bias] if bias else [x, weight], {"transB": 1})
    if weight.name in call.own and len(weight.shape) == 2:
        weight = replace(weight, shape=weight.shape[::-1])
    else:
        weight = call.emit("Transpose", [weight], {"perm": (1, 0)})
    y = call.emit("MatMul", [x, weight])
    return call.emit("Add", [y, bias]) if bias else y


@aten("matmul", "mm", "bmm", "mv", "dot")
def _matmul(call: Call, x: Tensor, other: Tensor) -> Tensor:
    return call.emit("MatMul", [x, other])


@aten("addmm")
def _addmm(call: Call, c: Tensor, a: Tensor, b: Tensor, beta: float = 1, alpha: float = 1) -> Tensor:
    return call.emit("Gemm", [a, b, c], {"alpha": float(alpha), "beta": float(beta)})


@aten("baddbmm")
def _baddbmm(call: Call, c: Tensor, a: Tensor, b: Tensor, beta: float = 1, alpha: float = 1) -> Tensor:
    y = call.emit("MatMul", [a, b])
    y = y if alpha == 1 else call.net.mul(y, float(alpha))
    return call.net.add(y, c if beta == 1 else call.net.mul(c, float(beta))) if beta else y


@aten("scaled_dot_product_attention")
def _attention(call: Call, query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor | None = None,
               dropout_p: float = 0.0, is_causal: bool = False, scale: float | None = None,
               enable_gqa: bool = False) -> Tensor:
    if attn_mask is not None and attn_mask.format == "bool":
        zero, low = call.constant(0.0, query.format), call.constant(float("-inf"), query.format)
        attn_mask = call.emit("Where", [attn_mask, zero, low])
    if len(query.shape) <= 4:
        return call.net.scaled_dot_product_attention(query, key, value, attn_mask, is_causal, scale)
    lead = len(query.shape) - 3  # further axes in front are a batch like any other
    if attn_mask is not None and len(attn_mask.shape) > 3:
        wide = (*query.shape[:lead], *attn_mask.shape[-3:])
        attn_mask = _batched(call, call.net.expand(attn_mask, wide), lead)
    queries, keys, values = (_batched(call, t, lead) for t in (query, key, value))
    y = call.net.scaled_dot_product_attention(queries, keys, values, attn_mask, is_causal, scale)
    return call.net.reshape(y, call.shape)


def _batched(call: Call, x: Tensor, lead: int) -> Tensor:
    """The first axes as one."""
    n = 1
    for d in x.shape[:lead]:
        n = n * d
    return call.net.reshape(x, (n, *x.shape[lead:]))


@aten("lstm")
def _lstm(call: Call, x: Tensor, states: Sequence[Tensor], parameters: Sequence[Tensor],
          *rest: Any) -> Sequence[Tensor]:
    return _recurrent(call, "LSTM", x, list(states), parameters, {}, *rest)


@aten("gru")
def _gru(call: Call, x: Tensor, state: Tensor, parameters: Sequence[Tensor], *rest: Any) -> Sequence[Tensor]:
    return _recurrent(call, "GRU", x, [state], parameters, {"linear_before_reset": 1}, *rest)


@aten("rnn_tanh", "rnn_relu")
def _rnn(call: Call, x: Tensor, state: Tensor, parameters: Sequence[Tensor], *rest: Any) -> Sequence[Tensor]:
    function = "Relu" if "relu" in call.name else "Tanh"
    return _recurrent(call, "RNN", x, [state], parameters, {"activations": (function, function)}, *rest)


def _recurrent(call: Call, operator: str, x: Tensor, states: list[Tensor], parameters: Sequence[Tensor],
               attributes: dict[str, Any], has_biases: bool, layers: int, dropout: float, train: bool,
               bidirectional: bool, batch_first: bool) -> Sequence[Tensor]:
    """One ONNX operator per layer; torch's parameters come per layer and direction, weights before biases."""
    directions = 2 if bidirectional else 1
    per = (4 if has_biases else 2) * directions
    if len(parameters) != per * layers:
        raise NotTabled("projections")
    net = call.net
    hidden = parameters[1].shape[1]
    attributes = {**attributes, "hidden_size": hidden, "direction": "bidirectional" if bidirectional else "forward"}
    if "activations" in attributes:
        attributes["activations"] = attributes["activations"][:directions]
    y = net.transpose(x, 0, 1) if batch_first else x
    lasts: list[list[Tensor]] = [[] for _ in states]
    for i in range(layers):
        own = parameters[per * i: per * (i + 1)]
        begin = [net.slice(s, i * directions, (i + 1) * directions, 0) if layers > 1 else s for s in states]
        # Between the weights and the initial states stand the biases and the sequence lengths.
        absent: list[Tensor | None] = [None] if has_biases else [None, None]
        weights = _stacked(call, own, directions, has_biases)
        hidden_states, *ends = net.emit(operator, [y, *weights, *absent, *begin], attributes)
        for last, end in zip(lasts, ends, strict=False):
            last.append(end)
        length, batch = y.shape[:2]
        y = net.reshape(net.permute(hidden_states, (0, 2, 1, 3)), (length, batch, directions * hidden))
    y = net.transpose(y, 0, 1) if batch_first else y
    return [y, *(net.concat(last, 0) if layers > 1 else last[0] for last in lasts)]


def _stacked(call: Call, own: Sequence[Tensor], directions: int, has_biases: bool) -> list[Tensor]:
    """ONNX's W, R and B of one layer: the directions stacked, both biases after each other."""
    each = len(own) // directions
    ways = [own[each * d: each * (d + 1)] for d in range(directions)]
    parts = [[way[0] for way in ways], [way[1] for way in ways]]
    if has_biases:
        parts.append([call.net.concat(way[2:4], 0) for way in ways])
    stacked = []
    for part in parts:
        rows = [call.net.unsqueeze(t, 0) for t in part]
        stacked.append(rows[0] if directions == 1 else call.net.concat(rows, 0))
    return stacked
