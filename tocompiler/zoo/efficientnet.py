"""EfficientNet-B0 (Tan and Le 2019), as in torchvision."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tocompiler.zoo import architecture
from tocompiler.zoo.blocks import classifier, conv_norm, squeeze_excitation

if TYPE_CHECKING:
    from tocompiler.network import Network
    from tocompiler.tensors import Tensor

__all__ = ["efficientnet_b0"]

# expansion, kernel, stride, channels, repeats (Tan and Le, table 1)
_B0 = ((1, 3, 1, 16, 1), (6, 3, 2, 24, 2), (6, 5, 2, 40, 2), (6, 3, 2, 80, 3), (6, 5, 1, 112, 3), (6, 5, 2, 192, 4),
       (6, 3, 1, 320, 1))


@architecture("efficientnet_b0")
def efficientnet_b0(net: Network, batch: Any, *, image_size: int = 224, num_classes: int = 1000) -> None:
    """Inverted residuals with SiLU and squeeze-and-excitation in every block."""
    x = conv_norm(net, net.input((batch, 3, image_size, image_size)), 32, 3, 2, activation=net.silu)
    for stage, (expansion, kernel, stride, channels, repeats) in enumerate(_B0, 1):
        for i in range(repeats):
            with net.scope(f"stage{stage}.{i}"):
                x = _block(net, x, expansion, kernel, stride if i == 0 else 1, channels)
    classifier(net, conv_norm(net, x, 1280, 1, activation=net.silu), num_classes)


def _block(net: Network, x: Tensor, expansion: int, kernel: int, stride: int, channels: int) -> Tensor:
    hidden = x.shape[1] * expansion
    y = x if expansion == 1 else conv_norm(net, x, hidden, 1, activation=net.silu)
    y = conv_norm(net, y, hidden, kernel, stride, hidden, net.silu)
    y = squeeze_excitation(net, y, max(1, x.shape[1] // 4), net.silu, net.sigmoid)
    y = conv_norm(net, y, channels, 1)
    return net.add(y, x) if stride == 1 and x.shape == y.shape else y
