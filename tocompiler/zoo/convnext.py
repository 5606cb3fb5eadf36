"""ConvNeXt-Base (Liu et al. 2022), as in torchvision."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tocompiler.zoo import architecture

if TYPE_CHECKING:
    from tocompiler.network import Network
    from tocompiler.tensors import Tensor

__all__ = ["convnext"]

_EPS = 1e-6


@architecture(convnext_base=((128, 256, 512, 1024), (3, 3, 27, 3)))
def convnext(net: Network, batch: Any, variant: Any, *, image_size: int = 224, num_classes: int = 1000) -> None:
    """Depthwise 7x7 convolutions and a widening pair of linear layers, in four stages."""
    widths, depths = variant
    x = net.input((batch, 3, image_size, image_size))
    for stage, (width, depth) in enumerate(zip(widths, depths, strict=True)):
        with net.scope(f"stage{stage + 1}"):
            if stage == 0:
                x = _channel_norm(net, net.conv2d(x, width, 4, 4))
            else:
                x = net.conv2d(_channel_norm(net, x), width, 2, 2)
        for i in range(depth):
            with net.scope(f"stage{stage + 1}.{i}"):
                x = _block(net, x)
    x = net.flatten(_channel_norm(net, net.adaptive_avg_pool2d(x, 1)))
    net.output(net.linear(x, num_classes))


def _channel_norm(net: Network, x: Tensor) -> Tensor:
    """Layer norm over the channel axis."""
    return net.permute(net.layer_norm(net.permute(x, (0, 2, 3, 1)), eps=_EPS), (0, 3, 1, 2))


def _block(net: Network, x: Tensor) -> Tensor:
    channels = x.shape[1]
    y = net.permute(net.conv2d(x, channels, 7, padding=3, groups=channels), (0, 2, 3, 1))
    y = net.linear(net.gelu(net.linear(net.layer_norm(y, eps=_EPS), 4 * channels)), channels)
    scale = net.stored((channels, 1, 1), name="layer_scale")
    return net.add(net.mul(scale, net.permute(y, (0, 3, 1, 2))), x)
