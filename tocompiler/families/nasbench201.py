"""NAS-Bench-201 networks: a cell of four nodes, whose six edges are one of five operations each, stacked five times in
each of three stages.

Rules as published: Dong and Yang, NAS-Bench-201 (ICLR 2020), section 2. An edge is ReLU, convolution, batch norm; a
node is the sum of its edges; residual blocks of stride 2 lie between the stages. Edges that no live path needs
(``none``, and what hangs on nothing else) are not executed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tocompiler.network import Network
from tocompiler.tensors import Tensor

__all__ = ["EDGES", "OPERATIONS", "build", "edge", "live", "operations_of", "reduction", "stem"]

OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
EDGES = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))
"""Source and target of each edge, in the order of an architecture's text."""
STAGES = ((16, 32), (32, 16), (64, 8))
"""Channels and image size of each stage."""
CELLS, CLASSES = 5, 10
Array = np.ndarray[Any, np.dtype[Any]]


def operations_of(arch: str) -> tuple[int, ...]:
    """The place of each edge's operation, from ``|nor_conv_3x3~0|+|none~0|skip_connect~1|+|...|``."""
    words = [word.partition("~") for word in arch.replace("+", "|").split("|") if word]
    if [int(source) for _, _, source in words if source.isdecimal()] != [source for source, _ in EDGES]:
        raise ValueError(f"'{arch}' is no architecture of NAS-Bench-201: write |op~0|+|op~0|op~1|+|op~0|op~1|op~2|")
    for name, _, _ in words:
        if name not in OPERATIONS:
            raise ValueError(f"unknown operation '{name}'; use {', '.join(OPERATIONS)}")
    return tuple(OPERATIONS.index(name) for name, _, _ in words)


def live(operations: Array) -> Array:
    """Which edges lie on a path from the cell's input to its output: (..., 6) operations, (..., 6) truth values.

    >>> live(np.array([3, 0, 0, 0, 0, 3])).tolist()
    [False, False, False, False, False, False]
    """
    there = np.moveaxis(np.asarray(operations) != OPERATIONS.index("none"), -1, 0)
    reached = [np.ones(there.shape[1:], bool), *(np.zeros(there.shape[1:], bool) for _ in range(3))]
    needed = [*(np.zeros(there.shape[1:], bool) for _ in range(3)), np.ones(there.shape[1:], bool)]
    for i, (source, target) in enumerate(EDGES):
        reached[target] = reached[target] | (there[i] & reached[source])
    for i, (source, target) in reversed(list(enumerate(EDGES))):
        needed[source] = needed[source] | (there[i] & needed[target])
    return np.stack([there[i] & reached[s] & needed[t] for i, (s, t) in enumerate(EDGES)], axis=-1)


def build(options: Mapping[str, str], batch: Any = 1) -> Network:
    """``arch`` is the architecture's text. ValueError where no path leads through its cell."""
    operations = operations_of(options.get("arch", ""))
    alive = live(np.array(operations))
    if not alive.any():
        raise ValueError("no path leads through the cell: every way from its input to its output has a 'none'")
    net = Network("nasbench201")
    x = stem(net, net.input((batch, 3, STAGES[0][1], STAGES[0][1])))
    for stage, (channels, _) in enumerate(STAGES):
        if stage:
            x = reduction(net, x, channels)
        for _ in range(CELLS):
            x = _cell(net, x, operations, alive)
    x = head(net, x)
    net.output(x)
    return net


def stem(net: Network, x: Tensor) -> Tensor:
    """The first convolution."""
    return net.batch_norm(net.conv2d(x, STAGES[0][0], 3, padding=1, bias=False))


def reduction(net: Network, x: Tensor, channels: int) -> Tensor:
    """A residual block of stride 2."""
    y = _conv(net, _conv(net, x, channels, 3, 2), channels, 3)
    return net.add(net.conv2d(net.avg_pool2d(x, 2, 2), channels, 1, bias=False), y)


def head(net: Network, x: Tensor) -> Tensor:
    """Batch norm, ReLU, global average and a linear classifier."""
    pooled = net.adaptive_avg_pool2d(net.relu(net.batch_norm(x)), 1)
    return net.linear(net.flatten(pooled), CLASSES)


def edge(net: Network, x: Tensor, operation: str) -> Tensor:
    """What an edge makes of its node."""
    if operation == "skip_connect":
        return x
    if operation == "avg_pool_3x3":
        return net.avg_pool2d(x, 3, 1, padding=1, count_include_pad=False)
    return _conv(net, x, x.shape[1], {"nor_conv_1x1": 1, "nor_conv_3x3": 3}[operation])


def _cell(net: Network, x: Tensor, operations: tuple[int, ...], alive: Array) -> Tensor:
    nodes: list[Tensor | None] = [x, None, None, None]
    for i, (source, target) in enumerate(EDGES):
        start, so_far = nodes[source], nodes[target]
        if alive[i] and start is not None:
            y = edge(net, start, OPERATIONS[operations[i]])
            nodes[target] = y if so_far is None else net.add(so_far, y)
    assert nodes[3] is not None
    return nodes[3]


def _conv(net: Network, x: Tensor, channels: int, kernel: int, stride: int = 1) -> Tensor:
    x = net.conv2d(net.relu(x), channels, kernel, stride, kernel // 2, bias=False)
    return net.batch_norm(x)
