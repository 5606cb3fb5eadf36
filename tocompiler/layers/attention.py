"""Attention: one operator, with the projections around it."""

from __future__ import annotations

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
        """softmax(q·kᵀ·scale + mask)·v over the last two of three or four axes; scale defaults to 1/sqrt(head width).

        One Attention: query and key are each multiplied by the root of the scale, and every score is computed, those
        that a causal mask hides too. Fewer key and value heads than query heads are repeated (grouped-query attention).
        """
        with self._layer("attention") as layer:
            if query.shape[-1] != key.shape[-1]:
                raise ValueError(f"{layer}: query and key differ in width, {query.shape[-1]} and {key.shape[-1]}")
            if key.shape[-2] != value.shape[-2]:
                raise ValueError(f"{layer}: key and value differ in length, {key.shape[-2]} and {value.shape[-2]}")
            if len(query.shape) not in (3, 4):
                raise ValueError(f"{layer}: query has {len(query.shape)} axes; give (batch, length, width) or "
                                 "(batch, heads, length, width)")
            key, value = self._repeat_heads(query, key), self._repeat_heads(query, value)
            attributes: dict[str, Any] = {"is_causal": 1} if is_causal else {}
            if scale is not None:
                attributes["scale"] = scale
            if len(query.shape) == 3:
                attributes |= {"q_num_heads": 1, "kv_num_heads": 1}
            operands = [query, key, value] if attn_mask is None or is_causal else [query, key, value, attn_mask]
            return self.emit("Attention", operands, attributes, outputs=1)[0]

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
