"""BERT (Devlin et al. 2018) and what became of it: RoBERTa, XLM-R, CamemBERT, ELECTRA, MPNet and DistilBERT."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tocompiler.frontends.huggingface.blocks import activation, tokens
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

__all__ = ["bert"]

_DEFAULTS = {"hidden_act": "gelu", "layer_norm_eps": 1e-12, "num_labels": 2, "relative_attention_num_buckets": 32}
_BERT_NAMES = ("attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense")


@dataclass(frozen=True, slots=True)
class _Kind:
    """What one of them calls its parts, and how its sequence classifier starts."""

    title: str
    prefix: str
    layers: str = "encoder.layer"
    names: tuple[str, str, str, str] = _BERT_NAMES
    pair: tuple[str, str] = ("intermediate.dense", "output.dense")
    norms: tuple[str, str] = ("attention.output.LayerNorm", "output.LayerNorm")
    lm_head: tuple[str, str, str] = ("lm_head.dense", "lm_head.layer_norm", "lm_head.decoder")
    first: tuple[str, str, str] = ("classifier.dense", "tanh", "classifier.out_proj")
    segments: bool = True


_ROBERTA = _Kind("Roberta", "roberta")
_KINDS = {
    "bert": _Kind("Bert", "bert", first=("bert.pooler.dense", "tanh", "classifier"), lm_head=(
        "cls.predictions.transform.dense", "cls.predictions.transform.LayerNorm", "cls.predictions.decoder")),
    "roberta": _ROBERTA,
    "xlm-roberta": _Kind("XLMRoberta", "roberta"),
    "camembert": _Kind("Camembert", "roberta"),
    "electra": _Kind("Electra", "electra", first=("classifier.dense", "gelu", "classifier.out_proj"), lm_head=(
        "generator_predictions.dense", "generator_predictions.LayerNorm", "generator_lm_head")),
    "mpnet": _Kind("MPNet", "mpnet", names=("attention.attn.q", "attention.attn.k", "attention.attn.v",
                                            "attention.attn.o"), segments=False,
                   norms=("attention.LayerNorm", "output.LayerNorm")),
    "distilbert": _Kind("DistilBert", "distilbert", "transformer.layer",
                        ("attention.q_lin", "attention.k_lin", "attention.v_lin", "attention.out_lin"),
                        ("ffn.lin1", "ffn.lin2"), ("sa_layer_norm", "output_layer_norm"),
                        ("vocab_transform", "vocab_layer_norm", "vocab_projector"),
                        ("pre_classifier", "relu", "classifier"), segments=False),
}
_POOLED = ("BertModel", "RobertaModel", "XLMRobertaModel", "CamembertModel", "MPNetModel")
_ENDINGS = ("Model", "ForMaskedLM", "ForSequenceClassification", "ForTokenClassification", "ForQuestionAnswering")


@family(*_KINDS)
def bert(net: Network, config: Mapping[str, Any], batch: Any, *, sequence: Any = 128) -> None:
    """An encoder with the pooler or a head; no padding mask."""
    c = _renamed(Config(config, _DEFAULTS))
    kind = _KINDS[c.model_type]
    known = tuple(kind.title + ending for ending in _ENDINGS)
    head = c.architecture(*known, *(("ElectraForPreTraining",) if kind.title == "Electra" else ()))
    m = Model(net, c)
    with net.scope(kind.prefix):
        table = m.stored("embeddings.word_embeddings.weight",
                         (c.vocab_size, c.get("embedding_size") or c.hidden_size))
        x = _embedded(m, tokens(net, batch, sequence), table, kind)
        mask = _relative(m, sequence) if kind.title == "MPNet" else None
        for i in range(c.num_hidden_layers):
            with net.scope(f"{kind.layers}.{i}"):
                x = _layer(m, x, kind, mask)
    if head in _POOLED:
        net.output(x, net.tanh(m.project(net.select(x, 1, 0), c.hidden_size, f"{kind.prefix}.pooler.dense", True)))
        return
    found = classified(m, x, head, lambda y: _first(m, y, kind))
    if head.endswith("ForMaskedLM"):
        found = masked_language(m, x, table, "gelu" if kind.title == "Electra" else c.hidden_act, c.layer_norm_eps,
                                kind.lm_head)
    if head == "ElectraForPreTraining":
        y = m.project(x, c.hidden_size, "discriminator_predictions.dense", True)
        found = m.project(activation(net, c.hidden_act, y), 1, "discriminator_predictions.dense_prediction", True)
    net.output(x if found is None else found)


def _renamed(c: Config) -> Config:
    """DistilBERT's names for what the others have."""
    if c.model_type != "distilbert":
        return c
    return Config({**dict(c.items()), "hidden_size": c.dim, "num_attention_heads": c.n_heads,
                   "num_hidden_layers": c.n_layers, "intermediate_size": c.hidden_dim,
                   "hidden_act": c.get("activation", "gelu")}, None, c.precision)


def _embedded(m: Model, ids: Tensor, table: Tensor, kind: _Kind) -> Tensor:
    """Word, segment and position embeddings, added and normalised; segments and positions are the stored defaults."""
    net, c, length, width = m.net, m.c, ids.shape[1], table.shape[1]
    with net.scope("embeddings"):
        x = m.embed(ids, table, "word_embeddings")
        if kind.segments and c.get("type_vocab_size"):
            kinds = m.stored("token_type_ids", (1, length), "int64", "buffer")
            segments = m.stored("token_type_embeddings.weight", (c.type_vocab_size, width))
            x = net.add(x, m.embed(kinds, segments, "token_type_embeddings"))
        places = m.stored("position_embeddings.weight", (c.max_position_embeddings, width))
        x = m.layer_norm(net.add(x, positions(m, length, places)), "LayerNorm", c.layer_norm_eps)
    return x if width == c.hidden_size else m.project(x, c.hidden_size, "embeddings_project", True)


def _relative(m: Model, length: Any) -> Tensor:
    """MPNet's bias by bucket of relative position, the same in every layer."""
    net, heads = m.net, m.c.num_attention_heads
    table = m.stored("encoder.relative_attention_bias.weight", (m.c.relative_attention_num_buckets, heads))
    buckets = m.stored("relative_position_bucket", (length, length), "int64", "buffer")
    return net.unsqueeze(net.permute(m.embed(buckets, table, "encoder.relative_attention_bias"), (2, 0, 1)), 0)


def _layer(m: Model, x: Tensor, kind: _Kind, mask: Tensor | None) -> Tensor:
    c = m.c
    y = attention(m, x, c.num_attention_heads, kind.names, mask=mask)
    x = m.layer_norm(m.net.add(y, x), kind.norms[0], c.layer_norm_eps)
    y = feed_forward(m, x, c.intermediate_size, c.hidden_act, kind.pair)
    return m.layer_norm(m.net.add(y, x), kind.norms[1], c.layer_norm_eps)


def _first(m: Model, x: Tensor, kind: _Kind) -> Tensor:
    """Classes of a sequence from its first token."""
    dense, act, out = kind.first
    y = activation(m.net, act, m.project(m.net.select(x, 1, 0), m.c.hidden_size, dense, True))
    return m.project(y, labels(m.c), out, True)
