"""Attention as matrix products and a softmax between them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tocompiler.layers.activation import Activations
from tocompiler.layers.arithmetic import Arithmetic
from tocompiler.layers.linear import Linears
from tocompiler.layers.shaping import Shaping

if TYPE_CHECKING:
    from tocompiler.tensors import Tensor

__all__ = ["Attention"]


class Attention(Linears, Activations, Arithmetic, Shaping):
    """Layer methods that compose attention."""

    def scaled_dot_product_attention(self, query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor | None = None,
                                     is_causal: bool = False, scale: float | None = None) -> Tensor:
        """softmax(q·kᵀ·scale + mask)·v over the last two axes; scale defaults to 1/sqrt(head width).

        Query and key are each multiplied by the root of the scale, as PyTorch's exporters do. A causal mask is a
        constant that is added: every score is computed, the masked ones too. Fewer key and value heads than query
        heads are repeated (grouped-query attention).
        """
        with self._layer("attention") as layer:
            if query.shape[-1] != key.shape[-1]:
                raise ValueError(f"{layer}: query and key differ in width, {query.shape[-1]} and {key.shape[-1]}")
            if key.shape[-2] != value.shape[-2]:
                raise ValueError(f"{layer}: key and value differ in length, {key.shape[-2]} and {value.shape[-2]}")
            key, value = self._repeat_heads(query, key), self._repeat_heads(query, value)
            if scale != 1.0:
                root = math.sqrt(1.0 / math.sqrt(query.shape[-1]) if scale is None else scale)
                query, transposed = self.mul(query, root), self.mul(self.transpose(key, -2, -1), root)
            else:
                transposed = self.transpose(key, -2, -1)
            scores = self.matmul(query, transposed)
            if is_causal:
                attn_mask = self.stored(scores.shape[-2:], scores.format, "causal_mask", "constant")
            if attn_mask is not None:
                scores = self.add(scores, attn_mask)
            return self.matmul(self.softmax(scores), value)

    def multi_head_attention(self, query: Tensor, num_heads: int, key: Tensor | None = None,
                             value: Tensor | None = None, bias: bool = True, attn_mask: Tensor | None = None,
                             is_causal: bool = False) -> Tensor:
        """PyTorch's MultiheadAttention over (batch, length, width): projections, attention, output projection.

        Without a key it is self-attention with one packed projection, as PyTorch computes it.
        """
        with self._layer("multi_head_attention") as layer:
            width = query.shape[-1]
            if width % num_heads:
                raise ValueError(f"{layer}: a width of {width} does not divide into {num_heads} heads")
            if key is None:
                packed = self.linear(query, 3 * width, bias)
                q, k, v = self.split(packed, (width, width, width))
            else:
                q, k = self.linear(query, width, bias), self.linear(key, width, bias)
                v = self.linear(key if value is None else value, width, bias)
            q, k, v = (self.split_heads(t, num_heads) for t in (q, k, v))
            context = self.scaled_dot_product_attention(q, k, v, attn_mask, is_causal)
            # PyTorch merges batch and length for this one projection: a Gemm, whose bias starts the sum.
            merged = self.reshape(self.merge_heads(context), (-1, width))
            return self.reshape(self.linear(merged, width, bias), query.shape)

    def split_heads(self, x: Tensor, num_heads: int) -> Tensor:
        """(batch, length, heads·d) to (batch, heads, length, d)."""
        batch, length, width = x.shape
        return self.permute(self.reshape(x, (batch, length, num_heads, width // num_heads)), (0, 2, 1, 3))

    def merge_heads(self, x: Tensor) -> Tensor:
        """(batch, heads, length, d) to (batch, length, heads·d)."""
        batch, heads, length, width = x.shape
        return self.reshape(self.permute(x, (0, 2, 1, 3)), (batch, length, heads * width))

    def _repeat_heads(self, query: Tensor, x: Tensor) -> Tensor:
        heads, have = query.shape[-3:-2], x.shape[-3:-2]
        if heads == have or not have:
            return x
        groups = heads[0] // have[0]
        lead, tail = x.shape[:-3], x.shape[-2:]
        wide: Sequence[Any] = (*lead, *have, groups, *tail)
        return self.reshape(self.expand(self.unsqueeze(x, len(lead) + 1), wide), (*lead, *heads, *tail))
