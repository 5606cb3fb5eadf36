"""Rows of ATen's operators that move, select, reshape or make data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tocompiler.frontends.torch.table import Call, NotTabled, aten

if TYPE_CHECKING:
    from tocompiler.tensors import Tensor

__all__: list[str] = []

_LAST = 2**63 - 1
"""torch's "to the end" in a slice."""


@aten("view", "_unsafe_view", "reshape", "flatten", "unflatten", "_reshape_copy", "view_copy", "_reshape_alias")
def _reshape(call: Call, x: Tensor, *rest: Any) -> Tensor:
    return x if call.shape == x.shape else call.net.reshape(x, call.shape)


@aten("permute", "permute_copy")
def _permute(call: Call, x: Tensor, dims: Sequence[int]) -> Tensor:
    return call.net.permute(x, dims)


@aten("transpose", "transpose_copy", "swapaxes")
def _transpose(call: Call, x: Tensor, dim0: int, dim1: int) -> Tensor:
    return call.net.transpose(x, dim0, dim1) if x.shape else x


@aten("t", "t_copy", "numpy_T")
def _t(call: Call, x: Tensor) -> Tensor:
    return call.net.permute(x, range(len(x.shape))[::-1])


@aten("expand", "expand_copy", "broadcast_to")
def _expand(call: Call, x: Tensor, *rest: Any, **keywords: Any) -> Tensor:
    return x if x.shape == call.shape else call.net.expand(x, call.shape)


@aten("repeat", "tile")
def _repeat(call: Call, x: Tensor, repeats: Sequence[Any]) -> Tensor:
    x = x if len(repeats) == len(x.shape) else call.net.reshape(x, (1,) * (len(repeats) - len(x.shape)) + x.shape)
    return call.emit("Tile", [x, call.constant(tuple(repeats))])


@aten("cat", "concat")
def _cat(call: Call, tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    # torch ignores empty one-dimensional tensors here.
    parts = [call.cast(t, call.format) for t in tensors if t.shape != (0,) or call.shape == (0,)]
    return parts[0] if len(parts) == 1 else call.net.concat(parts, dim)


@aten("stack")
def _stack(call: Call, tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    axis = dim % len(call.shape)
    return call.net.concat([call.net.unsqueeze(t, axis) for t in tensors], axis)


@aten("split", "split_with_sizes", "chunk", "tensor_split", "split_with_sizes_copy", "split_copy")
def _split(call: Call, x: Tensor, sizes: Any, dim: int = 0) -> Sequence[Tensor]:
    if len(call.results) == 1:
        return [x]
    return call.net.split(x, [shape[dim] for shape, _ in call.results], dim)


@aten("slice", "slice_copy", "narrow")
def _slice(call: Call, x: Tensor, dim: int = 0, start: Any = None, end: Any = None, step: int = 1) -> Tensor:
    if x.shape == call.shape and step == 1:
        return x
    if call.name.startswith("narrow"):
        end = start + end
    end = x.shape[dim] if end is None or (isinstance(end, int) and end == _LAST) else end
    return call.net.slice(x, 0 if start is None else start, end, dim, step)


@aten("select", "select_copy")
def _select(call: Call, x: Tensor, dim: int, index: Any) -> Tensor:
    return call.net.select(x, dim, index)


@aten("unsqueeze", "unsqueeze_copy")
def _unsqueeze(call: Call, x: Tensor, dim: int) -> Tensor:
    return call.net.unsqueeze(x, dim)


@aten("squeeze", "squeeze_copy")
def _squeeze(call: Call, x: Tensor, *rest: Any) -> Tensor:
    return x if x.shape == call.shape else call.net.reshape(x, call.shape)


@aten("constant_pad_nd", "pad", "reflection_pad1d", "reflection_pad2d", "reflection_pad3d", "replication_pad1d",
      "replication_pad2d", "replication_pad3d")
def _pad(call: Call, x: Tensor, pad: Sequence[int], mode: Any = "constant", value: float | None = None) -> Tensor:
    if call.name.startswith(("reflection", "replication")):
        mode = "reflect" if call.name.startswith("reflection") else "replicate"
    elif not isinstance(mode, str):
        mode, value = "constant", mode
    return call.net.pad(x, pad, mode, 0.0 if value is None else value)


@aten("unfold", "unfold_copy")
def _windows(call: Call, x: Tensor, dim: int, size: int, step: int) -> Tensor:
    """Windows of an axis, their elements last; those that overlap are read as often as they hold an element."""
    axis, rank = dim % len(x.shape), len(x.shape)
    count = call.shape[axis]
    if step == size and count * size == x.shape[axis]:
        y = call.net.reshape(x, (*x.shape[:axis], count, size, *x.shape[axis + 1:]))
    else:
        y = call.emit("Gather", [x, call.net.stored((count, size), "int64", "constant", "windows")], {"axis": axis})
    return call.net.permute(y, (*range(axis + 1), *range(axis + 2, rank + 1), axis + 1))


@aten("roll")
def _roll(call: Call, x: Tensor, shifts: Sequence[int], dims: Sequence[int] = ()) -> Tensor:
    if not dims:
        flat = call.net.reshape(x, (-1,))
        return call.net.reshape(call.net.roll(flat, shifts[0], 0), x.shape)
    for shift, dim in zip(shifts, dims, strict=True):
        x = call.net.roll(x, shift, dim)
    return x


@aten("flip")
def _flip(call: Call, x: Tensor, dims: Sequence[int]) -> Tensor:
    for dim in dims:
        x = call.net.slice(x, -1, -_LAST, dim, -1)
    return x


_GRID_MODES = ("linear", "nearest", "cubic")
_GRID_PADDINGS = ("zeros", "border", "reflection")


@aten("grid_sampler_2d", "grid_sampler_3d", "grid_sampler")
def _grid_sampler(call: Call, x: Tensor, grid: Tensor, mode: int, padding: int, align_corners: bool) -> Tensor:
    return call.emit("GridSample", [x, grid], {"mode": _GRID_MODES[mode], "padding_mode": _GRID_PADDINGS[padding],
                                               "align_corners": int(align_corners)})


@aten("embedding_bag", "_embedding_bag", "_embedding_bag_forward_only")
def _embedding_bag(call: Call, weight: Tensor, indices: Tensor, offsets: Tensor, scale_grad_by_freq: bool = False,
                   mode: int = 0, sparse: bool = False, per_sample_weights: Tensor | None = None,
                   *rest: Any) -> Sequence[Tensor]:
    """Bags are taken as equally long: their sums are those of that many rows (sum, mean, max)."""
    bags, rows = call.shape[0], indices.elements
    if not isinstance(bags, int) or not isinstance(rows, int) or rows % max(bags, 1):
        raise NotTabled("bags of different lengths")
    y = call.emit("Gather", [weight, call.net.reshape(indices, (bags, rows // max(bags, 1)))], {"axis": 0})
    if per_sample_weights is not None:
        y = call.emit("Mul", [y, call.net.reshape(per_sample_weights, (*y.shape[:2], 1))])
    y = call.emit(("ReduceSum", "ReduceMean", "ReduceMax")[mode], [y, call.constant((1,))], {"keepdims": 0})
    return [y, *(call.net.stored(shape, format, "constant", "bags") for shape, format in call.results[1:])]


@aten("embedding")
def _embedding(call: Call, weight: Tensor, indices: Tensor, *rest: Any) -> Tensor:
    return call.emit("Gather", [weight, indices], {"axis": 0})


@aten("index_select")
def _index_select(call: Call, x: Tensor, dim: int, indices: Tensor) -> Tensor:
    return call.emit("Gather", [x, indices], {"axis": dim})


@aten("gather")
def _gather(call: Call, x: Tensor, dim: int, indices: Tensor, *rest: Any) -> Tensor:
    return call.emit("GatherElements", [x, indices], {"axis": dim})


@aten("index")
def _index(call: Call, x: Tensor, indices: Sequence[Tensor | None]) -> Tensor:
    """One index tensor is a Gather along its axis; several are a GatherND over their broadcast positions."""
    given = [(axis, t) for axis, t in enumerate(indices) if t is not None]
    if any(t.format == "bool" for _, t in given):
        raise NotTabled("boolean mask")
    if len(given) == 1:
        return call.emit("Gather", [x, given[0][1]], {"axis": given[0][0]})
    return call.shaped("GatherND", [x, *(t for _, t in given)])


@aten("index_put", "_unsafe_index_put")
def _index_put(call: Call, x: Tensor, indices: Sequence[Tensor | None], values: Tensor,
               accumulate: bool = False) -> Tensor:
    first = next(t for t in indices if t is not None)
    return call.shaped("ScatterND", [x, first, values], {"reduction": "add" if accumulate else "none"})


@aten("slice_scatter", "select_scatter")
def _scatter_slice(call: Call, x: Tensor, source: Tensor, *rest: Any) -> Tensor:
    return call.shaped("ScatterND", [x, call.constant((0,)), source])


@aten("copy")
def _copy(call: Call, x: Tensor, source: Tensor, *rest: Any) -> Tensor:
    return _expand(call, call.cast(source, call.format))


@aten("scatter", "scatter_add")
def _scatter(call: Call, x: Tensor, dim: int, indices: Tensor, source: Any, *rest: Any, **keywords: Any) -> Tensor:
    if not hasattr(source, "format"):
        source = call.net.stored(indices.shape, x.format, "constant", "constant")
    reduction = "add" if call.name.startswith("scatter_add") else "none"
    return call.shaped("ScatterElements", [x, indices, source], {"axis": dim, "reduction": reduction})


@aten("tril", "triu")
def _trilu(call: Call, x: Tensor, diagonal: int = 0) -> Tensor:
    return call.emit("Trilu", [x, call.constant(diagonal)], {"upper": int(call.name.startswith("triu"))})


@aten("pixel_shuffle")
def _pixel_shuffle(call: Call, x: Tensor, factor: int) -> Tensor:
    return call.emit("DepthToSpace", [x], {"blocksize": factor, "mode": "CRD"})


@aten("pixel_unshuffle")
def _pixel_unshuffle(call: Call, x: Tensor, factor: int) -> Tensor:
    return call.emit("SpaceToDepth", [x], {"blocksize": factor})


@aten("clone", "alias", "detach", "contiguous", "lift_fresh_copy", "dropout", "feature_dropout",
      "_assert_tensor_metadata", "detach_")
def _same(call: Call, x: Tensor, *rest: Any) -> Tensor:
    """Nothing happens at inference."""
    return x


@aten("arange", "full", "zeros", "ones", "empty", "zeros_like", "ones_like", "full_like", "empty_like", "new_zeros",
      "new_ones", "new_full", "new_empty", "scalar_tensor", "eye", "linspace", "empty_permuted", "new_empty_strided")
def _factory(call: Call, *arguments: Any, **keywords: Any) -> Tensor:
    """A tensor whose values depend on shapes alone: a constant."""
    return call.net.stored(call.shape, call.format, "constant", "constant")


@aten("unbind")
def _unbind(call: Call, x: Tensor, dim: int = 0) -> Sequence[Tensor]:
    return [call.net.select(x, dim, i) for i in range(len(call.results))]
