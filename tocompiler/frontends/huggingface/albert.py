"""ALBERT (Lan et al. 2019, arXiv 1909.11942): one layer's weights for all layers, and narrow embeddings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tocompiler.frontends.huggingface.blocks import tokens
from tocompiler.frontends.huggingface.config import Config
from tocompiler.frontends.huggingface.encoder import (
    attention,
    classified,
    feed_forward,
    labels,
    masked_language,
    positions,
)
from tocompiler.frontends.huggingface.model import Model
from tocompiler.frontends.huggingface.registry import family

if TYPE_CHECKING:
    from tocompiler.network import Network
    from tocompiler.tensors import Tensor

__all__ = ["albert"]

_DEFAULTS = {"hidden_act": "gelu_new", "layer_norm_eps": 1e-12, "num_labels": 2, "num_hidden_groups": 1,
             "inner_group_num": 1}
_NAMES = ("attention.query", "attention.key", "attention.value", "attention.dense")


@family("albert")
def albert(net: Network, config: Mapping[str, Any], batch: Any, *, sequence: Any = 128) -> None:
    """An encoder whose layers share their weights, in ``num_hidden_groups``, with the pooler or a head."""
    c = Config(config, _DEFAULTS)
    head = c.architecture("AlbertModel", "AlbertForMaskedLM", "AlbertForSequenceClassification",
                          "AlbertForTokenClassification", "AlbertForQuestionAnswering")
    m = Model(net, c, tied=True)
    with net.scope("albert"):
        table = m.stored("embeddings.word_embeddings.weight", (c.vocab_size, c.embedding_size))
        x = _embedded(m, tokens(net, batch, sequence), table)
        x = m.project(x, c.hidden_size, "encoder.embedding_hidden_mapping_in", True)
        for i in range(c.num_hidden_layers):
            group = i * c.num_hidden_groups // c.num_hidden_layers
            for inner in range(c.inner_group_num):
                with net.scope(f"encoder.albert_layer_groups.{group}.albert_layers.{inner}"):
                    x = _layer(m, x)

    def pooled(y: Tensor) -> Tensor:
        return net.tanh(m.project(net.select(y, 1, 0), c.hidden_size, "albert.pooler", True))

    if head == "AlbertModel":
        net.output(x, pooled(x))
    elif head == "AlbertForMaskedLM":
        net.output(masked_language(m, x, table, c.hidden_act, c.layer_norm_eps, (
            "predictions.dense", "predictions.LayerNorm", "predictions.decoder")))
    else:
        found = classified(m, x, head, lambda y: m.project(pooled(y), labels(c), "classifier", True))
        net.output(x if found is None else found)


def _embedded(m: Model, ids: Tensor, table: Tensor) -> Tensor:
    net, c, length, width = m.net, m.c, ids.shape[1], table.shape[1]
    with net.scope("embeddings"):
        kinds = m.stored("token_type_ids", (1, length), "int64", "buffer")
        segments = m.stored("token_type_embeddings.weight", (c.type_vocab_size, width))
        places = m.stored("position_embeddings.weight", (c.max_position_embeddings, width))
        x = net.add(m.embed(ids, table, "word_embeddings"), m.embed(kinds, segments, "token_type_embeddings"))
        return m.layer_norm(net.add(x, positions(m, length, places)), "LayerNorm", c.layer_norm_eps)


def _layer(m: Model, x: Tensor) -> Tensor:
    c = m.c
    x = m.layer_norm(m.net.add(x, attention(m, x, c.num_attention_heads, _NAMES)), "attention.LayerNorm",
                     c.layer_norm_eps)
    y = feed_forward(m, x, c.intermediate_size, c.hidden_act, ("ffn", "ffn_output"))
    return m.layer_norm(m.net.add(y, x), "full_layer_layer_norm", c.layer_norm_eps)
