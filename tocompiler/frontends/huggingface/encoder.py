"""Encoders: attention without a mask or a cache, feed-forward pairs, and the heads that most of them have."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tocompiler.frontends.huggingface.blocks import activation

if TYPE_CHECKING:
    from tocompiler.frontends.huggingface.config import Config
    from tocompiler.frontends.huggingface.model import Model
    from tocompiler.tensors import Tensor

__all__ = ["attention", "classified", "feed_forward", "labels", "masked_language", "patches", "positions", "pre_norm"]

_NAMES = ("q_proj", "k_proj", "v_proj", "out_proj")


def attention(m: Model, x: Tensor, heads: int, names: tuple[str, str, str, str] = _NAMES, *, bias: bool = True,
              source: Tensor | None = None, mask: Tensor | None = None, causal: bool = False) -> Tensor:
    """Queries from ``x``, keys and values from ``source`` (default: x), a bias on the scores or a causal mask, and
    the output projection; ``names`` of the four layers."""
    width = x.shape[-1]
    if width % heads:
        raise ValueError(f"a width of {width} does not divide into {heads} heads")
    source = x if source is None else source
    q, k, v = (m.project(t, width, name, bias) for t, name in zip((x, source, source), names, strict=False))
    inputs = [q, k, v] if mask is None else [q, k, v, mask]
    attributes = {"q_num_heads": heads, "kv_num_heads": heads, "is_causal": int(causal)}
    return m.project(m.one("Attention", inputs, attributes, "attention"), width, names[3], True)


def feed_forward(m: Model, x: Tensor, hidden: int, act: str, names: tuple[str, str] = ("fc1", "fc2")) -> Tensor:
    """Two linear layers with an activation between."""
    return m.project(activation(m.net, act, m.project(x, hidden, names[0], True)), x.shape[-1], names[1], True)


def pre_norm(m: Model, x: Tensor, mixer: Callable[[Tensor], Tensor], pair: Callable[[Tensor], Tensor], epsilon: float,
             norms: tuple[str, str] = ("layer_norm1", "layer_norm2")) -> Tensor:
    """x + mixer(norm x), then the same with the feed-forward pair."""
    x = m.net.add(x, mixer(m.layer_norm(x, norms[0], epsilon)))
    return m.net.add(x, pair(m.layer_norm(x, norms[1], epsilon)))


def positions(m: Model, length: object, table: Tensor, name: str = "position_embeddings") -> Tensor:
    """Rows of a table of learned positions, (1, length, width)."""
    return m.embed(m.stored("position_ids", (1, length), "int64", "buffer"), table, name)


def patches(m: Model, pixels: Tensor, width: int, patch: int, name: str, bias: bool = True) -> Tensor:
    """(batch, channels, height, width) to (batch, patches, width): a convolution without overlap."""
    with m.net.scope(name):
        x = m.net.conv2d(pixels, width, patch, patch, bias=bias)
    batch, _, rows, columns = x.shape
    return m.net.permute(m.net.reshape(x, (batch, width, rows * columns)), (0, 2, 1))


def labels(c: Config) -> int:
    """How many classes a head tells apart."""
    return len(c.get("id2label", ())) or int(c.get("num_labels", 2))


def masked_language(m: Model, x: Tensor, table: Tensor, act: str, epsilon: float,
                    names: tuple[str, str, str] = ("dense", "LayerNorm", "decoder"), bias: bool = True) -> Tensor:
    """A layer, its activation and norm, and the embedding table as output layer, with a bias of its own."""
    x = activation(m.net, act, m.project(x, table.shape[1], names[0], bias))
    return m.project(m.layer_norm(x, names[1], epsilon, bias), table.shape[0], names[2], True, table)


def classified(m: Model, x: Tensor, head: str, first: Callable[[Tensor], Tensor]) -> Tensor | None:
    """The usual heads by their class's ending: classes of the sequence, of each token, or where an answer starts and
    ends; ``first`` prepares the sequence's vector. None for other endings."""
    if head.endswith("ForSequenceClassification"):
        return first(x)
    if head.endswith("ForTokenClassification"):
        return m.project(x, labels(m.c), "classifier", True)
    if head.endswith("ForQuestionAnswering"):
        return m.project(x, 2, "qa_outputs", True)
    return None
