"""ResNet-18 to 152, torchvision's variant: the stride of a bottleneck is in its 3x3 convolution (He et al. 2015)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tocompiler.zoo import architecture
from tocompiler.zoo.blocks import classifier, conv_norm

if TYPE_CHECKING:
    from tocompiler.network import Network
    from tocompiler.tensors import Tensor

__all__ = ["resnet"]


def _basic(net: Network, x: Tensor, planes: int, stride: int) -> Tensor:
    y = conv_norm(net, x, planes, 3, stride, activation=net.relu)
    return conv_norm(net, y, planes, 3)


def _bottleneck(net: Network, x: Tensor, planes: int, stride: int) -> Tensor:
    y = conv_norm(net, x, planes, 1, activation=net.relu)
    y = conv_norm(net, y, planes, 3, stride, activation=net.relu)
    return conv_norm(net, y, 4 * planes, 1)


@architecture(
    resnet18=(_basic, (2, 2, 2, 2)), resnet34=(_basic, (3, 4, 6, 3)), resnet50=(_bottleneck, (3, 4, 6, 3)),
    resnet101=(_bottleneck, (3, 4, 23, 3)), resnet152=(_bottleneck, (3, 8, 36, 3)),
)
def resnet(net: Network, batch: Any, variant: Any, *, image_size: int = 224, num_classes: int = 1000,
           width: int = 64) -> None:
    """A stem, four stages of residual blocks and a linear classifier; ``width`` is the stem's and the first stage's."""
    block, depths = variant
    x = net.input((batch, 3, image_size, image_size))
    x = net.max_pool2d(conv_norm(net, x, width, 7, 2, activation=net.relu), 3, 2, 1)
    for stage, depth in enumerate(depths):
        for i in range(depth):
            stride = 2 if stage > 0 and i == 0 else 1
            with net.scope(f"layer{stage + 1}.{i}"):
                y = block(net, x, width * 2**stage, stride)
                if y.shape != x.shape:
                    with net.scope("downsample"):
                        x = conv_norm(net, x, y.shape[1], 1, stride)
                x = net.relu(net.add(y, x))
    classifier(net, x, num_classes)
