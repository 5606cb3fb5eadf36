"""ModernBERT (Warner et al. 2024, arXiv 2412.13663): rotary positions, gated pairs, windows in two layers of three."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tocompiler.frontends.huggingface.blocks import activation, tokens
from tocompiler.frontends.huggingface.config import Config
from tocompiler.frontends.huggingface.encoder import labels
from tocompiler.frontends.huggingface.model import Model
from tocompiler.frontends.huggingface.registry import family

if TYPE_CHECKING:
    from tocompiler.network import Network
    from tocompiler.tensors import Tensor

__all__ = ["modernbert"]

_DEFAULTS = {"hidden_activation": "gelu", "norm_eps": 1e-5, "norm_bias": False, "attention_bias": False,
             "mlp_bias": False, "classifier_bias": False, "classifier_activation": "gelu", "decoder_bias": True,
             "global_attn_every_n_layers": 3, "local_attention": 128, "num_labels": 2, "tie_word_embeddings": True}


@family("modernbert")
def modernbert(net: Network, config: Mapping[str, Any], batch: Any, *, sequence: Any = 128) -> None:
    """An encoder with norms before each half, and a head; windows mask scores and spare no product."""
    c = Config(config, _DEFAULTS)
    head = c.architecture("ModernBertModel", "ModernBertForMaskedLM", "ModernBertForSequenceClassification",
                          "ModernBertForTokenClassification", "ModernBertForQuestionAnswering")
    m = Model(net, c)

    def norm(x: Tensor, name: str) -> Tensor:
        return m.layer_norm(x, name, c.norm_eps, bool(c.norm_bias))

    with net.scope("model"):
        rotation = m.rotation(sequence, c.divide("hidden_size", "num_attention_heads"))
        table = m.stored("embeddings.tok_embeddings.weight", (c.vocab_size, c.hidden_size))
        x = norm(m.embed(tokens(net, batch, sequence), table, "embeddings.tok_embeddings"), "embeddings.norm")
        for i in range(c.num_hidden_layers):
            with net.scope(f"layers.{i}"):
                x = net.add(x, _attention(m, x if i == 0 else norm(x, "attn_norm"), rotation, i))
                x = net.add(x, _pair(m, norm(x, "mlp_norm")))
        x = norm(x, "final_norm")
    if head == "ModernBertModel":
        net.output(x)
        return
    if head == "ModernBertForSequenceClassification":
        x = net.mean(x, 1, True) if c.get("classifier_pooling") == "mean" else net.slice(x, 0, 1, 1)
    x = activation(net, c.classifier_activation, m.project(x, c.hidden_size, "head.dense", bool(c.classifier_bias)))
    x = norm(x, "head.norm")
    if head == "ModernBertForMaskedLM":
        tied = table if c.tie_word_embeddings else None
        net.output(m.project(x, c.vocab_size, "decoder", bool(c.decoder_bias), tied))
        return
    wanted = 2 if head.endswith("Answering") else labels(c)
    net.output(m.project(x, wanted, "classifier", True))


def _attention(m: Model, x: Tensor, rotation: tuple[Tensor, Tensor], layer: int) -> Tensor:
    c, heads, width = m.c, m.c.num_attention_heads, m.c.hidden_size
    with m.net.scope("attn"):
        q, k, v = m.net.split(m.project(x, 3 * width, "Wqkv", bool(c.attention_bias)), (width,) * 3)
        q, k = m.rotate(q, heads, rotation), m.rotate(k, heads, rotation)
        kinds = c.get("layer_types")
        local = kinds[layer] == "sliding_attention" if kinds else layer % c.global_attn_every_n_layers != 0
        window = {"sliding_window": c.local_attention} if local else {}
        y = m.attend(q, k, v, heads, heads, causal=False, **window)
        return m.project(y, width, "Wo", bool(c.attention_bias))


def _pair(m: Model, x: Tensor) -> Tensor:
    c, hidden = m.c, m.c.intermediate_size
    with m.net.scope("mlp"):
        value, gate = m.net.split(m.project(x, 2 * hidden, "Wi", bool(c.mlp_bias)), (hidden, hidden))
        y = m.net.mul(activation(m.net, c.hidden_activation, value), gate)
        return m.project(y, x.shape[-1], "Wo", bool(c.mlp_bias))
