"""SqueezeNet 1.0 and 1.1 (Iandola et al. 2016), as in torchvision."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tocompiler.zoo import architecture

if TYPE_CHECKING:
    from tocompiler.network import Network
    from tocompiler.tensors import Tensor

__all__ = ["squeezenet"]

# first convolution's channels and kernel; then the fire modules' squeezed and expanded channels, by stage
_V1_0 = (96, 7, (((16, 64), (16, 64), (32, 128)), ((32, 128), (48, 192), (48, 192), (64, 256)), ((64, 256),)))
_V1_1 = (64, 3, (((16, 64), (16, 64)), ((32, 128), (32, 128)), ((48, 192), (48, 192), (64, 256), (64, 256))))


@architecture(squeezenet1_0=_V1_0, squeezenet1_1=_V1_1)
def squeezenet(net: Network, batch: Any, variant: Any, *, image_size: int = 224, num_classes: int = 1000) -> None:
    """Fire modules in three stages, each after a pool, and a convolution as classifier."""
    channels, kernel, stages = variant
    x = net.relu(net.conv2d(net.input((batch, 3, image_size, image_size)), channels, kernel, 2))
    for i, stage in enumerate(stages, 1):
        x = net.max_pool2d(x, 3, 2, ceil_mode=True)
        for j, (squeezed, expanded) in enumerate(stage):
            with net.scope(f"fire{i}.{j}"):
                x = _fire(net, x, squeezed, expanded)
    x = net.relu(net.conv2d(x, num_classes, 1))
    net.output(net.flatten(net.adaptive_avg_pool2d(x, 1)))


def _fire(net: Network, x: Tensor, squeezed: int, expanded: int) -> Tensor:
    x = net.relu(net.conv2d(x, squeezed, 1))
    return net.concat([net.relu(net.conv2d(x, expanded, 1)), net.relu(net.conv2d(x, expanded, 3, padding=1))])
