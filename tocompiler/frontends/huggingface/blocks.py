"""What the transformer families share: activations by name, projections to heads, feed-forward pairs, a cache."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tocompiler.network import Network
    from tocompiler.tensors import Tensor

__all__ = ["activation", "attend_cached", "attention", "feed_forward", "heads", "tokens"]


def activation(net: Network, name: str, x: Tensor) -> Tensor:
    """The activation that a configuration names; the three ways of writing tanh-GELU are one."""
    if name in ("gelu_new", "gelu_pytorch_tanh", "gelu_fast"):
        return net.gelu(x, "tanh")
    if name in ("swish", "silu"):
        return net.silu(x)
    if name in ("gelu", "relu", "quick_gelu", "tanh", "sigmoid", "relu6", "mish"):
        result: Tensor = getattr(net, name)(x)
        return result
    raise ValueError(f"activation '{name}' is not modelled")


def tokens(net: Network, batch: Any, sequence: Any, name: str = "input_ids") -> Tensor:
    """The input of token numbers."""
    return net.input((batch, sequence), "int64", name)


def heads(net: Network, x: Tensor, count: int, width: int, bias: bool = True) -> Tensor:
    """A linear projection to ``count`` heads: (batch, count, length, width)."""
    return net.split_heads(net.linear(x, count * width, bias), count)


def attention(net: Network, x: Tensor, count: int, bias: bool = True, source: Tensor | None = None,
              mask: Tensor | None = None) -> Tensor:
    """Queries from ``x``, keys and values from ``source`` (default: x), and the output projection."""
    width = x.shape[-1] // count
    source = x if source is None else source
    query, key, value = (heads(net, t, count, width, bias) for t in (x, source, source))
    return net.linear(net.merge_heads(net.scaled_dot_product_attention(query, key, value, mask)), x.shape[-1], bias)


def feed_forward(net: Network, x: Tensor, hidden: int, act: str, bias: bool = True) -> Tensor:
    """Two linear layers with an activation between."""
    return net.linear(activation(net, act, net.linear(x, hidden, bias)), x.shape[-1], bias)


def attend_cached(net: Network, query: Tensor, key: Tensor, value: Tensor, past: Any) -> Tensor:
    """Attention of (batch, heads, length, width) over ``past`` earlier tokens, whose keys and values are inputs that
    are read in place, and the new ones."""
    batch, count, length, width = key.shape
    held = [net.input((batch, count, past, width), key.format, name) for name in ("past_key", "past_value")]
    return net.emit("Attention", [query, key, value, None, *held], {"is_causal": int(length != 1)}, "attention",
                    outputs=1)[0]
