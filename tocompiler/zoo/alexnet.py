"""AlexNet: torchvision's one-tower version (Krizhevsky 2014) and the grouped network of 2012."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tocompiler.zoo import architecture

if TYPE_CHECKING:
    from tocompiler.network import Network
    from tocompiler.tensors import Tensor

__all__ = ["alexnet", "alexnet_2012"]


def _head(net: Network, x: Tensor, num_classes: int) -> None:
    x = net.flatten(x)
    for _ in range(2):
        x = net.relu(net.linear(x, 4096))
    net.output(net.linear(x, num_classes))


@architecture("alexnet")
def alexnet(net: Network, batch: Any, *, image_size: int = 224, num_classes: int = 1000) -> None:
    """torchvision's alexnet."""
    x = net.input((batch, 3, image_size, image_size))
    x = net.max_pool2d(net.relu(net.conv2d(x, 64, 11, 4, 2)), 3, 2)
    x = net.max_pool2d(net.relu(net.conv2d(x, 192, 5, 1, 2)), 3, 2)
    for channels in (384, 256, 256):
        x = net.relu(net.conv2d(x, channels, 3, 1, 1))
    x = net.adaptive_avg_pool2d(net.max_pool2d(x, 3, 2), 6)
    _head(net, x, num_classes)


@architecture("alexnet_2012")
def alexnet_2012(net: Network, batch: Any, *, image_size: int = 227, num_classes: int = 1000) -> None:
    """The network of the paper, on 227x227 pixels as its own code had it: two groups in layers 2, 4 and 5."""
    x = net.input((batch, 3, image_size, image_size))
    x = net.local_response_norm(net.relu(net.conv2d(x, 96, 11, 4)), 5, k=2.0)
    x = net.relu(net.conv2d(net.max_pool2d(x, 3, 2), 256, 5, 1, 2, groups=2))
    x = net.max_pool2d(net.local_response_norm(x, 5, k=2.0), 3, 2)
    for channels, groups in ((384, 1), (384, 2), (256, 2)):
        x = net.relu(net.conv2d(x, channels, 3, 1, 1, groups=groups))
    _head(net, net.max_pool2d(x, 3, 2), num_classes)
