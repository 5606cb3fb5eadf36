"""Qwen3-VL (2025): Qwen3 or Qwen3-MoE, with a tower for images whose inner layers feed the first layers of the text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tocompiler.frontends.huggingface.decoder import causal, grouped_query, head_width, pre_norm, stack
from tocompiler.frontends.huggingface.experts import mixture
from tocompiler.frontends.huggingface.mixtral import is_sparse
from tocompiler.frontends.huggingface.qwen_vision import with_images

if TYPE_CHECKING:
    from tocompiler.frontends.huggingface.model import Model
    from tocompiler.tensors import Tensor

__all__ = ["qwen3_vl"]


@with_images("qwen3_vl", "qwen3_vl_moe")
@causal("qwen3_vl_text", "qwen3_vl_moe_text")
def qwen3_vl(m: Model, ids: Tensor, logits: str, **options: Any) -> None:
    """The text's decoder."""
    c = m.c
    rotation = m.rotation(ids.shape[1], head_width(c))

    def feed_forward(y: Tensor, i: int) -> Tensor:
        if not c.get("num_experts") or not is_sparse(c, i):
            return m.mlp(y, c.intermediate_size)
        with m.net.scope("mlp"):
            return mixture(m, y, c.num_experts, c.num_experts_per_tok, c.moe_intermediate_size,
                           normalised=bool(c.get("norm_topk_prob", True)))

    def block(x: Tensor, i: int) -> Tensor:
        return pre_norm(m, x, lambda y: grouped_query(m, y, rotation, bias=bool(c.get("attention_bias")), norm=True),
                        lambda y: feed_forward(y, i))

    name = "Qwen3VLMoe" if "moe" in c.model_type else "Qwen3VL"
    stack(m, ids, logits, block, **{"heads": (f"{name}TextModel",), **options})
