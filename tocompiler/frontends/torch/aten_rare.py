"""Rows of ATen's operators that few models use: random numbers, running and partial orders, linear algebra."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tocompiler.frontends.torch.table import Call, NotTabled, aten

if TYPE_CHECKING:
    from tocompiler.tensors import Tensor

__all__: list[str] = []


@aten("rand", "rand_like", "uniform")
def _uniform(call: Call, *rest: Any, **keywords: Any) -> Tensor:
    return call.shaped("RandomUniform", [])


@aten("randn", "randn_like", "normal", "normal_functional")
def _normal(call: Call, *rest: Any, **keywords: Any) -> Tensor:
    """Scaled and shifted by one multiply-accumulate, whatever by."""
    return call.shaped("RandomNormal", [])


@aten("bernoulli")
def _bernoulli(call: Call, x: Tensor, *rest: Any, **keywords: Any) -> Tensor:
    return call.shaped("Bernoulli", [x])


@aten("multinomial")
def _multinomial(call: Call, x: Tensor, samples: int, *rest: Any, **keywords: Any) -> Tensor:
    if len(x.shape) == 1:
        drawn = _drawn(call, call.net.unsqueeze(x, 0), samples)
        return call.net.squeeze(drawn, 0)
    return _drawn(call, x, samples)


def _drawn(call: Call, x: Tensor, samples: int) -> Tensor:
    return call.emit("Multinomial", [x], {"sample_size": samples, "dtype": 7})


@aten("cumprod")
def _cumprod(call: Call, x: Tensor, dim: int) -> Tensor:
    return call.emit("CumProd", [x, call.constant(dim % max(len(x.shape), 1))])


@aten("kthvalue", "median", "nanmedian")
def _kth(call: Call, x: Tensor, *rest: Any, **keywords: Any) -> Any:
    """The largest as far as the one that is asked for; of all elements where no axis is named."""
    numbers = [r for r in rest if isinstance(r, int)]
    if call.name == "kthvalue":
        k, dim = numbers[0], keywords.get("dim", numbers[1] if len(numbers) > 1 else -1)
    elif not numbers and "dim" not in keywords:
        flat = call.net.reshape(x, (-1,))
        values, _ = _largest(call, flat, flat.shape[0] // 2 + 1, 0)
        return call.net.reshape(call.net.select(values, 0, -1), ())
    else:
        dim = keywords.get("dim", numbers[0] if numbers else -1)
        k = x.shape[dim] // 2 + 1
    found = _largest(call, x, k, dim)
    return [call.net.reshape(call.net.select(t, dim, -1), shape) for t, (shape, _) in
            zip(found, call.results, strict=True)]


def _largest(call: Call, x: Tensor, k: int, dim: int) -> Sequence[Tensor]:
    return call.net.emit("TopK", [x, call.constant((k,))], {"axis": dim, "largest": 0})


@aten("bincount")
def _bincount(call: Call, x: Tensor, *rest: Any, **keywords: Any) -> Tensor:
    if not all(isinstance(d, int) for d in call.shape):
        raise NotTabled("as many bins as the data say")
    return call.shaped("Histogram", [x])


@aten("searchsorted", "bucketize")
def _search(call: Call, first: Tensor, second: Any, *rest: Any, **keywords: Any) -> Tensor:
    """bucketize has the sorted values behind what is looked up, searchsorted before it."""
    keys, x = (second, first) if call.name == "bucketize" else (first, second)
    x = x if hasattr(x, "shape") else call.constant(x, keys.format)
    return call.shaped("BinarySearch", [x, keys])


@aten("any")
def _any(call: Call, x: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    axes = range(len(x.shape)) if dim is None else [dim] if isinstance(dim, int) else dim
    return call.emit("ReduceMax", [call.cast(x, "bool"), call.constant(tuple(axes))], {"keepdims": int(keepdim)})


@aten("log2", "log10")
def _log(call: Call, x: Tensor) -> Tensor:
    """A logarithm times that of its base."""
    natural = call.emit("Log", [call.cast(x, call.format)])
    return call.emit("Mul", [natural, call.constant(1.0, call.format)])


@aten("trunc", "fix")
def _trunc(call: Call, x: Tensor) -> Tensor:
    """A rounding like any other."""
    return call.emit("Floor", [x])


@aten("atan2")
def _atan2(call: Call, y: Tensor, x: Tensor) -> Tensor:
    """The arc of the quotient, put into its quadrant by the signs of both."""
    angle = call.emit("Atan", [call.emit("Div", [y, x])])
    left = call.emit("Less", [x, call.constant(0.0, x.format)])
    return call.emit("Where", [left, call.emit("Add", [angle, call.constant(3.14159, angle.format)]), angle])


@aten("rrelu_with_noise", "rrelu_with_noise_functional", "rrelu")
def _rrelu(call: Call, x: Tensor, *rest: Any, **keywords: Any) -> Any:
    """At inference a leaky ReLU in the middle of its bounds."""
    y = call.emit("LeakyRelu", [x], {"alpha": 0.2292})
    return [y, *(call.net.stored(shape, format, "constant", "noise") for shape, format in call.results[1:])]


@aten("diagonal", "diagonal_copy")
def _diagonal(call: Call, x: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    positions = call.net.stored(call.shape, "int64", "constant", "positions")
    return call.emit("Gather", [call.net.reshape(x, (-1,)), positions], {"axis": 0})


@aten("scatter_reduce")
def _scatter_reduce(call: Call, x: Tensor, dim: int, indices: Tensor, source: Tensor, reduce: str,
                    include_self: bool = True) -> Tensor:
    reduction = {"sum": "add", "mean": "add", "prod": "mul", "amax": "max", "amin": "min"}[reduce]
    return call.shaped("ScatterElements", [x, indices, source], {"axis": dim, "reduction": reduction})


@aten("masked_scatter")
def _masked_scatter(call: Call, x: Tensor, mask: Tensor, source: Tensor) -> Tensor:
    """Where the mask is set, the source's elements in turn: their places are a running sum of the mask."""
    flat = call.cast(call.net.reshape(call.net.expand(mask, call.shape), (-1,)), "int64")
    places = call.emit("CumSum", [flat, call.constant(0)])
    taken = call.emit("Gather", [call.net.reshape(source, (-1,)), places], {"axis": 0})
    return call.emit("Where", [mask, call.net.reshape(taken, call.shape), x])


@aten("fake_quantize_per_tensor_affine_cachemask", "fake_quantize_per_channel_affine_cachemask",
      "fake_quantize_per_tensor_affine", "fake_quantize_per_channel_affine")
def _fake_quantize(call: Call, x: Tensor, *rest: Any) -> Any:
    """Scaled, rounded, kept between two bounds, and scaled back: in floating point, as it runs."""
    scale = call.constant(1.0, x.format)
    rounded = call.emit("Round", [call.emit("Mul", [x, scale])])
    kept = call.emit("Clip", [rounded, call.constant(-128.0, x.format), call.constant(127.0, x.format)])
    y = call.emit("Mul", [kept, scale])
    return [y, *(call.net.stored(shape, format, "constant", "mask") for shape, format in call.results[1:])]


@aten("addbmm")
def _addbmm(call: Call, c: Tensor, a: Tensor, b: Tensor, beta: float = 1, alpha: float = 1) -> Tensor:
    summed = call.emit("ReduceSum", [call.emit("MatMul", [a, b]), call.constant((0,))], {"keepdims": 0})
    return call.net.add(summed, c)


@aten("_trilinear")
def _trilinear(call: Call, x: Tensor, weight: Tensor, y: Tensor, *rest: Any) -> Tensor:
    """What nn.Bilinear becomes."""
    if len(x.shape) != 2 or len(weight.shape) != 3:
        raise NotTabled
    return call.emit("Einsum", [x, weight, y], {"equation": "ni,oij,nj->no"})


@aten("_cdist_forward", "cdist")
def _cdist(call: Call, x: Tensor, y: Tensor, p: float = 2.0, *rest: Any) -> Tensor:
    """Differences of every pair of rows, and their norm."""
    if p not in (1.0, 2.0):
        raise NotTabled("another norm than 1 or 2")
    difference = call.emit("Sub", [call.net.unsqueeze(x, len(x.shape) - 1), call.net.unsqueeze(y, len(y.shape) - 2)])
    return call.emit(f"ReduceL{int(p)}", [difference, call.constant((-1,))], {"keepdims": 0})


@aten("_linalg_det")
def _det(call: Call, x: Tensor) -> Any:
    y = call.emit("Det", [x])
    return [y, *(call.net.stored(shape, format, "constant", "factors") for shape, format in call.results[1:])]


@aten("linalg_inv_ex", "_linalg_solve_ex", "linalg_cholesky_ex")
def _solve(call: Call, x: Tensor, *rest: Any, **keywords: Any) -> Any:
    operator = {"linalg_inv_ex": "Inverse", "_linalg_solve_ex": "Solve", "linalg_cholesky_ex": "Cholesky"}[call.name]
    right = [rest[0]] if operator == "Solve" else []
    y = call.shaped(operator, [x, *right])
    return [y, *(call.net.stored(shape, format, "constant", "info") for shape, format in call.results[1:])]
