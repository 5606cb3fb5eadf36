"""Decoders: embedding, a stack of blocks, a norm and an output layer, with grouped-query attention as most have it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from tocompiler.frontends.huggingface.blocks import tokens
from tocompiler.frontends.huggingface.config import Config
from tocompiler.frontends.huggingface.model import Model
from tocompiler.frontends.huggingface.registry import family

if TYPE_CHECKING:
    from tocompiler.network import Network
    from tocompiler.tensors import Tensor

__all__ = ["Reader", "causal", "grouped_query", "head_width", "pre_norm", "slides", "stack"]

Reader: TypeAlias = "Callable[..., None]"
"""Called with a Model, token numbers (batch, sequence) and which logits are wanted; declares the network's outputs."""
Rotation: TypeAlias = "tuple[Tensor, Tensor] | None"


def causal(*model_types: str, defaults: Mapping[str, Any] | None = None) -> Callable[[Reader], Reader]:
    """Decorator: file a decoder under model types, with the options that all decoders have.

    ``sequence`` new tokens after ``past`` cached ones; ``logits`` of all positions or the last; ``skew`` of routing and
    ``expert_parallel`` devices, for mixtures of experts (see routing), which serve ``replicas`` of the other layers.
    """

    def file(read: Reader) -> Reader:
        def build(net: Network, config: Mapping[str, Any], batch: Any, *, sequence: Any = 128, past: Any = 0,
                  logits: str = "all", skew: float = 0.0, expert_parallel: int = 1, replicas: int = 1) -> None:
            c = Config(config, {"rms_norm_eps": 1e-6, "hidden_act": "silu", **(defaults or {})})
            read(Model(net, c, past, skew, expert_parallel, replicas), tokens(net, batch, sequence), logits)

        family(*model_types)(build)
        return read

    return file


def stack(m: Model, ids: Tensor, logits: str, block: Callable[[Tensor, int], Tensor], *, heads: tuple[str, ...],
          prefix: str = "model", layers: str = "layers", embeddings: str = "embed_tokens",
          embed: Callable[[Tensor], Tensor] | None = None, after: Callable[[Tensor, int], Tensor] | None = None,
          final: Callable[[Tensor], Tensor] | None = None,
          count: str = "num_hidden_layers", cap: float | None = None) -> None:
    """Embedding, blocks, norm, and the output layer where the first of ``heads`` is asked for.

    ``embed`` follows the embedding, ``after`` each block; ``final`` stands for the norm behind the last one; ``cap``
    bounds the logits.
    """
    net, c = m.net, m.c
    head = c.architecture(*heads)
    with net.scope(prefix):
        table = m.stored(f"{embeddings}.weight", (c.vocab_size, c.get("word_embed_proj_dim") or c.hidden_size))
        x = m.embed(ids, table, embeddings)
        x = x if embed is None else embed(x)
        for i in range(getattr(c, count)):
            with net.scope(f"{layers}.{i}"):
                x = block(x, i)
                x = x if after is None else after(x, i)
        x = m.rms_norm(x, "norm") if final is None else final(x)
    if head != heads[0]:
        net.output(x)
        return
    tied = c.get("tie_word_embeddings", False)
    y = m.project(m.last(x, logits), c.vocab_size, "lm_head", bool(c.get("lm_head_bias")), table if tied else None)
    net.output(y if cap is None else net.mul(net.tanh(net.div(y, cap)), cap))


def pre_norm(m: Model, x: Tensor, mixer: Callable[[Tensor], Tensor], feed_forward: Callable[[Tensor], Tensor],
             norms: tuple[str, str] = ("input_layernorm", "post_attention_layernorm")) -> Tensor:
    """x + mixer(norm x), then the same with the feed-forward layer."""
    x = m.net.add(x, mixer(m.rms_norm(x, norms[0])))
    return m.net.add(x, feed_forward(m.rms_norm(x, norms[1])))


def head_width(c: Config) -> int:
    """The width of a head: ``head_dim``, or the model's width over its heads."""
    return int(c.head_dim) if c.get("head_dim") else c.divide("hidden_size", "num_attention_heads")


def slides(c: Config, layer: int, otherwise: bool = False) -> int | None:
    """The window of a layer, or None where it sees all; ``otherwise`` says so without ``layer_types``."""
    kinds = c.get("layer_types")
    sliding = kinds[layer] == "sliding_attention" if kinds else otherwise
    return c.get("sliding_window") or None if sliding else None


def grouped_query(m: Model, x: Tensor, rotation: Rotation, *, bias: bool = False, out_bias: bool | None = None,
                  norm: bool = False, gate: bool = False, scope: str = "self_attn", out: str = "o_proj",
                  sinks: bool = False, width: int | None = None, after: Callable[[Tensor], Tensor] | None = None,
                  **options: Any) -> Tensor:
    """Attention with fewer key heads than query heads (Ainslie et al. 2023), rotary positions and the cache.

    ``norm`` normalises each head of queries and keys (Qwen3), ``after`` does something else to them behind the
    rotation; ``gate`` multiplies the result by a sigmoid that the query's projection gives too (Qwen3.5); ``sinks``
    are a learned extra score for each head (GPT-OSS); ``options`` go to the attention operator.
    """
    net, c = m.net, m.c
    width = head_width(c) if width is None else width
    heads = c.num_attention_heads
    few = c.get("num_key_value_heads") or heads
    with net.scope(scope):
        q = m.project(x, heads * width * (1 + gate), "q_proj", bias)
        opening = None
        if gate:
            q, opening = net.split(q, (heads * width, heads * width))
        k, v = (m.project(x, few * width, name, bias) for name in ("k_proj", "v_proj"))
        if norm:
            q, k = m.head_norm(q, heads, "q_norm"), m.head_norm(k, few, "k_norm")
        q, k = m.rotate(q, heads, rotation), m.rotate(k, few, rotation)
        if after is not None:
            q, k = after(q), after(k)
        learned = m.stored("sinks", (heads,)) if sinks else None
        y = m.attend(q, k, v, heads, few, sinks=learned, **options)
        if opening is not None:
            y = net.mul(y, net.sigmoid(opening))
        return m.project(y, x.shape[-1], out, bias if out_bias is None else out_bias)
