"""Files that have an image's channels last, on a network that has them first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tocompiler.network import Network
    from tocompiler.tensors import Shape, Tensor

__all__ = ["Ordered", "Value"]


@dataclass(frozen=True, slots=True)
class Value:
    """A tensor of the model; ``first`` where it is kept channels-first although the file has its channels last."""

    tensor: Tensor
    first: bool = False

    @property
    def shape(self) -> Shape:
        """The shape in the file's order."""
        s = self.tensor.shape
        return (s[0], *s[2:], s[1]) if self.first else s


@dataclass(frozen=True)
class Ordered:
    """The network that is built, and values of the file in either order of it."""

    net: Network

    def first(self, value: Value) -> Tensor:
        """The tensor with its channels first."""
        if value.first or len(value.tensor.shape) < 3:
            return value.tensor
        n = len(value.tensor.shape)
        return self.net.permute(value.tensor, (0, n - 1, *range(1, n - 1)))

    def last(self, value: Value) -> Tensor:
        """The tensor in the file's order."""
        if not value.first:
            return value.tensor
        return self.net.permute(value.tensor, (0, *range(2, len(value.tensor.shape)), 1))
