"""What the transformer families share: activations by name, projections to heads, feed-forward pairs, the KV cache."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tocompiler.network import Network
    from tocompiler.tensors import Tensor

__all__ = ["activation", "attention", "feed_forward", "heads", "remember", "tokens"]


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


def remember(net: Network, key: Tensor, value: Tensor, past: Any) -> tuple[Tensor, Tensor]:
    """Keys and values with those of ``past`` earlier tokens before them, which are inputs; the results are outputs."""
    if past == 0:
        return key, value
    grown = []
    for name, new in (("past_key", key), ("past_value", value)):
        batch, count, _, width = new.shape
        grown.append(net.concat([net.input((batch, count, past, width), new.format, name), new], 2))
    net.output(*grown)
    return grown[0], grown[1]
