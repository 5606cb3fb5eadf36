"""The networks of the QuTiBench study (Blott et al., 2021): perceptrons, CNV, GoogLeNet, ResNet-50 and MobileNet.

Widths are those of the study: ``mlp`` is 784-2048x3-10 and ``cnv`` the BNN-PYNQ CNV (Umuroglu et al., FINN, 2017)
with doubled channels, both at a fraction ``width``. They give the study's own counts of products exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tocompiler.network import Network
from tocompiler.tensors import Tensor

__all__ = ["build"]


def build(options: Mapping[str, str], batch: int = 1) -> Network:
    """``name`` is mlp, cnv, googlenet, resnet50 or mobilenet; ValueError for any other."""
    builders: dict[str, Callable[[Network, int, float], Tensor]] = {
        "mlp": _mlp, "cnv": _cnv, "googlenet": _googlenet, "resnet50": _resnet50, "mobilenet": _mobilenet,
    }
    name = options.get("name", "")
    if name not in builders:
        raise ValueError(f"unknown network '{name}'; use one of {', '.join(builders)}")
    net = Network(f"qutibench_{name}")
    net.output(builders[name](net, batch, float(options.get("width", "1"))))
    return net


def _mlp(net: Network, batch: int, width: float) -> Tensor:
    x = net.input((batch, 784))
    for _ in range(3):
        x = net.relu(net.linear(x, round(2048 * width), bias=False))
    return net.linear(x, 10, bias=False)


def _cnv(net: Network, batch: int, width: float) -> Tensor:
    x = net.input((batch, 3, 32, 32))
    for stage, channels in enumerate((128, 256, 512)):
        for _ in range(2):
            x = net.relu(net.conv2d(x, round(channels * width), 3, bias=False))
        x = net.max_pool2d(x, 2) if stage < 2 else x
    x = net.flatten(x)
    for _ in range(2):
        x = net.relu(net.linear(x, round(1024 * width), bias=False))
    return net.linear(x, 10, bias=False)


def _conv(net: Network, x: Tensor, channels: int, kernel: int, stride: int = 1, groups: int = 1) -> Tensor:
    y = net.conv2d(x, channels, kernel, stride=stride, padding=kernel // 2, groups=groups, bias=False)
    return net.relu(net.batch_norm(y))


_INCEPTION = ((64, 96, 128, 16, 32, 32), (128, 128, 192, 32, 96, 64), (192, 96, 208, 16, 48, 64),
              (160, 112, 224, 24, 64, 64), (128, 128, 256, 24, 64, 64), (112, 144, 288, 32, 64, 64),
              (256, 160, 320, 32, 128, 128), (256, 160, 320, 32, 128, 128), (384, 192, 384, 48, 128, 128))
"""Channels of the inception modules 3a to 5b (Szegedy et al., 2015, table 1)."""


def _googlenet(net: Network, batch: int, width: float) -> Tensor:
    x = net.max_pool2d(_conv(net, net.input((batch, 3, 224, 224)), 64, 7, 2), 3, 2, padding=1)
    x = net.max_pool2d(_conv(net, _conv(net, x, 64, 1), 192, 3), 3, 2, padding=1)
    for i, (one, reduce3, three, reduce5, five, pool) in enumerate(_INCEPTION):
        if i in (2, 7):
            x = net.max_pool2d(x, 3, 2, padding=1)
        branches = [_conv(net, x, one, 1), _conv(net, _conv(net, x, reduce3, 1), three, 3),
                    _conv(net, _conv(net, x, reduce5, 1), five, 5),
                    _conv(net, net.max_pool2d(x, 3, 1, padding=1), pool, 1)]
        x = net.concat(branches, axis=1)
    return net.linear(net.flatten(net.adaptive_avg_pool2d(x, 1)), 1000)


def _resnet50(net: Network, batch: int, width: float) -> Tensor:
    """He et al. (2015): the stride stands in the first 1x1 convolution."""
    x = net.max_pool2d(_conv(net, net.input((batch, 3, 224, 224)), 64, 7, 2), 3, 2, padding=1)
    for stage, (channels, blocks) in enumerate(((64, 3), (128, 4), (256, 6), (512, 3))):
        for block in range(blocks):
            stride = 2 if stage and not block else 1
            y = _conv(net, _conv(net, x, channels, 1, stride), channels, 3)
            y = net.batch_norm(net.conv2d(y, 4 * channels, 1, bias=False))
            skip = x if block else net.batch_norm(net.conv2d(x, 4 * channels, 1, stride=stride, bias=False))
            x = net.relu(net.add(y, skip))
    return net.linear(net.flatten(net.adaptive_avg_pool2d(x, 1)), 1000)


def _mobilenet(net: Network, batch: int, width: float) -> Tensor:
    """Howard et al. (2017), table 1."""
    x = _conv(net, net.input((batch, 3, 224, 224)), 32, 3, 2)
    for channels, stride in ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *(((512, 1),) * 5), (1024, 2),
                             (1024, 1)):
        x = _conv(net, _conv(net, x, x.shape[1], 3, stride, groups=x.shape[1]), channels, 1)
    return net.linear(net.flatten(net.adaptive_avg_pool2d(x, 1)), 1000)
