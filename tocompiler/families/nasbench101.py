"""NAS-Bench-101 networks: a cell, given as an adjacency matrix and operations, stacked three by three.

Rules as published: Ying et al., NAS-Bench-101 (ICML 2019), section 2 and its supplement; channel counts of the
vertices that feed the concatenation split the output channels evenly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tocompiler.network import Network
from tocompiler.tensors import Tensor

__all__ = ["build", "vertex_channels"]

_STEM, _STACKS, _CELLS, _IMAGE, _CLASSES = 128, 3, 3, 32, 10


def build(options: Mapping[str, str], batch: int = 1) -> Network:
    """``matrix`` is rows of 0 and 1 joined by ``/``, ``operations`` the inner vertices' joined by ``+``."""
    matrix = [[int(x) for x in row] for row in options["matrix"].split("/")]
    operations = [o for o in options["operations"].split("+") if o]
    net = Network("nasbench101")
    x = _conv(net, net.input((batch, 3, _IMAGE, _IMAGE)), _STEM, 3)
    channels = _STEM
    for stack in range(_STACKS):
        if stack:
            x, channels = net.max_pool2d(x, 2, 2), 2 * channels
        for _ in range(_CELLS):
            x = _cell(net, x, matrix, operations, channels)
    pooled = net.flatten(net.adaptive_avg_pool2d(x, 1))
    net.output(net.linear(pooled, _CLASSES))
    return net


def vertex_channels(matrix: Sequence[Sequence[int]], channels_in: int, channels_out: int) -> list[int]:
    """Channels of every vertex: what meets in the concatenation shares the output's, the rest follows its readers."""
    last = len(matrix) - 1
    channels = [channels_in] + [0] * (last - 1) + [channels_out]
    feeding = [v for v in range(1, last) if matrix[v][last]]
    for i, v in enumerate(feeding):
        channels[v] = channels_out // len(feeding) + (1 if i < channels_out % len(feeding) else 0)
    for v in range(last - 2, 0, -1):
        if not matrix[v][last]:
            channels[v] = max(channels[d] for d in range(v + 1, last) if matrix[v][d])
    return channels


def _cell(net: Network, x: Tensor, matrix: Sequence[Sequence[int]], operations: Sequence[str], width: int) -> Tensor:
    last = len(matrix) - 1
    channels = vertex_channels(matrix, x.shape[1], width)
    tensors = [x]
    for v in range(1, last):
        inputs = [_truncated(net, tensors[s], channels[v]) for s in range(1, v) if matrix[s][v]]
        if matrix[0][v]:
            inputs.append(_conv(net, x, channels[v], 1))
        tensors.append(_operation(net, _sum(net, inputs), operations[v - 1], channels[v]))
    feeding = [tensors[v] for v in range(1, last) if matrix[v][last]]
    if not feeding:
        return _conv(net, x, width, 1)
    y = feeding[0] if len(feeding) == 1 else net.concat(feeding, axis=1)
    return net.add(y, _conv(net, x, width, 1)) if matrix[0][last] else y


def _sum(net: Network, tensors: Sequence[Tensor]) -> Tensor:
    total = tensors[0]
    for t in tensors[1:]:
        total = net.add(total, t)
    return total


def _truncated(net: Network, x: Tensor, channels: int) -> Tensor:
    return x if x.shape[1] == channels else net.slice(x, 0, channels, 1)


def _operation(net: Network, x: Tensor, operation: str, channels: int) -> Tensor:
    if operation == "maxpool3x3":
        return net.max_pool2d(x, 3, 1, padding=1)
    sizes = {"conv1x1-bn-relu": 1, "conv3x3-bn-relu": 3}
    if operation not in sizes:
        raise ValueError(f"unknown operation '{operation}'; use maxpool3x3, {', '.join(sizes)}")
    return _conv(net, x, channels, sizes[operation])


def _conv(net: Network, x: Tensor, channels: int, kernel: int) -> Tensor:
    return net.relu(net.batch_norm(net.conv2d(x, channels, kernel, padding=kernel // 2, bias=False)))
