"""DeBERTa v2 and v3 (He et al. 2020, arXiv 2006.03654): scores from content to position and back beside those between
contents, positions relative and shared by all layers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tocompiler.frontends.huggingface.blocks import activation, tokens
from tocompiler.frontends.huggingface.config import Config
from tocompiler.frontends.huggingface.encoder import classified, feed_forward, labels, masked_language, positions
from tocompiler.frontends.huggingface.model import Model
from tocompiler.frontends.huggingface.registry import family

if TYPE_CHECKING:
    from tocompiler.network import Network
    from tocompiler.tensors import Tensor

__all__ = ["deberta"]

_DEFAULTS = {"hidden_act": "gelu", "layer_norm_eps": 1e-7, "num_labels": 2, "type_vocab_size": 0,
             "position_biased_input": True, "pooler_hidden_act": "gelu", "conv_act": "tanh"}


@family("deberta-v2")
def deberta(net: Network, config: Mapping[str, Any], batch: Any, *, sequence: Any = 128) -> None:
    """An encoder with disentangled attention, and a head."""
    c = Config(config, _DEFAULTS)
    head = c.architecture("DebertaV2Model", "DebertaV2ForMaskedLM", "DebertaV2ForSequenceClassification",
                          "DebertaV2ForTokenClassification", "DebertaV2ForQuestionAnswering")
    m = Model(net, c, tied=True)
    with net.scope("deberta"):
        table = m.stored("embeddings.word_embeddings.weight",
                         (c.vocab_size, c.get("embedding_size") or c.hidden_size))
        embedded = _embedded(m, tokens(net, batch, sequence), table)
        relative = _positions(m) if c.get("relative_attention") else None
        x = embedded
        for i in range(c.num_hidden_layers):
            with net.scope(f"encoder.layer.{i}"):
                x = _layer(m, x, relative)
            if i == 0 and c.get("conv_kernel_size"):
                x = _convolved(m, embedded, x)

    def pooled(y: Tensor) -> Tensor:
        y = m.project(net.select(y, 1, 0), c.get("pooler_hidden_size") or c.hidden_size, "pooler.dense", True)
        return m.project(activation(net, c.pooler_hidden_act, y), labels(c), "classifier", True)

    found = classified(m, x, head, pooled)
    if head == "DebertaV2ForMaskedLM":
        found = masked_language(m, x, table, c.hidden_act, c.layer_norm_eps, (
            "cls.predictions.transform.dense", "cls.predictions.transform.LayerNorm", "cls.predictions.decoder"))
    net.output(x if found is None else found)


def _embedded(m: Model, ids: Tensor, table: Tensor) -> Tensor:
    net, c, length, width = m.net, m.c, ids.shape[1], table.shape[1]
    with net.scope("embeddings"):
        x = m.embed(ids, table, "word_embeddings")
        if c.position_biased_input:
            x = net.add(x, positions(m, length, m.stored("position_embeddings.weight",
                                                         (c.max_position_embeddings, width))))
        if c.type_vocab_size:
            kinds = m.stored("token_type_ids", (1, length), "int64", "buffer")
            segments = m.stored("token_type_embeddings.weight", (c.type_vocab_size, width))
            x = net.add(x, m.embed(kinds, segments, "token_type_embeddings"))
        x = x if width == c.hidden_size else m.project(x, c.hidden_size, "embed_proj")
        return m.layer_norm(x, "LayerNorm", c.layer_norm_eps)


def _span(c: Config) -> int:
    """Relative positions on either side."""
    buckets, most = c.get("position_buckets", -1), c.get("max_relative_positions", -1)
    return int(buckets) if buckets > 0 else int(most) if most > 0 else int(c.max_position_embeddings)


def _positions(m: Model) -> Tensor:
    """The embeddings of relative positions, (1, 2 span, width)."""
    c = m.c
    with m.net.scope("encoder"):
        table = m.stored("rel_embeddings.weight", (2 * _span(c), c.hidden_size))
        if "layer_norm" in str(c.get("norm_rel_ebd", "none")).lower():
            table = m.layer_norm(table, "LayerNorm", c.layer_norm_eps)
        return m.net.unsqueeze(table, 0)


def _layer(m: Model, x: Tensor, relative: Tensor | None) -> Tensor:
    net, c = m.net, m.c
    with net.scope("attention"):
        y = m.project(_attention(m, x, relative), c.hidden_size, "output.dense", True)
        x = m.layer_norm(net.add(y, x), "output.LayerNorm", c.layer_norm_eps)
    y = feed_forward(m, x, c.intermediate_size, c.hidden_act, ("intermediate.dense", "output.dense"))
    return m.layer_norm(net.add(y, x), "output.LayerNorm", c.layer_norm_eps)


def _attention(m: Model, x: Tensor, relative: Tensor | None) -> Tensor:
    net, c, heads = m.net, m.c, m.c.num_attention_heads
    kinds = c.get("pos_att_type") or ()
    kinds = kinds.split("|") if isinstance(kinds, str) else kinds
    with net.scope("self"):
        q, k, v = (net.split_heads(m.project(x, c.hidden_size, f"{name}_proj", True), heads)
                   for name in ("query", "key", "value"))
        bias: Tensor | None = None
        for kind, content, other in (("c2p", q, "key"), ("p2c", k, "query")):
            if relative is None or kind not in kinds:
                continue
            name = f"{other}_proj" if c.get("share_att_key") else f"pos_{other}_proj"
            places = net.split_heads(m.project(relative, c.hidden_size, name, True), heads)
            part = _by_position(m, content, places, kind)
            bias = part if bias is None else net.add(bias, part)
        inputs = [q, k, v] if bias is None else [q, k, v, bias]
        scale = (c.hidden_size // heads * (1 + len(kinds))) ** -0.5
        return net.merge_heads(m.one("Attention", inputs, {"scale": scale}, "attention"))


def _by_position(m: Model, content: Tensor, places: Tensor, kind: str) -> Tensor:
    """Scores of each content with all relative positions, picked for each pair of tokens and scaled."""
    net = m.net
    batch, heads, length, _ = content.shape
    with net.scope(kind):
        scores = net.matmul(content, net.transpose(places, -2, -1))
        where = m.stored("positions", (batch, heads, length, length), "int64", "buffer")
        picked = m.one("GatherElements", [scores, where], {"axis": -1})
        picked = picked if kind == "c2p" else net.transpose(picked, -2, -1)
        return net.div(picked, 1.0)


def _convolved(m: Model, embedded: Tensor, x: Tensor) -> Tensor:
    """A convolution of the embeddings, added behind the first layer (the xlarge models)."""
    net, c = m.net, m.c
    with net.scope("encoder.conv"):
        width = c.conv_kernel_size
        y = net.conv1d(net.permute(embedded, (0, 2, 1)), c.hidden_size, width, padding=(width - 1) // 2,
                       groups=c.get("conv_groups", 1))
        y = activation(net, c.conv_act, net.permute(y, (0, 2, 1)))
        return m.layer_norm(net.add(x, y), "LayerNorm", c.layer_norm_eps)
