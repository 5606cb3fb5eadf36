"""Rows of ATen's normalisations, reductions, pooling and resizing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tocompiler.frontends.torch.table import Call, NotTabled, aten
from tocompiler.operators.shapes import product

if TYPE_CHECKING:
    from tocompiler.tensors import Shape, Tensor

__all__: list[str] = []


def _affine(call: Call, x: Tensor, given: Tensor | None, shape: Shape) -> Tensor:
    """A scale or shift, or the ones or zeros that ONNX wants in its place."""
    return call.net.stored(shape, x.format, "constant", "constant") if given is None else given


@aten("batch_norm")
def _batch_norm(call: Call, x: Tensor, weight: Tensor | None, bias: Tensor | None, mean: Tensor | None,
                variance: Tensor | None, training: bool, momentum: float, eps: float, cudnn: bool = False) -> Tensor:
    inputs = [x, *(_affine(call, x, t, (x.shape[1],)) for t in (weight, bias, mean, variance))]
    attributes: dict[str, Any] = {"epsilon": eps, "momentum": 1.0 - momentum}
    if training or mean is None:
        attributes["training_mode"] = 1
    return call.emit("BatchNormalization", inputs, attributes)


@aten("_native_batch_norm_legit_no_training")
def _native_batch_norm(call: Call, x: Tensor, weight: Tensor | None, bias: Tensor | None, mean: Tensor,
                       variance: Tensor, momentum: float, eps: float) -> Sequence[Tensor]:
    return [_batch_norm(call, x, weight, bias, mean, variance, False, momentum, eps)]


@aten("layer_norm", "native_layer_norm")
def _layer_norm(call: Call, x: Tensor, over: Sequence[int], weight: Tensor | None = None, bias: Tensor | None = None,
                eps: float = 1e-5, *rest: Any) -> Any:
    inputs = [x, _affine(call, x, weight, tuple(over)), *([bias] if bias is not None else [])]
    y = call.emit("LayerNormalization", inputs, {"axis": -len(over), "epsilon": eps})
    return [y] if len(call.results) > 1 else y


@aten("rms_norm")
def _rms_norm(call: Call, x: Tensor, over: Sequence[int], weight: Tensor | None = None,
              eps: float | None = None) -> Tensor:
    attributes = {"axis": -len(over), "epsilon": 1e-5 if eps is None else eps}
    return call.emit("RMSNormalization", [x, _affine(call, x, weight, tuple(over))], attributes)


@aten("group_norm")
def _group_norm(call: Call, x: Tensor, groups: int, weight: Tensor | None = None, bias: Tensor | None = None,
                eps: float = 1e-5, *rest: Any) -> Tensor:
    affine = [_affine(call, x, t, (x.shape[1],)) for t in (weight, bias)]
    return call.emit("GroupNormalization", [x, *affine], {"num_groups": groups, "epsilon": eps})


@aten("native_group_norm")
def _native_group_norm(call: Call, x: Tensor, weight: Tensor | None, bias: Tensor | None, n: Any, c: Any, area: Any,
                       groups: int, eps: float) -> Sequence[Tensor]:
    return [_group_norm(call, x, groups, weight, bias, eps)]


@aten("instance_norm")
def _instance_norm(call: Call, x: Tensor, weight: Tensor | None, bias: Tensor | None, mean: Any, variance: Any,
                   use_input_stats: bool, momentum: float, eps: float, *rest: Any) -> Tensor:
    if not use_input_stats:
        raise NotTabled("instance norm by running statistics")
    affine = [_affine(call, x, t, (x.shape[1],)) for t in (weight, bias)]
    return call.emit("InstanceNormalization", [x, *affine], {"epsilon": eps})


def _reduce(call: Call, operator: str, x: Tensor, dim: Any, keepdim: bool) -> Tensor:
    axes = [dim] if isinstance(dim, int) else list(dim or [])
    inputs = [x, call.constant(tuple(axes))] if axes else [x]
    return call.emit(operator, inputs, {"keepdims": int(keepdim)})


@aten("mean")
def _mean(call: Call, x: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    return _reduce(call, "ReduceMean", call.cast(x, call.format), dim, keepdim)


@aten("sum")
def _sum(call: Call, x: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    return _reduce(call, "ReduceSum", call.cast(x, call.format), dim, keepdim)


@aten("prod")
def _prod(call: Call, x: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    return _reduce(call, "ReduceProd", x, dim, keepdim)


@aten("amax", "amin")
def _extreme(call: Call, x: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    return _reduce(call, "ReduceMax" if call.name.startswith("amax") else "ReduceMin", x, dim, keepdim)


@aten("max", "min")
def _extreme_and_index(call: Call, x: Tensor, dim: Any = None, keepdim: bool = False) -> Any:
    """Of all elements, along an axis with the position, or of two tensors."""
    kind = "Max" if call.name.startswith("max") else "Min"
    if hasattr(dim, "format"):
        return call.emit(kind, [x, dim])
    value = _reduce(call, f"Reduce{kind}", x, dim, keepdim)
    if dim is None:
        return value
    return [value, call.emit(f"Arg{kind}", [x], {"axis": dim, "keepdims": int(keepdim)})]


@aten("argmax", "argmin")
def _index_of(call: Call, x: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    if dim is None:
        x, dim = call.net.reshape(x, (-1,)), 0
    kind = "ArgMax" if call.name.startswith("argmax") else "ArgMin"
    return call.emit(kind, [x], {"axis": dim, "keepdims": int(keepdim)})


@aten("logsumexp")
def _logsumexp(call: Call, x: Tensor, dim: Any, keepdim: bool = False) -> Tensor:
    return _reduce(call, "ReduceLogSumExp", x, dim, keepdim)


@aten("linalg_vector_norm")
def _vector_norm(call: Call, x: Tensor, order: float = 2, dim: Any = None, keepdim: bool = False) -> Tensor:
    if order not in (1, 2):
        raise NotTabled("norm of another order")
    return _reduce(call, f"ReduceL{int(order)}", x, dim, keepdim)


@aten("var", "std")
def _var(call: Call, x: Tensor, dim: Any = None, correction: Any = None, keepdim: bool = False) -> Tensor:
    """The mean of squared differences from the mean, rescaled where the divisor is n minus a correction."""
    axes = list(range(len(x.shape))) if dim is None else [dim] if isinstance(dim, int) else list(dim)
    apart = call.emit("Sub", [x, _reduce(call, "ReduceMean", x, axes, True)])
    variance = _reduce(call, "ReduceMean", call.emit("Mul", [apart, apart]), axes, keepdim)
    unbiased = 1 if correction is None else correction
    if unbiased:
        n = product(x.shape[a] for a in axes)
        variance = call.net.mul(variance, float(n / (n - unbiased)) if isinstance(n, int) else 1.0)
    return call.emit("Sqrt", [variance]) if call.name.startswith("std") else variance


@aten("cumsum")
def _cumsum(call: Call, x: Tensor, dim: int) -> Tensor:
    return call.emit("CumSum", [call.cast(x, call.format), call.constant(dim)])


@aten("topk")
def _topk(call: Call, x: Tensor, k: int, dim: int = -1, *rest: Any) -> Sequence[Tensor]:
    return call.net.emit("TopK", [x, call.constant((k,))], {"axis": dim})


def _window(kernel: Any, stride: Any, padding: Any, rank: int, ceil_mode: bool) -> dict[str, Any]:
    def spread(value: Any) -> tuple[int, ...]:
        values = (value,) if isinstance(value, int) else tuple(value)
        return values * rank if len(values) == 1 else values

    sizes = spread(kernel)
    return {"kernel_shape": sizes, "strides": spread(stride) if stride else sizes, "pads": spread(padding) * 2,
            "ceil_mode": int(ceil_mode)}


@aten("max_pool1d", "max_pool2d", "max_pool3d", "max_pool2d_with_indices", "max_pool3d_with_indices")
def _max_pool(call: Call, x: Tensor, kernel: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
              ceil_mode: bool = False) -> Any:
    rank = len(x.shape) - 2
    attributes = _window(kernel, stride, padding, rank, ceil_mode)
    attributes["dilations"] = (dilation,) * rank if isinstance(dilation, int) else tuple(dilation)
    if len(call.results) > 1:
        return call.net.emit("MaxPool", [x], attributes, results=call.results)
    return call.emit("MaxPool", [x], attributes)


@aten("avg_pool1d", "avg_pool2d", "avg_pool3d")
def _avg_pool(call: Call, x: Tensor, kernel: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
              count_include_pad: bool = True, *rest: Any) -> Tensor:
    attributes = _window(kernel, stride, padding, len(x.shape) - 2, ceil_mode)
    return call.emit("AveragePool", [x], {**attributes, "count_include_pad": int(count_include_pad)})


@aten("adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d", "_adaptive_avg_pool2d",
      "_adaptive_avg_pool3d", "adaptive_max_pool1d", "adaptive_max_pool2d", "adaptive_max_pool3d")
def _adaptive_pool(call: Call, x: Tensor, output_size: Any) -> Any:
    """Equal windows where the sizes divide; uneven ones are an operator of this project's own."""
    kind = "Max" if "max" in call.name else "Average"
    rank = len(call.shape) - 2
    if all(d == 1 for d in call.shape[2:]):
        y = call.emit(f"Global{kind}Pool", [x])
    elif any(have % want for have, want in zip(x.shape[2:], call.shape[2:], strict=True)):
        y = call.emit(f"tocompiler.Adaptive{kind}Pool", [x], {"output_size": tuple(call.shape[2:])})
    else:
        kernel = tuple(have // want for have, want in zip(x.shape[2:], call.shape[2:], strict=True))
        y = call.emit(f"{kind}Pool", [x], _window(kernel, kernel, 0, rank, False))
    return [y] if len(call.results) > 1 else y


@aten("upsample_nearest1d", "upsample_nearest2d", "upsample_nearest3d")
def _nearest(call: Call, x: Tensor, *rest: Any) -> Tensor:
    attributes = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    return call.emit("Resize", [x, None, None, call.constant(call.shape)], attributes)


@aten("upsample_linear1d", "upsample_bilinear2d", "upsample_trilinear3d", "upsample_bicubic2d",
      "_upsample_bilinear2d_aa", "_upsample_bicubic2d_aa")
def _resize(call: Call, x: Tensor, size: Any, align_corners: bool, *rest: Any) -> Tensor:
    attributes: dict[str, Any] = {"mode": "cubic" if "cubic" in call.name else "linear",
                                  "coordinate_transformation_mode": "align_corners" if align_corners else "half_pixel"}
    if call.name.startswith("_"):
        attributes["antialias"] = 1
    return call.emit("Resize", [x, None, None, call.constant(call.shape)], attributes)
