"""Phi-3 (Microsoft 2024): Llama's layers with queries, keys and values, and gate and up, in one projection each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tocompiler.frontends.huggingface.decoder import causal, head_width, pre_norm, stack

if TYPE_CHECKING:
    from tocompiler.frontends.huggingface.model import Model
    from tocompiler.tensors import Tensor

__all__ = ["phi3"]


@causal("phi3")
def phi3(m: Model, ids: Tensor, logits: str) -> None:
    """A decoder with fused projections; a part of each head may be rotated (``partial_rotary_factor``, Phi-4)."""
    c, net = m.c, m.net
    width, heads = head_width(c), c.num_attention_heads
    few = c.get("num_key_value_heads") or heads
    part = float((c.get("rope_parameters") or {}).get("partial_rotary_factor", c.get("partial_rotary_factor", 1.0)))
    rotation = m.rotation(ids.shape[1], int(width * part))

    def attention(y: Tensor) -> Tensor:
        with net.scope("self_attn"):
            packed = m.project(y, (heads + 2 * few) * width, "qkv_proj")
            q, k, v = net.split(packed, (heads * width, few * width, few * width))
            q, k = m.rotate(q, heads, rotation), m.rotate(k, few, rotation)
            y = m.attend(q, k, v, heads, few, window=c.get("sliding_window"))
            return m.project(y, c.hidden_size, "o_proj")

    def feed_forward(y: Tensor) -> Tensor:
        with net.scope("mlp"):
            gate, up = net.split(m.project(y, 2 * c.intermediate_size, "gate_up_proj"), (c.intermediate_size,) * 2)
            return m.project(m.gated(gate, up, c.hidden_act), c.hidden_size, "down_proj")

    stack(m, ids, logits, lambda x, i: pre_norm(m, x, attention, feed_forward),
          heads=("Phi3ForCausalLM", "Phi3Model"))
