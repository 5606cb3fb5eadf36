"""The four networks of MLPerf Tiny v1.0 (Banbury et al. 2021), as in its reference implementations.

TensorFlow's "same" padding at stride 2 puts the odd element at the end; pads are written out where that happens.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tocompiler.zoo import architecture

if TYPE_CHECKING:
    from tocompiler.network import Network
    from tocompiler.tensors import Tensor

__all__ = ["autoencoder", "ds_cnn", "mobilenet", "resnet8"]

_KERAS_EPS = 0.001


@architecture("mlperf_tiny_autoencoder")
def autoencoder(net: Network, batch: Any) -> None:
    """Anomaly detection on 640 spectral features: 128-wide layers around a bottleneck of 8."""
    x = net.input((batch, 640))
    for width in (128, 128, 128, 128, 8, 128, 128, 128, 128):
        x = net.relu(net.batch_norm(net.linear(x, width), eps=_KERAS_EPS))
    net.output(net.linear(x, 640))


@architecture("mlperf_tiny_ds_cnn")
def ds_cnn(net: Network, batch: Any) -> None:
    """Keyword spotting on 49x10 cepstral features: depthwise-separable convolutions of 64 channels."""
    x = _conv(net, net.input((batch, 1, 49, 10)), 64, (10, 4), 2, (4, 1, 5, 1))
    for _ in range(4):
        x = _conv(net, _conv(net, x, 64, 3, 1, 1, 64), 64, 1)
    net.output(net.softmax(net.linear(net.flatten(net.avg_pool2d(x, x.shape[2:])), 12)))


@architecture("mlperf_tiny_resnet8")
def resnet8(net: Network, batch: Any) -> None:
    """Image classification on 32x32 pixels: three residual stacks."""
    x = _conv(net, net.input((batch, 3, 32, 32)), 16, 3, 1, 1)
    for channels, stride in ((16, 1), (32, 2), (64, 2)):
        y = _conv(net, x, channels, 3, stride, 1 if stride == 1 else (0, 0, 1, 1))
        y = net.batch_norm(net.conv2d(y, channels, 3, padding=1), eps=_KERAS_EPS)
        shortcut = x if stride == 1 else net.conv2d(x, channels, 1, stride)
        x = net.relu(net.add(shortcut, y))
    net.output(net.softmax(net.linear(net.flatten(net.avg_pool2d(x, 8)), 10)))


@architecture("mlperf_tiny_mobilenet")
def mobilenet(net: Network, batch: Any) -> None:
    """Visual wake words on 96x96 pixels: MobileNetV1 with a quarter of the channels."""
    x = _conv(net, net.input((batch, 3, 96, 96)), 8, 3, 2, (0, 0, 1, 1))
    for channels, stride in ((16, 1), (32, 2), (32, 1), (64, 2), (64, 1), (128, 2), *((128, 1),) * 5, (256, 2),
                             (256, 1)):
        x = _conv(net, x, x.shape[1], 3, stride, 1 if stride == 1 else (0, 0, 1, 1), x.shape[1])
        x = _conv(net, x, channels, 1)
    net.output(net.softmax(net.linear(net.flatten(net.avg_pool2d(x, 3)), 2)))


def _conv(net: Network, x: Tensor, out: int, kernel: int | tuple[int, int], stride: int = 1,
          padding: int | tuple[int, ...] = 0, groups: int = 1) -> Tensor:
    """Convolution, batch norm and ReLU as Keras layers, with a bias as is their default."""
    x = net.conv2d(x, out, kernel, stride, padding, groups=groups)
    return net.relu(net.batch_norm(x, eps=_KERAS_EPS))
