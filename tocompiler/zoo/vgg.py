"""VGG-11, 13, 16 and 19, without batch norm (Simonyan and Zisserman 2014)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tocompiler.zoo import architecture

if TYPE_CHECKING:
    from tocompiler.network import Network

__all__ = ["vgg"]

@architecture(vgg11=(1, 1, 2, 2, 2), vgg13=(2, 2, 2, 2, 2), vgg16=(2, 2, 3, 3, 3), vgg19=(2, 2, 4, 4, 4))
def vgg(net: Network, batch: Any, depths: tuple[int, ...], *, image_size: int = 224, num_classes: int = 1000) -> None:
    """Five stages of 3x3 convolutions, each followed by a pool, and three linear layers."""
    x = net.input((batch, 3, image_size, image_size))
    for stage, (depth, channels) in enumerate(zip(depths, (64, 128, 256, 512, 512), strict=True), 1):
        with net.scope(f"stage{stage}"):
            for _ in range(depth):
                x = net.relu(net.conv2d(x, channels, 3, 1, 1))
            x = net.max_pool2d(x, 2)
    x = net.flatten(net.adaptive_avg_pool2d(x, 7))
    for _ in range(2):
        x = net.relu(net.linear(x, 4096))
    net.output(net.linear(x, num_classes))
