"""Multilayer perceptrons by their widths."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from alu_library.functions import activation_names
from tocompiler.zoo import architecture

if TYPE_CHECKING:
    from tocompiler.network import Network

__all__ = ["mlp"]

_ACTIVATIONS = ("relu", "tanh", "sigmoid", "gelu", "silu", "elu", "selu", "leaky_relu", "softplus", "mish",
                "hard_swish", "hard_sigmoid", "softsign", "relu6", "celu")


@architecture("mlp")
def mlp(net: Network, batch: Any, *, widths: str = "784-128-10") -> None:
    """Linear layers with an activation between them: ``4-16-16-3:tanh`` (ReLU where none is named)."""
    layers, _, activation = widths.partition(":")
    activation = activation or "relu"
    if activation not in _ACTIVATIONS and activation not in activation_names():
        raise ValueError(f"mlp: unknown activation '{activation}'; there are {', '.join(_ACTIVATIONS)}")
    sizes = layers.split("-")
    if len(sizes) < 2 or not all(s.isdecimal() and int(s) for s in sizes):
        raise ValueError(f"mlp: widths are positive integers joined by '-', as in 4-16-16-3:tanh, got '{layers}'")
    x = net.input((batch, int(sizes[0])))
    for i, size in enumerate(sizes[1:]):
        if i > 0:
            x = getattr(net, activation)(x) if activation in _ACTIVATIONS else net.function(x, activation)
        x = net.linear(x, int(size))
    net.output(x)
