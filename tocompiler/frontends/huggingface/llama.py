"""Llama, Mistral, Qwen2 and Qwen3: pre-norm decoders with rotary positions and gated feed-forward layers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tocompiler.frontends.huggingface import Config, family
from tocompiler.frontends.huggingface.blocks import activation, heads, remember, tokens

if TYPE_CHECKING:
    from tocompiler.network import Network
    from tocompiler.tensors import Tensor

__all__ = ["llama"]

_DEFAULTS = {"hidden_act": "silu", "rms_norm_eps": 1e-6, "mlp_bias": False, "tie_word_embeddings": False}
# Whether queries, keys and values have a bias, where the configuration has no say: Qwen2's always do.
_ATTENTION_BIAS = {"qwen2": True}
_HEADS = {"llama": "Llama", "mistral": "Mistral", "qwen2": "Qwen2", "qwen3": "Qwen3"}


@family(*_HEADS)
def llama(net: Network, config: Mapping[str, Any], batch: Any, *, sequence: Any = 128, past: Any = 0,
          logits: str = "all") -> None:
    """A decoder with root-mean-square norms, grouped queries and an output layer.

    A sliding window masks scores without sparing products, so it changes no count of a prompt; it bounds the cache.
    """
    c = Config(config, _DEFAULTS)
    prefix = _HEADS[c.model_type]
    head = c.architecture(f"{prefix}ForCausalLM", f"{prefix}Model")
    table = net.stored((c.vocab_size, c.hidden_size), name="embed_tokens")
    x = net.embedding(tokens(net, batch, sequence), c.vocab_size, c.hidden_size, table)
    width = c.get("head_dim") or c.hidden_size // c.num_attention_heads
    with net.scope("rotary"):
        rotation = _rotation(net, sequence, width)
    for i in range(c.num_hidden_layers):
        with net.scope(f"layers.{i}"):
            cached = _within_window(c, i, past)
            x = net.add(x, _attention(net, c, net.rms_norm(x, eps=c.rms_norm_eps), width, rotation, cached))
            x = net.add(x, _gated(net, c, net.rms_norm(x, eps=c.rms_norm_eps)))
    x = net.rms_norm(x, eps=c.rms_norm_eps)
    if head.endswith("Model"):
        net.output(x)
        return
    x = x if logits == "all" else net.slice(x, sequence - 1, sequence, 1)
    net.output(net.linear(x, c.vocab_size, bias=False, weight=table if c.tie_word_embeddings else None))


def _within_window(c: Config, layer: int, past: Any) -> Any:
    """How many of the earlier tokens a layer keeps: with a window of w, w − 1 of them and the new one are seen."""
    kinds = c.get("layer_types")
    slides = kinds[layer] == "sliding_attention" if kinds else c.model_type == "mistral"
    if not slides or not c.get("sliding_window"):
        return past
    if isinstance(past, int):
        return min(past, c.sliding_window - 1)
    import sympy

    return sympy.Min(past, c.sliding_window - 1)


def _rotation(net: Network, sequence: Any, width: int) -> tuple[Tensor, Tensor]:
    """Cosines and sines of position times frequency, (1, 1, sequence, width)."""
    frequencies = net.stored((width // 2,), name="inv_freq", kind="buffer")
    positions = net.stored((1, sequence, 1), name="position_ids", kind="buffer")
    angles = net.mul(positions, frequencies)
    angles = net.concat([angles, angles], -1)
    cosine, sine = (net.emit(f, [angles])[0] for f in ("Cos", "Sin"))
    return net.unsqueeze(cosine, 1), net.unsqueeze(sine, 1)


def _rotate(net: Network, x: Tensor, rotation: tuple[Tensor, Tensor]) -> Tensor:
    """x·cos + (−x₂, x₁)·sin, the halves of the last axis swapped (Su et al. 2021)."""
    half = x.shape[-1] // 2
    first, second = net.slice(x, 0, half, 3), net.slice(x, half, 2 * half, 3)
    swapped = net.concat([net.emit("Neg", [second])[0], first], -1)
    return net.add(net.mul(x, rotation[0]), net.mul(swapped, rotation[1]))


def _attention(net: Network, c: Config, x: Tensor, width: int, rotation: tuple[Tensor, Tensor], past: Any) -> Tensor:
    with net.scope("self_attn"):
        bias = c.get("attention_bias", _ATTENTION_BIAS.get(c.model_type, False))
        few = c.get("num_key_value_heads") or c.num_attention_heads
        query, key, value = (heads(net, x, n, width, bias) for n in (c.num_attention_heads, few, few))
        if c.model_type == "qwen3":
            query, key = net.rms_norm(query, eps=c.rms_norm_eps), net.rms_norm(key, eps=c.rms_norm_eps)
        query, key = _rotate(net, query, rotation), _rotate(net, key, rotation)
        key, value = remember(net, key, value, past)
        y = net.scaled_dot_product_attention(query, key, value, is_causal=x.shape[1] != 1)
        return net.linear(net.merge_heads(y), c.hidden_size, bias and c.model_type != "qwen2")


def _gated(net: Network, c: Config, x: Tensor) -> Tensor:
    """down(act(gate(x)) · up(x))."""
    with net.scope("mlp"):
        gate = activation(net, c.hidden_act, net.linear(x, c.intermediate_size, c.mlp_bias))
        up = net.linear(x, c.intermediate_size, c.mlp_bias)
        return net.linear(net.mul(gate, up), c.hidden_size, c.mlp_bias)
