"""Blocks that several convolutional families share."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from tocompiler.network import Network
    from tocompiler.tensors import Tensor

__all__ = ["Activation", "classifier", "conv_norm", "divisible_by_8", "squeeze_excitation"]

Activation: TypeAlias = "Callable[[Tensor], Tensor] | None"


def conv_norm(net: Network, x: Tensor, out: int, kernel: int, stride: int = 1, groups: int = 1,
              activation: Activation = None, eps: float = 1e-5) -> Tensor:
    """Convolution padded to keep the size at stride 1, batch norm, activation."""
    x = net.conv2d(x, out, kernel, stride, (kernel - 1) // 2, groups=groups, bias=False)
    x = net.batch_norm(x, eps=eps)
    return x if activation is None else activation(x)


def squeeze_excitation(net: Network, x: Tensor, squeezed: int, activation: Callable[[Tensor], Tensor],
                       gate: Callable[[Tensor], Tensor]) -> Tensor:
    """Channels scaled by a gate computed from their means (Hu et al. 2018)."""
    with net.scope("squeeze"):
        scale = net.adaptive_avg_pool2d(x, 1)
        scale = activation(net.conv2d(scale, squeezed, 1))
        scale = gate(net.conv2d(scale, x.shape[1], 1))
        return net.mul(scale, x)


def classifier(net: Network, x: Tensor, num_classes: int) -> None:
    """Global average, flatten, one linear layer, which is the network's output."""
    x = net.flatten(net.adaptive_avg_pool2d(x, 1))
    net.output(net.linear(x, num_classes))


def divisible_by_8(channels: float) -> int:
    """Channels rounded to a multiple of 8, never more than 10 % down (MobileNetV2's reference code)."""
    rounded = max(8, int(channels + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * channels else rounded
