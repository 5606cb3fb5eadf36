"""Qwen3.5 (2026): gated delta networks with a full attention layer in between, experts, and a tower for images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tocompiler.frontends.huggingface.decoder import causal, grouped_query, head_width, pre_norm, stack
from tocompiler.frontends.huggingface.experts import mixture
from tocompiler.frontends.huggingface.mixers import gated_delta_net
from tocompiler.frontends.huggingface.mixtral import shared_expert
from tocompiler.frontends.huggingface.qwen_vision import with_images

if TYPE_CHECKING:
    from tocompiler.frontends.huggingface.model import Model
    from tocompiler.tensors import Tensor

__all__ = ["qwen3_5"]


@with_images("qwen3_5", "qwen3_5_moe")
@causal("qwen3_5_text", "qwen3_5_moe_text", "qwen3_next")
def qwen3_5(m: Model, ids: Tensor, logits: str, **options: Any) -> None:
    """Every ``full_attention_interval``-th layer attends, with a gate on its result; the others have a state."""
    c = m.c
    width = head_width(c)
    rope = c.get("rope_parameters") or {}
    part = float(rope.get("partial_rotary_factor", c.get("partial_rotary_factor", 0.25)))
    rotation = m.rotation(ids.shape[1], int(width * part))
    kinds = c.get("layer_types") or ["full_attention" if (i + 1) % c.get("full_attention_interval", 4) == 0 else
                                     "linear_attention" for i in range(c.num_hidden_layers)]

    def feed_forward(y: Tensor) -> Tensor:
        if not c.get("num_experts"):
            return m.mlp(y, c.intermediate_size)
        with m.net.scope("mlp"):
            routed = mixture(m, y, c.num_experts, c.num_experts_per_tok, c.moe_intermediate_size)
            return shared_expert(m, y, routed)

    def block(x: Tensor, i: int) -> Tensor:
        if kinds[i] == "linear_attention":
            return pre_norm(m, x, lambda y: gated_delta_net(m, y), feed_forward)
        return pre_norm(m, x, lambda y: grouped_query(m, y, rotation, bias=bool(c.get("attention_bias")), norm=True,
                                                      gate=True), feed_forward)

    kind = {"qwen3_5": "Qwen3_5", "qwen3_5_moe": "Qwen3_5Moe", "qwen3_next": "Qwen3Next"}
    name = kind[c.model_type.removesuffix("_text")]
    heads = (f"{name}ForCausalLM", f"{name}Model", f"{name}TextModel")
    stack(m, ids, logits, block, **{"heads": heads, **options})
