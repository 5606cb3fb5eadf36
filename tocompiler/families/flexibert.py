"""Heterogeneous encoders of the FlexiBERT space (Tuli et al., JAIR 2023): every layer its own width, heads and FFNs.

Layers are joined by ``/``; a layer is ``width;heads;hidden widths``: ``256;sa_sdp_64+l_dct_64;1024+1024``. Heads are
``sa_sdp_W`` and ``sa_wma_W`` (self-attention, scaled or weighted product), ``l_dft_W`` and ``l_dct_W`` (linear
transforms over the sequence) and ``c_K_W`` (span-based dynamic convolution, Jiang et al., ConvBERT, 2020).
Every head runs by itself, as the study's code does.
"""

from __future__ import annotations

from collections.abc import Mapping

from tocompiler.network import Network
from tocompiler.tensors import Tensor

__all__ = ["build"]

_VOCABULARY, _POSITIONS = 50265, 514  # RoBERTa's tokeniser, from the parameter counts of the study


def build(options: Mapping[str, str], batch: int = 1) -> Network:
    """``layers`` as above; ``length`` tokens per sequence (128)."""
    length = int(options.get("length", "128"))
    layers = [layer.split(";") for layer in options["layers"].split("/")]
    net = Network("flexibert")
    width = int(layers[0][0])
    tokens = net.input((batch * length,), "int64")
    x = net.embedding(tokens, _VOCABULARY, width)
    x = net.layer_norm(net.add(x, net.embedding(tokens, _POSITIONS, width)))
    for size, heads, feed_forward in layers:
        if int(size) != x.shape[-1]:
            x = net.linear(x, int(size))
        x = _layer(net, x, batch, heads.split("+"), [int(f) for f in feed_forward.split("+")])
    net.output(x)
    return net


def _layer(net: Network, x: Tensor, batch: int, heads: list[str], feed_forward: list[int]) -> Tensor:
    width = x.shape[-1]
    parts = [_head(net, x, batch, head) for head in heads]
    joined = parts[0] if len(parts) == 1 else net.concat(parts, axis=-1)
    x = net.layer_norm(net.add(x, net.linear(joined, width)))
    y = x
    for hidden in feed_forward:
        y = net.gelu(net.linear(y, hidden))
    return net.layer_norm(net.add(x, net.linear(y, width)))


def _head(net: Network, x: Tensor, batch: int, head: str) -> Tensor:
    kind, variant, size = head.split("_")
    width, rows = int(size), x.shape[0]

    def sequences(t: Tensor) -> Tensor:
        return net.reshape(t, (batch, rows // batch, t.shape[-1]))

    if kind == "sa":
        query, key, value = (net.linear(x, width) for _ in range(3))
        query = net.linear(query, width, bias=False) if variant == "wma" else query
        y = net.scaled_dot_product_attention(sequences(query), sequences(key), sequences(value))
    elif kind == "l":
        length = rows // batch
        along = net.stored((length, length), name="transform", kind="constant")
        across = net.stored((width, width), name="transform", kind="constant")
        y = net.matmul(net.matmul(along, sequences(net.linear(x, width))), across)
    elif kind == "c":
        y = _dynamic_convolution(net, x, width, int(variant))
    else:
        raise ValueError(f"unknown head '{head}'; use sa_sdp_W, sa_wma_W, l_dft_W, l_dct_W or c_K_W")
    return net.reshape(y, (rows, width))


def _dynamic_convolution(net: Network, x: Tensor, width: int, kernel: int) -> Tensor:
    """Query times a pointwise key convolution makes a kernel for each token, which sums that many neighbours."""
    query, key, value = (net.linear(x, width) for _ in range(3))
    weights = net.softmax(net.linear(net.mul(query, net.linear(x, width)), kernel))
    rows = x.shape[0]
    neighbours = net.expand(net.reshape(net.add(key, value), (rows, 1, width)), (rows, kernel, width))
    return net.matmul(net.reshape(weights, (rows, 1, kernel)), neighbours)
