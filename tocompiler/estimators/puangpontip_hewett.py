"""Puangpontip and Hewett: energy of training CNNs and ANNs from products and accesses through a memory hierarchy.

Accesses of one sample, as printed, with kernel side n2, m input channels, f filters, output side k, n neurons and np
neurons in the layer before:

    convolution  a_input = n2^2 m + sum over i = 2 .. n2^2 m f of r_i i    a_weight = n2^2 m f k^2
                 a_bias = f k^2                                            a_output = k^2 f (2 n2^2 m)
    connected    a_input = np n      a_weight = n np     a_bias = n        a_output = np (2 n)

r_i is how many inputs are used i times. So a_weight is the number of products, a_output twice that, and the connected
layer is the convolution with k = 1, except that a_input as printed adds n2^2 m: ``Counts`` holds it beside the exact
count. C. Puangpontip, R. Hewett, "On Using Deep Learning for Business Analytics: At what cost?", Procedia Computer
Science 207, 2022.

What cannot be reproduced: the absolute figures (AlexNet 5237.13 G normalised energy and 2618.56 W, miniAlexNet 76.42 G
and 56.44 W). Batch, epochs, cost of an access at each level and the layers of miniAlexNet are not public; the powers
only say that the times were 2 s and 1.354 s. The identities, linearity and ratios between layers can be checked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Self

import numpy as np

from hardware.measurement import Measurement
from hardware.program import Program
from tocompiler.estimators import register
from tocompiler.estimators.common import joules, median_ratio, require
from tocompiler.estimators.hierarchy import Hierarchy, load_hierarchy
from tocompiler.operators import Loops

__all__ = ["ALEXNET", "MINI_ALEXNET", "Counts", "Plan", "PuangpontipHewett", "access_counts", "power_watt", "uses"]

ALEXNET: tuple[Loops, ...] = (
    Loops(m=96, c=3, p=55, q=55, r=11, s=11, stride=(4, 4)), Loops(g=2, m=128, c=48, p=27, q=27, r=5, s=5),
    Loops(m=384, c=256, p=13, q=13, r=3, s=3), Loops(g=2, m=192, c=192, p=13, q=13, r=3, s=3),
    Loops(g=2, m=128, c=192, p=13, q=13, r=3, s=3), Loops(m=4096, c=9216), Loops(m=4096, c=4096),
    Loops(m=1000, c=4096),
)
"""AlexNet (Krizhevsky et al. 2012), grouped, 227 x 227."""
MINI_ALEXNET: tuple[Loops, ...] = (
    Loops(m=24, c=3, p=32, q=32, r=3, s=3), Loops(m=64, c=24, p=16, q=16, r=3, s=3),
    Loops(m=96, c=64, p=8, q=8, r=3, s=3), Loops(m=96, c=96, p=8, q=8, r=3, s=3),
    Loops(m=64, c=96, p=8, q=8, r=3, s=3), Loops(m=1024, c=1024), Loops(m=1024, c=1024), Loops(m=10, c=1024),
)
"""Ours, since theirs is not public: AlexNet's eight layers with a quarter of its channels, on 32 x 32 images."""


@dataclass(frozen=True)
class Counts:
    """Accesses of one layer, all samples. ``input_exact`` counts every use of an input once: it equals the products.
    ``inputs`` are the distinct ones."""

    products: int
    inputs: int
    input_printed: int
    input_exact: int
    weight: int
    bias: int
    output: int

    @property
    def printed(self) -> int:
        """All accesses as the papers count them."""
        return self.input_printed + self.weight + self.bias + self.output

    @property
    def exact(self) -> int:
        """All accesses with the exact count of the inputs'."""
        return self.printed - self.input_printed + self.input_exact


def uses(layer: Loops) -> dict[int, int]:
    """r_i for one sample: how many of the inputs (padding included) are used i times, by i."""
    def axis(outputs: int, taps: int, stride: int, dilation: int) -> Any:
        touched = (np.arange(outputs)[:, None] * stride + np.arange(taps)[None, :] * dilation).ravel()
        counts = np.bincount(touched)
        return counts[counts > 0]

    rows = axis(layer.p, layer.r, layer.stride[0], layer.dilation[0])
    columns = axis(layer.q, layer.s, layer.stride[1], layer.dilation[1])
    times, inputs = np.unique(np.outer(rows, columns) * layer.m, return_counts=True)
    return {int(i): int(r) * layer.c * layer.g for i, r in zip(times, inputs, strict=True)}


@lru_cache(maxsize=65536)
def access_counts(layer: Loops) -> Counts:
    """The printed counts of a convolution (groups are layers side by side) or, with one output position and one tap,
    of a connected layer; samples multiply everything."""
    n, products = layer.n, layer.products // layer.n
    outputs = layer.g * layer.m * layer.p * layer.q
    reused = uses(layer)
    exact = sum(i * r for i, r in reused.items())
    connected = layer.p * layer.q * layer.r * layer.s == 1
    window = layer.r * layer.s * layer.c * layer.g
    printed = products if connected else window + exact - reused.get(1, 0)
    return Counts(n * products, n * sum(reused.values()), n * printed, n * exact, n * products, n * outputs,
                  2 * n * products)


@register
class PuangpontipHewett:
    """Their method with our stated costs: every access costs one access to the registers, every distinct datum one to
    the array, the buffer and DRAM besides, in the units of a hierarchy file (a product is 1).

    ``fit`` learns one factor; without it the joules of the hierarchy are given. Phases other than inference count the
    gradients' products as further layers, as the compiler lowers them.
    """

    name = "puangpontip_hewett"

    def __init__(self, hierarchy: str | Hierarchy = "eyeriss", exact_input: bool = False) -> None:
        self.hierarchy = load_hierarchy(hierarchy) if isinstance(hierarchy, str) else hierarchy
        self.exact_input = exact_input
        self.scale_ = 1.0

    def normalised_energy(self, layer: Loops) -> float:
        """Energy of one layer in units of a product."""
        counts, h = access_counts(layer), self.hierarchy
        weights = layer.g * layer.m * layer.c * layer.r * layer.s
        distinct = counts.inputs + layer.n * layer.g * layer.m * layer.p * layer.q + weights
        accesses = counts.exact if self.exact_input else counts.printed
        return float(counts.products + h.register_file * accesses + (h.array + h.buffer + h.dram) * distinct)

    def fit(self, measurements: Sequence[Measurement]) -> Self:
        require(measurements, 1, self.name)
        self.scale_ = 1.0
        predicted = np.array([self.predict(m.program) for m in measurements])
        counted = predicted > 0
        if not counted.any():
            raise ValueError(f"{self.name} counts products only; no measurement has any")
        self.scale_ = median_ratio(predicted[counted], joules(measurements)[counted])
        return self

    def predict(self, program: Program) -> float:
        """Joules of the products' layers; an operator without products is free, as in the papers."""
        units = sum(self.normalised_energy(row.alu.loops) for row in program.rows if row.alu.loops is not None)
        return self.scale_ * self.hierarchy.multiply_accumulate_joule * units


def power_watt(energy_joule: float, time_second: float) -> float:
    """Mean power over a stated time; ValueError unless that is positive."""
    if time_second <= 0:
        raise ValueError(f"time_second is {time_second}: give a positive time")
    return energy_joule / time_second


@dataclass(frozen=True)
class Plan:
    """Planning figures: so many executions a day of ``energy_joule`` each, at a price and a grid intensity."""

    energy_joule: float
    executions_per_day: float
    price_per_kwh: float
    grid_gram_per_kwh: float

    @property
    def kwh_per_year(self) -> float:
        """1 kWh is 3.6 MJ."""
        return self.energy_joule * self.executions_per_day * 365 / 3.6e6

    @property
    def cost_per_year(self) -> float:
        """In the currency of the price."""
        return self.kwh_per_year * self.price_per_kwh

    @property
    def co2e_kg_per_year(self) -> float:
        """Kilograms of CO2 equivalent."""
        return self.kwh_per_year * self.grid_gram_per_kwh / 1000
