"""MobileNetV2 (Sandler et al. 2018) and V3 (Howard et al. 2019), as in torchvision."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tocompiler.zoo import architecture
from tocompiler.zoo.blocks import Activation, classifier, conv_norm, divisible_by_8, squeeze_excitation

if TYPE_CHECKING:
    from tocompiler.network import Network
    from tocompiler.tensors import Tensor

__all__ = ["mobilenet_v2", "mobilenet_v3"]

_V3_EPS = 0.001

# expansion, channels, repeats, stride (Sandler et al., table 2)
_V2 = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))

# kernel, expanded channels, channels, squeeze-and-excitation, hard swish, stride (Howard et al., tables 1 and 2)
_LARGE = (
    (3, 16, 16, False, False, 1), (3, 64, 24, False, False, 2), (3, 72, 24, False, False, 1),
    (5, 72, 40, True, False, 2), (5, 120, 40, True, False, 1), (5, 120, 40, True, False, 1),
    (3, 240, 80, False, True, 2), (3, 200, 80, False, True, 1), (3, 184, 80, False, True, 1),
    (3, 184, 80, False, True, 1), (3, 480, 112, True, True, 1), (3, 672, 112, True, True, 1),
    (5, 672, 160, True, True, 2), (5, 960, 160, True, True, 1), (5, 960, 160, True, True, 1),
)
_SMALL = (
    (3, 16, 16, True, False, 2), (3, 72, 24, False, False, 2), (3, 88, 24, False, False, 1),
    (5, 96, 40, True, True, 2), (5, 240, 40, True, True, 1), (5, 240, 40, True, True, 1),
    (5, 120, 48, True, True, 1), (5, 144, 48, True, True, 1), (5, 288, 96, True, True, 2),
    (5, 576, 96, True, True, 1), (5, 576, 96, True, True, 1),
)


@architecture("mobilenet_v2")
def mobilenet_v2(net: Network, batch: Any, *, image_size: int = 224, num_classes: int = 1000) -> None:
    """Inverted residuals with ReLU6 and linear bottlenecks."""
    x = conv_norm(net, net.input((batch, 3, image_size, image_size)), 32, 3, 2, activation=net.relu6)
    for expansion, channels, repeats, stride in _V2:
        for i in range(repeats):
            with net.scope(f"block{channels}.{i}"):
                hidden = x.shape[1] * expansion
                x = _inverted(net, x, hidden, channels, 3, stride if i == 0 else 1, net.relu6)
    classifier(net, conv_norm(net, x, 1280, 1, activation=net.relu6), num_classes)


@architecture(mobilenet_v3_large=(_LARGE, 1280), mobilenet_v3_small=(_SMALL, 1024))
def mobilenet_v3(net: Network, batch: Any, variant: Any, *, image_size: int = 224, num_classes: int = 1000) -> None:
    """Inverted residuals, some with squeeze-and-excitation and hard swish; two linear layers at the end."""
    blocks, last = variant
    x = net.input((batch, 3, image_size, image_size))
    x = conv_norm(net, x, 16, 3, 2, activation=net.hard_swish, eps=_V3_EPS)
    for i, (kernel, hidden, channels, squeeze, swish, stride) in enumerate(blocks):
        with net.scope(f"block{i}"):
            activation = net.hard_swish if swish else net.relu
            squeezed = divisible_by_8(hidden // 4) if squeeze else 0
            x = _inverted(net, x, hidden, channels, kernel, stride, activation, squeezed, _V3_EPS)
    x = conv_norm(net, x, 6 * x.shape[1], 1, activation=net.hard_swish, eps=_V3_EPS)
    x = net.flatten(net.adaptive_avg_pool2d(x, 1))
    net.output(net.linear(net.hard_swish(net.linear(x, last)), num_classes))


def _inverted(net: Network, x: Tensor, hidden: int, channels: int, kernel: int, stride: int, activation: Activation,
              squeezed: int = 0, eps: float = 1e-5) -> Tensor:
    """Expand, convolve each channel, gate, project; the input is added where shapes allow."""
    y = x if hidden == x.shape[1] else conv_norm(net, x, hidden, 1, activation=activation, eps=eps)
    y = conv_norm(net, y, hidden, kernel, stride, hidden, activation, eps)
    if squeezed:
        y = squeeze_excitation(net, y, squeezed, net.relu, net.hard_sigmoid)
    y = conv_norm(net, y, channels, 1, eps=eps)
    return net.add(x, y) if stride == 1 and x.shape == y.shape else y
