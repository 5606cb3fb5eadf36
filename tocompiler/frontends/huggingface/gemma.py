"""Gemma, Gemma 2 and Gemma 3: wide heads, norms before and after each half, alternating windows, capped scores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tocompiler.frontends.huggingface.blocks import tokens
from tocompiler.frontends.huggingface.config import Config
from tocompiler.frontends.huggingface.decoder import causal, grouped_query, head_width, pre_norm, slides, stack
from tocompiler.frontends.huggingface.model import Model
from tocompiler.frontends.huggingface.registry import family

if TYPE_CHECKING:
    from tocompiler.network import Network
    from tocompiler.tensors import Tensor

__all__ = ["gemma"]

_DEFAULTS = {"hidden_activation": "gelu_pytorch_tanh", "head_dim": 256, "tie_word_embeddings": True,
             "sliding_window": 4096, "sliding_window_pattern": 6}
_HEADS = {"gemma": "Gemma", "gemma2": "Gemma2", "gemma3_text": "Gemma3"}


@causal("gemma", "gemma2", "gemma3_text", defaults=_DEFAULTS)
def gemma(m: Model, ids: Tensor, logits: str, **options: Any) -> None:
    """Norms scale by one plus the weight, which is folded; embeddings are scaled by the root of their width."""
    c, net, kind = m.c, m.net, m.c.model_type
    rotation = m.rotation(ids.shape[1], head_width(c))
    extra = {"softcap": c.get("attn_logit_softcapping", 50.0)} if kind == "gemma2" else {}

    def window(i: int) -> int | None:
        if kind == "gemma":
            return None
        return slides(c, i, i % 2 == 0 if kind == "gemma2" else (i + 1) % c.sliding_window_pattern != 0)

    def attention(y: Tensor, i: int) -> Tensor:
        return grouped_query(m, y, rotation, bias=bool(c.get("attention_bias")), norm=kind == "gemma3_text",
                             window=window(i), **extra)

    def feed_forward(y: Tensor) -> Tensor:
        return m.mlp(y, c.intermediate_size, act=c.hidden_activation)

    def block(x: Tensor, i: int) -> Tensor:
        if kind == "gemma":
            return pre_norm(m, x, lambda y: attention(y, i), feed_forward)
        y = attention(m.rms_norm(x, "input_layernorm"), i)
        x = net.add(x, m.rms_norm(y, "post_attention_layernorm"))
        y = feed_forward(m.rms_norm(x, "pre_feedforward_layernorm"))
        return net.add(x, m.rms_norm(y, "post_feedforward_layernorm"))

    name = _HEADS[kind]
    cap = c.get("final_logit_softcapping", 30.0) if kind == "gemma2" else None
    heads = (f"{name}ForCausalLM", f"{name}TextModel" if kind == "gemma3_text" else f"{name}Model")
    stack(m, ids, logits, block, embed=lambda x: net.mul(x, c.hidden_size**0.5), cap=cap,
          **{"heads": heads, **options})


@family("gemma3")
def gemma3(net: Network, config: Mapping[str, Any], batch: Any, *, sequence: Any = 128, past: Any = 0,
           logits: str = "all", skew: float = 0.0, expert_parallel: int = 1, replicas: int = 1) -> None:
    """The text decoder of the model that also reads images; the image tower is not part of it."""
    whole = Config(config)
    values = {"vocab_size": 262208, "num_attention_heads": 8, "num_key_value_heads": 4, **whole.nested("text_config"),
              "architectures": whole.get("architectures"), "model_type": "gemma3_text"}
    text = Config(values, {"rms_norm_eps": 1e-6, "hidden_act": "silu", **_DEFAULTS}, whole.precision)
    net.notes += ("text decoder only: no image is read",)
    gemma(Model(net, text, past, skew, expert_parallel, replicas), tokens(net, batch, sequence), logits,
          heads=("Gemma3ForConditionalGeneration", "Gemma3Model"), prefix="model.language_model")
