"""Llama, Mistral, Qwen2 and Qwen3: pre-norm decoders with rotary positions and gated feed-forward layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tocompiler.frontends.huggingface.decoder import causal, grouped_query, head_width, pre_norm, slides, stack

if TYPE_CHECKING:
    from tocompiler.frontends.huggingface.model import Model
    from tocompiler.tensors import Tensor

__all__ = ["llama"]

_HEADS = {"llama": "Llama", "mistral": "Mistral", "qwen2": "Qwen2", "qwen3": "Qwen3"}


@causal(*_HEADS)
def llama(m: Model, ids: Tensor, logits: str) -> None:
    """A decoder with root-mean-square norms, grouped queries and an output layer.

    A sliding window masks scores without sparing products, so it changes no count of a prompt; it bounds the cache.
    """
    c = m.c
    kind = c.model_type
    rotation = m.rotation(ids.shape[1], head_width(c))
    # Whether queries, keys and values have a bias, where the configuration has no say: Qwen2's always do.
    bias = c.get("attention_bias", kind == "qwen2")

    def block(x: Tensor, i: int) -> Tensor:
        return pre_norm(
            m, x,
            lambda y: grouped_query(m, y, rotation, bias=bias, out_bias=bias and kind != "qwen2", norm=kind == "qwen3",
                                    window=slides(c, i, kind == "mistral")),
            lambda y: m.mlp(y, c.intermediate_size, bias=bool(c.get("mlp_bias"))))

    stack(m, ids, logits, block, heads=(f"{_HEADS[kind]}ForCausalLM", f"{_HEADS[kind]}Model"))
