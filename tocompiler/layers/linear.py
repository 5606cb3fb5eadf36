"""Linear layers, embeddings and matrix products."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tocompiler.layers.base import Builder

if TYPE_CHECKING:
    from tocompiler.tensors import Tensor

__all__ = ["Linears"]


class Linears(Builder):
    """Layer methods that emit Gemm, MatMul and Gather."""

    def linear(self, x: Tensor, out_features: int, bias: bool | Tensor = True, weight: Tensor | None = None) -> Tensor:
        """x·Wᵀ + b over the last axis, with any leading axes.

        Two axes make one Gemm, other ranks a MatMul and an Add, as PyTorch's exporters do. A tied ``weight`` is
        (out_features, in_features), as in PyTorch.
        """
        layer = self._next("linear")
        if not x.shape:
            raise ValueError(f"{layer}: needs at least one axis, got the scalar '{x.name}'")
        features = x.shape[-1]
        if len(x.shape) == 2:
            w = self._parameter(f"{layer}.weight", (out_features, features), x, weight or True)
            b = self._parameter(f"{layer}.bias", (out_features,), x, bias)
            return self._one("Gemm", [x, w] if b is None else [x, w, b], {"transB": 1}, "linear")
        with self._layer("linear"):
            if weight is None:
                w = self._parameter(f"{layer}.weight", (features, out_features), x)
            else:
                tied = self._parameter(f"{layer}.weight", (out_features, features), x, weight)
                w = self._one("Transpose", [tied], {"perm": (1, 0)})
            y = self._one("MatMul", [x, w])
            b = self._parameter(f"{layer}.bias", (out_features,), x, bias)
            return y if b is None else self._one("Add", [y, b])

    def matmul(self, x: Tensor, other: Tensor) -> Tensor:
        """Matrix product, batched over leading axes."""
        return self._one("MatMul", [x, other])

    def embedding(self, indices: Tensor, num_embeddings: int, embedding_dim: int, weight: Tensor | None = None,
                  format: str = "fp32") -> Tensor:
        """Rows of a table, by index; the table's format is ``format`` (indices are integers)."""
        layer = self._next("embedding")
        if not indices.format.startswith(("int", "uint")):
            raise ValueError(f"{layer}: indices are integers, got '{indices.name}' in {indices.format}")
        if weight is None:
            from tocompiler.tensors import Tensor

            weight = Tensor(f"{layer}.weight", (num_embeddings, embedding_dim), format, "parameter")
        elif weight.shape != (num_embeddings, embedding_dim):
            raise ValueError(f"{layer}: the table is {(num_embeddings, embedding_dim)}, "
                             f"got '{weight.name}' of shape {weight.shape}")
        return self._one("Gather", [weight, indices], {"axis": 0}, "embedding")
