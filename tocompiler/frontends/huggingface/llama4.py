"""Llama 4 (Meta 2025): one routed and one shared expert, every other layer or all; chunked attention in most layers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tocompiler.frontends.huggingface.blocks import tokens
from tocompiler.frontends.huggingface.config import Config
from tocompiler.frontends.huggingface.decoder import causal, grouped_query, head_width, pre_norm, stack
from tocompiler.frontends.huggingface.experts import mixture
from tocompiler.frontends.huggingface.model import Model
from tocompiler.frontends.huggingface.registry import family

if TYPE_CHECKING:
    from tocompiler.network import Network
    from tocompiler.tensors import Tensor

__all__ = ["llama4"]


@causal("llama4_text", defaults={"interleave_moe_layer_step": 1, "use_qk_norm": True, "rms_norm_eps": 1e-5,
                                 "attn_temperature_tuning": True, "attention_chunk_size": 8192})
def llama4(m: Model, ids: Tensor, logits: str, **options: Any) -> None:
    """A decoder whose every fourth layer has no positions and sees all tokens; the others see their chunk."""
    c, net = m.c, m.net
    width = head_width(c)
    rotation = m.rotation(ids.shape[1], width)
    step = c.interleave_moe_layer_step
    rotated = c.get("no_rope_layers") or [int((i + 1) % 4 != 0) for i in range(c.num_hidden_layers)]

    def unit(t: Tensor) -> Tensor:
        """Each head over its root mean square, without a scale."""
        split = net.reshape(t, (*t.shape[:2], t.shape[2] // width, width))
        scale = m.stored("ones", (width,), kind="constant")
        normed = m.one("RMSNormalization", [split, scale], {"axis": -1, "epsilon": c.rms_norm_eps}, "qk_norm")
        return net.reshape(normed, t.shape)

    def attention(y: Tensor, i: int) -> Tensor:
        after = unit if rotated[i] and c.use_qk_norm else None
        return grouped_query(m, y, rotation if rotated[i] else None, bias=bool(c.get("attention_bias")), after=after,
                             window=c.attention_chunk_size if rotated[i] else None)

    def feed_forward(y: Tensor, i: int) -> Tensor:
        if (i + 1) % step:
            return m.mlp(y, c.intermediate_size_mlp, "feed_forward")
        with net.scope("feed_forward"):
            routed = mixture(m, y, c.num_local_experts, c.num_experts_per_tok, c.intermediate_size, router="router",
                             scores="Sigmoid", normalised=False)
            return net.add(m.mlp(y, c.intermediate_size, "shared_expert"), routed)

    stack(m, ids, logits, lambda x, i: pre_norm(m, x, lambda y: attention(y, i), lambda y: feed_forward(y, i)),
          **{"heads": ("Llama4ForCausalLM", "Llama4TextModel"), **options})


@family("llama4")
def llama4_multimodal(net: Network, config: Mapping[str, Any], batch: Any, *, sequence: Any = 128, past: Any = 0,
                      logits: str = "all", skew: float = 0.0, expert_parallel: int = 1, replicas: int = 1) -> None:
    """The text decoder of the model that also reads images; the image tower is not part of it."""
    whole = Config(config)
    text = Config({**whole.nested("text_config"), "architectures": whole.get("architectures")},
                  {"rms_norm_eps": 1e-5, "hidden_act": "silu", "interleave_moe_layer_step": 1, "use_qk_norm": True,
                   "attention_chunk_size": 8192}, whole.precision)
    net.notes += ("text decoder only: no image is read",)
    llama4(Model(net, text, past, skew, expert_parallel, replicas), tokens(net, batch, sequence), logits,
           heads=("Llama4ForConditionalGeneration", "Llama4ForCausalLM"), prefix="language_model.model")
