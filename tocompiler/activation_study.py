"""The same network with different activations: equal products, unequal transistor operations, energy and run time.

Three networks (two perceptrons of the size of UCI data sets and a small convolutional one), five activations, inference
and training; and how transistor operations and energy grow with the width and the depth of a perceptron.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import tocompiler
from tocompiler.costing import TransistorProgram
from tocompiler.extras import needs
from tocompiler.network import Network

__all__ = ["ACTIVATIONS", "NETWORKS", "PHASES", "Scaling", "StudyRow", "network", "rows", "run_second", "scaling"]

ACTIVATIONS = ("relu", "sigmoid", "tanh", "gelu", "silu")
NETWORKS = ("mlp:4-16-16-3", "mlp:30-64-32-2", "cnn")
PHASES = ("inference", "training")
WIDTHS = (16, 32, 64, 128, 256, 512)
DEPTHS = (2, 4, 8, 16, 32)
FIXED_WIDTH, FIXED_DEPTH = 64, 4
_ACTIVATION_OPERATORS = frozenset({"Relu", "Sigmoid", "Tanh", "Gelu", "Swish"})
_CHANNELS, _CLASSES, _PIXELS = (8, 16), 10, 28  # of the small convolutional network

Energy = Callable[[TransistorProgram], float]
"""Joule for one execution of a program."""


@dataclass(frozen=True)
class StudyRow:
    """One network with one activation in one phase, for the whole batch; ``run_second`` is None where not measured."""

    network: str
    activation: str
    phase: str
    batch: int
    multiply_accumulates: int
    transistor_operations: float
    activation_share: float
    energy_joule: float
    run_second: float | None


@dataclass(frozen=True)
class Scaling:
    """``quantity`` grows as ``against``^``exponent``, with the 95 % interval of a least-squares line in logarithms."""

    quantity: str
    against: str
    activation: str
    phase: str
    exponent: float
    low: float
    high: float
    points: int


def network(name: str, activation: str, batch: int) -> Network:
    """One of the study's networks with an activation."""
    if name != "cnn":
        return tocompiler.load(f"{name}:{activation}", batch=batch)
    net = Network(f"cnn:{activation}")
    x = net.input((batch, 1, _PIXELS, _PIXELS))
    for channels in _CHANNELS:
        x = net.max_pool2d(getattr(net, activation)(net.conv2d(x, channels, 3, padding=1)), 2)
    net.output(net.linear(net.flatten(x), _CLASSES))
    return net


def rows(energy: Energy, batch: int = 256, measured: bool = True,
         networks: Iterable[str] = NETWORKS) -> list[StudyRow]:
    """Every network, activation and phase; run time is measured in torch on one thread if it is installed."""
    found = []
    for name in networks:
        for activation in ACTIVATIONS:
            for phase in PHASES:
                program = tocompiler.compile(network(name, activation, batch), format="fp32", phase=phase)
                share = sum(r.transistor_operations for r in program.rows if r.operator in _ACTIVATION_OPERATORS)
                total = program.totals
                found.append(StudyRow(
                    name, activation, phase, batch, int(total.multiply_accumulates), float(total.transistor_operations),
                    float(share / total.transistor_operations), energy(program),
                    run_second(name, activation, phase, batch) if measured else None))
    return found


def run_second(name: str, activation: str, phase: str, batch: int, repeats: int = 15) -> float | None:
    """Seconds of one execution in torch on one thread, the least of several; None where torch is not installed."""
    try:
        import torch
    except ImportError:
        return None
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = _torch_model(torch.nn, name, activation)
    first = next(model.parameters())
    x = torch.randn((batch, 1, _PIXELS, _PIXELS) if name == "cnn" else (batch, first.shape[1]))
    step = _inference(torch, model, x) if phase == "inference" else _training_step(torch, model, x)
    step()
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - start)
    return min(seconds)  # what disturbs a run only ever adds to it


def _inference(torch: Any, model: Any, x: Any) -> Callable[[], None]:
    def step() -> None:
        with torch.no_grad():
            model(x)

    return step


def _training_step(torch: Any, model: Any, x: Any) -> Callable[[], None]:
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)

    def step() -> None:
        optimizer.zero_grad()
        model(x).sum().backward()
        optimizer.step()

    return step


def _torch_model(nn: Any, name: str, activation: str) -> Any:
    function = {"relu": nn.ReLU, "sigmoid": nn.Sigmoid, "tanh": nn.Tanh, "gelu": nn.GELU, "silu": nn.SiLU}[activation]
    layers: list[Any] = []
    if name == "cnn":
        for before, after in pairwise((1, *_CHANNELS)):
            layers += [nn.Conv2d(before, after, 3, padding=1), function(), nn.MaxPool2d(2)]
        return nn.Sequential(*layers, nn.Flatten(), nn.Linear(_CHANNELS[-1] * (_PIXELS // 4) ** 2, _CLASSES))
    widths = [int(w) for w in name.removeprefix("mlp:").split("-")]
    for before, after in pairwise(widths):
        layers += [nn.Linear(before, after), function()]
    return nn.Sequential(*layers[:-1])


def scaling(energy: Energy, phase: str = "inference", activations: Sequence[str] = ("relu", "gelu")) -> list[Scaling]:
    """Exponents of transistor operations and of energy against width (at depth 4) and depth (at width 64)."""
    found = []
    for against, sizes in (("width", WIDTHS), ("depth", DEPTHS)):
        for activation in activations:
            programs = [tocompiler.compile(_square(against, size, activation), format="fp32", phase=phase)
                        for size in sizes]
            operations = [float(p.totals.transistor_operations) for p in programs]
            for quantity, values in (("transistor_operations", operations),
                                     ("energy_joule", [energy(p) for p in programs])):
                found.append(Scaling(quantity, against, activation, phase, *_slope(sizes, values), len(sizes)))
    return found


def _square(against: str, size: int, activation: str) -> Network:
    width, depth = (size, FIXED_DEPTH) if against == "width" else (FIXED_WIDTH, size)
    return tocompiler.load(f"mlp:{'-'.join([str(width)] * (depth + 1))}:{activation}", batch=1)


@needs("calibration", "the study")
def _slope(x: Sequence[float], y: Sequence[float]) -> tuple[float, float, float]:
    """Slope of log y over log x by least squares, and its 95 % interval (Student's t)."""
    import statsmodels.api as sm

    fit = sm.OLS([math.log(v) for v in y], sm.add_constant([math.log(v) for v in x])).fit()
    low, high = fit.conf_int(0.05)[1]
    return float(fit.params[1]), float(low), float(high)
