"""Element-wise arithmetic and reductions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tocompiler.layers.base import Builder

if TYPE_CHECKING:
    from tocompiler.tensors import Tensor

__all__ = ["Arithmetic"]


class Arithmetic(Builder):
    """Layer methods that emit broadcasting arithmetic and reductions."""

    def add(self, x: Tensor, other: Tensor | float) -> Tensor:
        """x + other, broadcast."""
        return self._binary("Add", x, other)

    def sub(self, x: Tensor, other: Tensor | float) -> Tensor:
        """x − other, broadcast."""
        return self._binary("Sub", x, other)

    def mul(self, x: Tensor, other: Tensor | float) -> Tensor:
        """x · other, broadcast."""
        return self._binary("Mul", x, other)

    def div(self, x: Tensor, other: Tensor | float) -> Tensor:
        """x / other, broadcast."""
        return self._binary("Div", x, other)

    def mean(self, x: Tensor, dim: int | Sequence[int] | None = None, keepdim: bool = False) -> Tensor:
        """Mean over some axes, or all."""
        return self._reduce("ReduceMean", x, dim, keepdim, "mean")

    def sum(self, x: Tensor, dim: int | Sequence[int] | None = None, keepdim: bool = False) -> Tensor:
        """Sum over some axes, or all."""
        return self._reduce("ReduceSum", x, dim, keepdim, "sum")

    def _binary(self, operator: str, x: Tensor, other: Tensor | float) -> Tensor:
        if isinstance(other, int | float):
            other = self._value(other, f"{self._next(operator.lower())}.scalar", x.format)
        return self._one(operator, [x, other])

    def _reduce(self, operator: str, x: Tensor, dim: int | Sequence[int] | None, keepdim: bool, name: str) -> Tensor:
        axes = () if dim is None else (dim,) if isinstance(dim, int) else tuple(dim)
        inputs = [x, self._value(axes, f"{self._next(name)}.axes")] if axes else [x]
        return self._one(operator, inputs, {"keepdims": int(keepdim)}, name)
