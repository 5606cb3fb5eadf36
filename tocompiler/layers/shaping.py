"""Operators that only move or rename data: views, permutations, concatenation, padding, resizing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tocompiler.layers.base import Builder

if TYPE_CHECKING:
    from tocompiler.tensors import Tensor

__all__ = ["Shaping"]

_MODES = {"nearest": "nearest", "bilinear": "linear", "linear": "linear", "trilinear": "linear", "bicubic": "cubic"}


class Shaping(Builder):
    """Layer methods that emit data-only operators (interpolation apart)."""

    def flatten(self, x: Tensor, start_dim: int = 1) -> Tensor:
        """Merge the axes from ``start_dim`` on into one."""
        if start_dim == 1:
            return self._one("Flatten", [x], {"axis": 1})
        return self.reshape(x, (*x.shape[:start_dim], -1))

    def reshape(self, x: Tensor, shape: Sequence[Any]) -> Tensor:
        """The same elements in another shape; one axis may be -1."""
        return self._one("Reshape", [x, self._value(tuple(shape), f"{self._next('reshape')}.shape")])

    def permute(self, x: Tensor, dims: Sequence[int]) -> Tensor:
        """Axes in another order."""
        if sorted(d % len(x.shape) for d in dims) != list(range(len(x.shape))):
            raise ValueError(f"{self._next('permute')}: {tuple(dims)} does not permute the axes of "
                             f"'{x.name}' of shape {x.shape}")
        return self._one("Transpose", [x], {"perm": tuple(d % len(x.shape) for d in dims)}, "permute")

    def transpose(self, x: Tensor, dim0: int, dim1: int) -> Tensor:
        """Two axes swapped."""
        order = list(range(len(x.shape)))
        order[dim0], order[dim1] = order[dim1], order[dim0]
        return self.permute(x, order)

    def concat(self, tensors: Sequence[Tensor], axis: int = 1) -> Tensor:
        """Tensors one after another along an axis."""
        return self._one("Concat", list(tensors), {"axis": axis})

    def split(self, x: Tensor, sizes: Sequence[int], axis: int = -1) -> tuple[Tensor, ...]:
        """Pieces of the given sizes along an axis."""
        layer = self._next("split")
        if sum(sizes) != x.shape[axis]:
            raise ValueError(f"{layer}: pieces of {tuple(sizes)} do not make up axis {axis} of '{x.name}', {x.shape}")
        return self.emit("Split", [x, self._value(tuple(sizes), f"{layer}.split")], {"axis": axis})

    def slice(self, x: Tensor, start: Any, end: Any, axis: int, step: int = 1) -> Tensor:
        """Elements start, start + step, ... before ``end`` along one axis."""
        layer = self._next("slice")
        bounds = [self._value((v,), f"{layer}.{part}")
                  for part, v in (("starts", start), ("ends", end), ("axes", axis), ("steps", step))]
        return self._one("Slice", [x, *bounds])

    def select(self, x: Tensor, dim: int, index: int) -> Tensor:
        """One slice along an axis, the axis dropped."""
        return self._one("Gather", [x, self._value(index, f"{self._next('select')}.index")], {"axis": dim},
                         "select")

    def unsqueeze(self, x: Tensor, dim: int) -> Tensor:
        """A new axis of length 1."""
        return self._one("Unsqueeze", [x, self._value((dim,), f"{self._next('unsqueeze')}.axes")])

    def squeeze(self, x: Tensor, dim: int) -> Tensor:
        """Without an axis of length 1."""
        return self._one("Squeeze", [x, self._value((dim,), f"{self._next('squeeze')}.axes")])

    def expand(self, x: Tensor, shape: Sequence[Any]) -> Tensor:
        """Broadcast to a shape."""
        return self._one("Expand", [x, self._value(tuple(shape), f"{self._next('expand')}.shape")])

    def roll(self, x: Tensor, shift: int, axis: int) -> Tensor:
        """Elements moved by ``shift`` along an axis, those that fall off re-entering: two slices, one concat."""
        size = x.shape[axis]
        cut = -shift % size
        if cut == 0:
            return x
        with self._layer("roll"):
            return self.concat([self.slice(x, cut, size, axis), self.slice(x, 0, cut, axis)], axis)

    def pad(self, x: Tensor, pad: Sequence[int], mode: str = "constant", value: float = 0.0) -> Tensor:
        """Elements added around, as in PyTorch: (begin, end) of the last axis first, then of the one before."""
        layer = self._next("pad")
        if len(pad) % 2 or len(pad) > 2 * len(x.shape):
            raise ValueError(f"{layer}: {tuple(pad)} is not pairs for the axes of '{x.name}' of shape {x.shape}")
        pairs = [(pad[i], pad[i + 1]) for i in range(0, len(pad), 2)]
        full = [(0, 0)] * (len(x.shape) - len(pairs)) + pairs[::-1]
        amounts = self._value([b for b, _ in full] + [e for _, e in full], f"{layer}.pads")
        onnx_mode = {"replicate": "edge", "circular": "wrap"}.get(mode, mode)
        inputs = [x, amounts]
        if mode == "constant":
            inputs.append(self._value(value, f"{layer}.value", x.format))
        return self._one("Pad", inputs, {"mode": onnx_mode})

    def upsample(self, x: Tensor, size: int | Sequence[int] | None = None,
                 scale_factor: float | Sequence[float] | None = None, mode: str = "nearest",
                 align_corners: bool = False) -> Tensor:
        """Spatial axes (after the second) resized to ``size`` or by ``scale_factor``."""
        layer = self._next("upsample")
        if mode not in _MODES:
            raise ValueError(f"{layer}: mode is one of {', '.join(_MODES)}, got {mode}")
        n = len(x.shape) - 2
        if size is not None:
            sizes = (size,) * n if isinstance(size, int) else tuple(size)
        elif scale_factor is not None:
            factors = (scale_factor,) * n if isinstance(scale_factor, int | float) else tuple(scale_factor)
            sizes = tuple(int(d * f) for d, f in zip(x.shape[2:], factors, strict=True))
        else:
            raise ValueError(f"{layer}: give size or scale_factor")
        where = "asymmetric" if mode == "nearest" else "align_corners" if align_corners else "half_pixel"
        attributes: dict[str, Any] = {"mode": _MODES[mode], "coordinate_transformation_mode": where}
        if mode == "nearest":
            attributes["nearest_mode"] = "floor"
        target = self._value((*x.shape[:2], *sizes), f"{layer}.sizes")
        return self._one("Resize", [x, None, None, target], attributes, "upsample")

    def dropout(self, x: Tensor, p: float = 0.5) -> Tensor:
        """Nothing: a network is built for inference, where dropout passes its input on."""
        return x
