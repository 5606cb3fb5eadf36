"""BERT (Devlin et al. 2018)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tocompiler.frontends.huggingface.blocks import activation, attention, feed_forward, tokens
from tocompiler.frontends.huggingface.config import Config
from tocompiler.frontends.huggingface.registry import family

if TYPE_CHECKING:
    from tocompiler.network import Network
    from tocompiler.tensors import Tensor

__all__ = ["bert"]

_DEFAULTS = {"hidden_act": "gelu", "layer_norm_eps": 1e-12, "num_labels": 2}


@family("bert")
def bert(net: Network, config: Mapping[str, Any], batch: Any, *, sequence: Any = 128) -> None:
    """An encoder with the pooler, a masked-language or a classification head; no padding mask."""
    c = Config(config, _DEFAULTS)
    head = c.architecture("BertModel", "BertForMaskedLM", "BertForSequenceClassification")
    with net.scope("embeddings"):
        table = net.stored((c.vocab_size, c.hidden_size), name="word_embeddings")
        x = _embed(net, c, table, tokens(net, batch, sequence))
    for i in range(c.num_hidden_layers):
        with net.scope(f"layer.{i}"):
            x = _norm(net, c, net.add(attention(net, x, c.num_attention_heads), x))
            x = _norm(net, c, net.add(feed_forward(net, x, c.intermediate_size, c.hidden_act), x))
    if head == "BertForMaskedLM":
        x = _norm(net, c, activation(net, c.hidden_act, net.linear(x, c.hidden_size)))
        net.output(net.linear(x, c.vocab_size, weight=table))
        return
    pooled = net.tanh(net.linear(net.select(x, 1, 0), c.hidden_size))
    if head == "BertForSequenceClassification":
        net.output(net.linear(pooled, len(c.get("id2label", ())) or c.num_labels))
    else:
        net.output(x, pooled)


def _embed(net: Network, c: Config, table: Tensor, ids: Tensor) -> Tensor:
    """Word, segment and position embeddings, added; segments and positions are the stored defaults."""
    sequence = ids.shape[1]
    words = net.embedding(ids, c.vocab_size, c.hidden_size, table)
    kinds = net.stored((1, sequence), "int64", "token_type_ids", "buffer")
    positions = net.stored((1, sequence), "int64", "position_ids", "buffer")
    x = net.add(words, net.embedding(kinds, c.type_vocab_size, c.hidden_size))
    return _norm(net, c, net.add(x, net.embedding(positions, c.max_position_embeddings, c.hidden_size)))


def _norm(net: Network, c: Config, x: Tensor) -> Tensor:
    return net.layer_norm(x, eps=c.layer_norm_eps)
