"""One layer as a network: ``conv2d 64x56x56 out_channels=64 kernel_size=3`` (input shape without the batch)."""

from __future__ import annotations

import ast

from tocompiler.network import Network

__all__ = ["LAYERS", "layer"]

LAYERS = ("conv2d", "linear", "max_pool2d", "avg_pool2d", "adaptive_avg_pool2d", "relu", "sigmoid", "tanh", "gelu",
          "silu", "softmax", "dropout", "batch_norm", "layer_norm", "flatten")
"""Layer methods that a table may name."""


def layer(text: str, batch: int = 1) -> Network:
    """Build the layer; ValueError says which part of the text is wrong.

    >>> [op.operator for op in layer("linear 64 out_features=10", batch=8).operators]
    ['Gemm']
    """
    name, shape, *arguments = text.split()
    if name not in LAYERS:
        raise ValueError(f"'{text}': unknown layer '{name}'; use one of {', '.join(LAYERS)}")
    try:
        sizes = tuple(int(d) for d in shape.split("x"))
        values = {k: ast.literal_eval(v) for k, v in (a.split("=", 1) for a in arguments)}
    except (ValueError, SyntaxError):
        raise ValueError(f"'{text}': write LAYER CHANNELSxHEIGHTxWIDTH name=value ...") from None
    net = Network(text)
    try:
        net.output(getattr(net, name)(net.input((batch, *sizes)), **values))
    except TypeError as error:
        raise ValueError(f"'{text}': {error}") from None
    return net
