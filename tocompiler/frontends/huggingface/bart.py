"""BART (Lewis et al. 2019, arXiv 1910.13461): an encoder and a decoder with norms behind each part."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tocompiler.frontends.huggingface.blocks import tokens
from tocompiler.frontends.huggingface.config import Config
from tocompiler.frontends.huggingface.encoder import attention, feed_forward, positions
from tocompiler.frontends.huggingface.model import Model
from tocompiler.frontends.huggingface.registry import family

if TYPE_CHECKING:
    from tocompiler.network import Network
    from tocompiler.tensors import Tensor

__all__ = ["bart"]

_DEFAULTS = {"activation_function": "gelu", "scale_embedding": False, "num_labels": 3}
_OFFSET = 2
"""Places of the position table before the first one."""


@family("bart")
def bart(net: Network, config: Mapping[str, Any], batch: Any, *, sequence: Any = 128,
         decoder_sequence: Any = 128) -> None:
    """Both stacks over one embedding table, and the table as output layer."""
    c = Config(config, _DEFAULTS)
    head = c.architecture("BartForConditionalGeneration", "BartModel")
    m = Model(net, c)
    table = m.stored("model.shared.weight", (c.vocab_size, c.d_model))
    source = _stack(m, tokens(net, batch, sequence), table, "encoder", None)
    x = _stack(m, tokens(net, batch, decoder_sequence, "decoder_input_ids"), table, "decoder", source)
    if head == "BartModel":
        net.output(x)
        return
    # The bias of the logits is a buffer of zeros that is added all the same.
    logits = m.project(x, c.vocab_size, "lm_head", weight=table)
    net.output(net.add(logits, m.stored("final_logits_bias", (1, c.vocab_size), kind="buffer")))


def _stack(m: Model, ids: Tensor, table: Tensor, side: str, source: Tensor | None) -> Tensor:
    net, c = m.net, m.c
    heads, hidden = getattr(c, f"{side}_attention_heads"), getattr(c, f"{side}_ffn_dim")
    with net.scope(f"model.{side}"):
        x = m.embed(ids, table, "embed_tokens")
        x = net.mul(x, c.d_model**0.5) if c.scale_embedding else x
        places = m.stored("embed_positions.weight", (c.max_position_embeddings + _OFFSET, c.d_model))
        x = m.layer_norm(net.add(x, positions(m, ids.shape[1], places, "embed_positions")), "layernorm_embedding")
        for i in range(getattr(c, f"{side}_layers")):
            with net.scope(f"layers.{i}"):
                with net.scope("self_attn"):
                    y = attention(m, x, heads, causal=source is not None)
                x = m.layer_norm(net.add(x, y), "self_attn_layer_norm")
                if source is not None:
                    with net.scope("encoder_attn"):
                        y = attention(m, x, heads, source=source)
                    x = m.layer_norm(net.add(x, y), "encoder_attn_layer_norm")
                y = feed_forward(m, x, hidden, c.activation_function)
                x = m.layer_norm(net.add(x, y), "final_layer_norm")
        return x
