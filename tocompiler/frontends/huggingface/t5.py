"""T5 (Raffel et al. 2019), version 1.1 with gated layers included."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tocompiler.frontends.huggingface.blocks import activation, heads, tokens
from tocompiler.frontends.huggingface.config import Config
from tocompiler.frontends.huggingface.registry import family

if TYPE_CHECKING:
    from tocompiler.network import Network
    from tocompiler.tensors import Tensor

__all__ = ["t5"]

_DEFAULTS = {"layer_norm_epsilon": 1e-6, "relative_attention_num_buckets": 32, "feed_forward_proj": "relu",
             "tie_word_embeddings": True}


@family("t5")
def t5(net: Network, config: Mapping[str, Any], batch: Any, *, sequence: Any = 128,
       decoder_sequence: Any = 128) -> None:
    """An encoder and a decoder that share their embeddings; attention has no scale and no bias but by position."""
    c = Config(config, _DEFAULTS)
    head = c.architecture("T5ForConditionalGeneration", "T5Model", "T5EncoderModel")
    table = net.stored((c.vocab_size, c.d_model), name="shared")
    with net.scope("encoder"):
        source = _stack(net, c, _embed(net, c, table, batch, sequence, "input_ids"), c.num_layers, None)
    if head == "T5EncoderModel":
        net.output(source)
        return
    with net.scope("decoder"):
        x = _embed(net, c, table, batch, decoder_sequence, "decoder_input_ids")
        x = _stack(net, c, x, c.get("num_decoder_layers") or c.num_layers, source)
    if head == "T5ForConditionalGeneration":
        tied = c.tie_word_embeddings
        # A tied output layer undoes the scale that the embeddings were trained at.
        x = net.mul(x, c.d_model**-0.5) if tied else x
        x = net.linear(x, c.vocab_size, bias=False, weight=table if tied else None)
    net.output(x)


def _embed(net: Network, c: Config, table: Tensor, batch: Any, sequence: Any, name: str) -> Tensor:
    return net.embedding(tokens(net, batch, sequence, name), c.vocab_size, c.d_model, table)


def _stack(net: Network, c: Config, x: Tensor, layers: int, source: Tensor | None) -> Tensor:
    """Layers of self-attention, cross-attention to ``source`` if there is one, and a feed-forward pair."""
    bias = _position_bias(net, c, x.shape[1], causal=source is not None)
    for i in range(layers):
        with net.scope(f"block.{i}"):
            x = net.add(x, _attention(net, c, _norm(net, c, x), None, bias))
            if source is not None:
                x = net.add(x, _attention(net, c, _norm(net, c, x), source, None))
            x = net.add(x, _feed_forward(net, c, _norm(net, c, x)))
    return _norm(net, c, x)


def _norm(net: Network, c: Config, x: Tensor) -> Tensor:
    return net.rms_norm(x, eps=c.layer_norm_epsilon)


def _position_bias(net: Network, c: Config, length: Any, causal: bool) -> Tensor:
    """A bias by bucket of relative position, computed once per stack; the buckets depend on lengths alone."""
    buckets = net.stored((length, length), "int64", "relative_position_bucket", "buffer")
    values = net.embedding(buckets, c.relative_attention_num_buckets, c.num_heads)
    bias = net.unsqueeze(net.permute(values, (2, 0, 1)), 0)
    return net.add(bias, net.stored((1, 1, length, length), name="causal_mask", kind="constant")) if causal else bias


def _attention(net: Network, c: Config, x: Tensor, source: Tensor | None, bias: Tensor | None) -> Tensor:
    with net.scope("self_attention" if source is None else "cross_attention"):
        query = heads(net, x, c.num_heads, c.d_kv, bias=False)
        key, value = (heads(net, x if source is None else source, c.num_heads, c.d_kv, bias=False) for _ in range(2))
        y = net.scaled_dot_product_attention(query, key, value, bias, scale=1.0)
        return net.linear(net.merge_heads(y), c.d_model, bias=False)


def _feed_forward(net: Network, c: Config, x: Tensor) -> Tensor:
    """relu, or gated-X: act(wi_0 x) · wi_1 x; transformers reads gated-gelu as the tanh form."""
    gated, _, act = c.feed_forward_proj.rpartition("-")
    act = "gelu_new" if gated and act == "gelu" else act
    with net.scope("feed_forward"):
        y = activation(net, act, net.linear(x, c.d_ff, bias=False))
        if gated:
            y = net.mul(y, net.linear(x, c.d_ff, bias=False))
        return net.linear(y, c.d_model, bias=False)
