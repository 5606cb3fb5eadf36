"""Mixtral, Qwen2-MoE and Qwen3-MoE: decoders whose feed-forward layers are mixtures of experts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tocompiler.frontends.huggingface.decoder import causal, grouped_query, head_width, pre_norm, slides, stack
from tocompiler.frontends.huggingface.experts import mixture

if TYPE_CHECKING:
    from tocompiler.frontends.huggingface.config import Config
    from tocompiler.frontends.huggingface.model import Model
    from tocompiler.tensors import Tensor

__all__ = ["is_sparse", "mixtral", "qwen_moe", "shared_expert"]


@causal("mixtral")
def mixtral(m: Model, ids: Tensor, logits: str) -> None:
    """Eight experts, two for each token (Jiang et al. 2024, arXiv 2401.04088)."""
    c = m.c
    rotation = m.rotation(ids.shape[1], head_width(c))

    def feed_forward(y: Tensor) -> Tensor:
        with m.net.scope("block_sparse_moe"):
            return mixture(m, y, c.num_local_experts, c.num_experts_per_tok, c.intermediate_size)

    stack(m, ids, logits, lambda x, i: pre_norm(
        m, x, lambda y: grouped_query(m, y, rotation, window=slides(c, i, True)), feed_forward),
        heads=("MixtralForCausalLM", "MixtralModel"))


@causal("qwen3_moe", "qwen2_moe", defaults={"decoder_sparse_step": 1, "norm_topk_prob": False})
def qwen_moe(m: Model, ids: Tensor, logits: str) -> None:
    """Qwen3's attention and many small experts; Qwen2's has one expert that all tokens share, behind a gate."""
    c = m.c
    rotation = m.rotation(ids.shape[1], head_width(c))
    third = c.model_type == "qwen3_moe"
    bias = c.get("attention_bias", not third)

    def block(x: Tensor, i: int) -> Tensor:
        return pre_norm(m, x, lambda y: grouped_query(m, y, rotation, bias=bias, out_bias=third and bias, norm=third),
                        lambda y: _feed_forward(m, y, i))

    name = "Qwen3Moe" if third else "Qwen2Moe"
    stack(m, ids, logits, block, heads=(f"{name}ForCausalLM", f"{name}Model"))


def _feed_forward(m: Model, y: Tensor, i: int) -> Tensor:
    c = m.c
    if not is_sparse(c, i):
        return m.mlp(y, c.intermediate_size)
    with m.net.scope("mlp"):
        routed = mixture(m, y, c.num_experts, c.num_experts_per_tok, c.moe_intermediate_size,
                         normalised=bool(c.norm_topk_prob))
        return shared_expert(m, y, routed)


def is_sparse(c: Config, layer: int) -> bool:
    """Whether a layer has experts: every ``decoder_sparse_step``-th, but those of ``mlp_only_layers``."""
    return layer not in (c.get("mlp_only_layers") or ()) and (layer + 1) % c.get("decoder_sparse_step", 1) == 0


def shared_expert(m: Model, y: Tensor, routed: Tensor) -> Tensor:
    """The routed experts' sum and the expert that all tokens share, opened by a sigmoid for each token."""
    hidden = m.c.get("shared_expert_intermediate_size")
    if not hidden:
        return routed
    shared = m.mlp(y, hidden, "shared_expert")
    gate = m.net.sigmoid(m.project(y, 1, "shared_expert_gate"))
    return m.net.add(routed, m.net.mul(gate, shared))
