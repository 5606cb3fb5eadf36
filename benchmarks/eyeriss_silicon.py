"""Yang's method against what the Eyeriss chip measured: energy of AlexNet's and VGG-16's convolutions, without DRAM."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tocompiler import estimators
from tocompiler.estimators import DATAFLOWS, Data, LayerEnergy, layer_energy, load_hierarchy
from tocompiler.operators import Loops

EYERISS = load_hierarchy("eyeriss")
CHIP = ("row_stationary",)
"""The dataflow that the chip runs."""
THROUGHPUT = 23.1e9
"""Products a second that the CNNergy authors take for every layer (34.7 AlexNet images a second)."""


@dataclass(frozen=True)
class Case:
    """One layer of a batch; ``latency_second`` and ``measured_joule`` are of one image (None: not published apart)."""

    loops: Loops
    data: Data
    latency_second: float | None = None
    measured_joule: float | None = None
    dram_byte: float | None = None
    buffer_byte: float | None = None


def silicon() -> Mapping[str, Any]:
    """The shipped table of measurements."""
    path = Path(estimators.__file__).with_name("eyeriss_silicon.toml")
    return tomllib.loads(path.read_text(encoding="utf-8"))


def cases(network: str) -> Iterator[Case]:
    """The layers of ``alexnet``, ``alexnet_fully_connected`` or ``vgg16``."""
    table = silicon()[network]
    batch = table["batch"]
    for i, (g, m, c, p, q, kernel, stride) in enumerate(table["layers"]):
        loops = Loops(n=batch, g=g, m=m, c=c, p=p, q=q, r=kernel, s=kernel, stride=(stride, stride))
        data = Data(input_zeros=table["input_zeros"][i], output_zeros=table["output_zeros"][i])
        if "latency_second" not in table:
            yield Case(loops, data)
            continue
        latency = table["latency_second"][i] / batch
        yield Case(loops, data, latency, latency * table["power_watt"][i], table["dram_megabyte"][i] * 1e6 / batch,
                   table["buffer_megabyte"][i] * 1e6 / batch)


def energy(case: Case, search: bool = True, constant_throughput: bool = False) -> LayerEnergy:
    """Energy of the case's whole batch. The clock runs for the published time, for products / 23.1 G a second, or
    (where no time is published) not at all: then it is added to the network as a whole."""
    batch = case.loops.n
    time = (case.loops.products / THROUGHPUT if constant_throughput else (case.latency_second or 0.0) * batch)
    return layer_energy(EYERISS, case.loops, case.data, time, CHIP if search else None)


def alexnet_errors(search: bool = True, constant_throughput: bool = False) -> tuple[list[float], float]:
    """Relative error (percent) of each convolution of AlexNet and of their sum."""
    pairs = [(energy(c, search, constant_throughput).chip_joule / c.loops.n, c.measured_joule or 0.0)
             for c in cases("alexnet")]
    total = sum(p for p, _ in pairs) / sum(m for _, m in pairs)
    return [100 * (p / m - 1) for p, m in pairs], 100 * (total - 1)


def vgg16_error(search: bool = True, constant_throughput: bool = False) -> float:
    """Relative error (percent) of VGG-16's convolutions together, with the published time of the whole."""
    table = silicon()["vgg16"]
    time = table["total_latency_second"] / table["batch"]
    layers = [(energy(c, search, constant_throughput), c.loops.n) for c in cases("vgg16")]
    chip = sum(e.chip_joule / n for e, n in layers)
    if not constant_throughput:
        chip += EYERISS.clock_watt * time / (1 - EYERISS.control_share)
    return 100 * (chip / (table["total_power_watt"] * time) - 1)


def alexnet_units(search: bool = True) -> float:
    """AlexNet's eight layers in units of a product, DRAM included, clock and control not; an image's share."""
    layers = [*cases("alexnet"), *cases("alexnet_fully_connected")]
    return sum(energy(c, search).data_joule / c.loops.n for c in layers) / EYERISS.multiply_accumulate_joule


def search_all(networks: Mapping[str, list[Loops]]) -> tuple[int, int, float, float]:
    """Map every contraction with all dataflows: layers, layers where the search is worse than the fixed mapping,
    joules with and without search (DRAM included, clock and control not)."""
    layers = [layer for network in networks.values() for layer in network]
    best = [layer_energy(EYERISS, x, dataflows=tuple(DATAFLOWS)).data_joule for x in layers]
    fixed = [layer_energy(EYERISS, x, dataflows=None).data_joule for x in layers]
    worse = sum(b > f * (1 + 1e-9) for b, f in zip(best, fixed, strict=True))
    return len(layers), worse, sum(best), sum(fixed)
