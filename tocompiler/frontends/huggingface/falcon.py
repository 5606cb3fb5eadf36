"""Falcon (Almazrouei et al. 2023, arXiv 2311.16867): attention and feed-forward side by side, few key heads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tocompiler.frontends.huggingface.decoder import causal, stack

if TYPE_CHECKING:
    from tocompiler.frontends.huggingface.model import Model
    from tocompiler.tensors import Tensor

__all__ = ["falcon"]


@causal("falcon", defaults={"bias": False, "multi_query": True, "parallel_attn": True, "alibi": False,
                            "new_decoder_architecture": False, "activation": "gelu", "layer_norm_epsilon": 1e-5,
                            "tie_word_embeddings": True})
def falcon(m: Model, ids: Tensor, logits: str) -> None:
    """A decoder with layer norms, one packed projection, and rotary positions or ALiBi's bias on the scores."""
    c, net = m.c, m.net
    heads, width, bias = c.num_attention_heads, c.divide("hidden_size", "num_attention_heads"), bool(c.bias)
    grouped = bool(c.new_decoder_architecture)
    few = (c.get("num_kv_heads") or heads) if grouped or not c.multi_query else 1
    rotation = None if c.alibi else m.rotation(ids.shape[1], width)
    two = grouped and c.get("num_ln_in_parallel_attn", 2) == 2

    def attention(y: Tensor) -> Tensor:
        with net.scope("self_attention"):
            packed = m.project(y, (heads + 2 * few) * width, "query_key_value", bias)
            q, k, v = net.split(packed, (heads * width, few * width, few * width))
            q, k = m.rotate(q, heads, rotation), m.rotate(k, few, rotation)
            return m.project(m.attend(q, k, v, heads, few), c.hidden_size, "dense", bias)

    def feed_forward(y: Tensor) -> Tensor:
        with net.scope("mlp"):
            y = m.act(m.project(y, c.get("ffn_hidden_size") or 4 * c.hidden_size, "dense_h_to_4h", bias), c.activation)
            return m.project(y, c.hidden_size, "dense_4h_to_h", bias)

    def norm(x: Tensor, name: str) -> Tensor:
        return m.layer_norm(x, name, c.layer_norm_epsilon)

    def block(x: Tensor, i: int) -> Tensor:
        y = norm(x, "ln_attn" if two else "input_layernorm")
        mixed = attention(y)
        if not (grouped or c.parallel_attn):
            x = net.add(x, mixed)
            return net.add(x, feed_forward(norm(x, "post_attention_layernorm")))
        return net.add(net.add(mixed, feed_forward(norm(x, "ln_mlp") if two else y)), x)

    stack(m, ids, logits, block, heads=("FalconForCausalLM", "FalconModel"), prefix="transformer", layers="h",
          embeddings="word_embeddings", final=lambda x: norm(x, "ln_f"))
