"""DenseNet-121 (Huang et al. 2016), as in torchvision."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tocompiler.zoo import architecture
from tocompiler.zoo.blocks import classifier, conv_norm

if TYPE_CHECKING:
    from tocompiler.network import Network
    from tocompiler.tensors import Tensor

__all__ = ["densenet"]

_GROWTH = 32


@architecture(densenet121=(6, 12, 24, 16))
def densenet(net: Network, batch: Any, depths: tuple[int, ...], *, image_size: int = 224,
             num_classes: int = 1000) -> None:
    """Four blocks whose layers each read all that came before, with a transition that halves between them."""
    x = conv_norm(net, net.input((batch, 3, image_size, image_size)), 64, 7, 2, activation=net.relu)
    x = net.max_pool2d(x, 3, 2, 1)
    for i, depth in enumerate(depths, 1):
        with net.scope(f"block{i}"):
            x = _dense_block(net, x, depth)
        if i < len(depths):
            with net.scope(f"transition{i}"):
                x = net.avg_pool2d(net.conv2d(_norm_relu(net, x), x.shape[1] // 2, 1, bias=False), 2, 2)
    classifier(net, _norm_relu(net, x), num_classes)


def _norm_relu(net: Network, x: Tensor) -> Tensor:
    return net.relu(net.batch_norm(x))


def _dense_block(net: Network, x: Tensor, depth: int) -> Tensor:
    features = [x]
    for i in range(depth):
        with net.scope(str(i)):
            y = features[0] if i == 0 else net.concat(features)
            y = net.conv2d(_norm_relu(net, y), 4 * _GROWTH, 1, bias=False)
            features.append(net.conv2d(_norm_relu(net, y), _GROWTH, 3, padding=1, bias=False))
    return net.concat(features)
