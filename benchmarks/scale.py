"""How many configurations a second are priced, alone and on a cluster, and whether each is what it is by itself.

    python benchmarks/scale.py [--json -] [--smoke] [--full]

Seconds are of processor time on one core (medians of five runs; three with --smoke) where nothing else is said.
``--full`` takes the cluster's sweep over 10^5 structures instead of 2 10^4.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import hashlib
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import scale_cluster
import scale_large
from claims import Claim, Options, main

import hardware
import tocompiler

DEVICE = "jetson_tx2_maxn"
CONFIGURATOR_SECOND = 3.0
"""Seconds of one warm estimate of a serving configuration by a vendor's configurator that simulates it (3 to 4)."""
LLAMA_8B = {
    # Llama 3.1 8B (Grattafiori et al. 2024, arXiv 2407.21783, Table 3)
    "model_type": "llama", "hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32,
    "num_key_value_heads": 8, "intermediate_size": 14336, "vocab_size": 128256, "max_position_embeddings": 131072,
    "rms_norm_eps": 1e-5, "torch_dtype": "bfloat16",
}


def run(options: Options) -> Iterator[Claim]:
    """Every claim of sweeps, searches, capacity, clusters and large networks."""
    rounds = 3 if options.smoke else 5
    space = _space(smoke=options.smoke)
    yield from _million(space, rounds, options.smoke)
    yield _mismatches(space, 20 if options.smoke else 1000)
    yield _architectures(rounds, 20 if options.smoke else 300)
    yield _capacity(rounds if options.smoke else 3, options.smoke)
    yield from scale_large.claims(options)
    yield from scale_cluster.claims(options)


def _space(smoke: bool) -> dict[str, Any]:
    """ResNet depth, format, width, resolution and batch: a million combinations."""
    widths, sizes, batches = (4, 5, 10) if smoke else (40, 25, 100)
    return {"depth": [18, 34, 50, 101, 152], "format": ["fp32", "fp16"], "width": [16 + 2 * i for i in range(widths)],
            "resolution": [96 + 8 * i for i in range(sizes)], "batch": [*range(1, batches + 1)]}


def _second(function: Callable[[], Any], rounds: int) -> float:
    """Median processor time of a call."""
    taken = []
    for _ in range(rounds):
        start = time.process_time()
        function()
        taken.append(time.process_time() - start)
    return statistics.median(taken)


def _sweep(space: Mapping[str, Any]) -> Any:
    return tocompiler.sweep("resnet{depth}", space, device=DEVICE)


def _million(space: Mapping[str, Any], rounds: int, smoke: bool) -> Iterator[Claim]:
    count = int(np.prod([len(v) for v in space.values()]))
    _sweep({k: v[:1] for k, v in space.items()})  # what is read once is read
    second = _second(lambda: _sweep(space), rounds)
    device = hardware.load_device(DEVICE)
    each = _second(lambda: _alone({"depth": 50, "width": 64, "resolution": 224, "batch": 1, "format": "fp16"}, device),
                   rounds)
    compared = {"configurations": count, "compile_each_second": each, "times_as_many": count * each / second}
    if smoke:
        yield Claim("sweep_million_second", None, "s", compared, "a smoke run sweeps a few thousand")
        return
    yield Claim("sweep_million_second", second * 1e6 / count, "s", compared)


def _alone(point: Mapping[str, Any], device: hardware.Device) -> tuple[Any, ...]:
    """A configuration loaded, compiled and predicted by itself."""
    network = tocompiler.load(f"resnet{point['depth']}", batch=point["batch"],
                              dims={"image_size": point["resolution"], "width": point["width"]})
    program = tocompiler.compile(network, point["format"])
    t, p = program.totals, tocompiler.predict(program, device)
    return (t.multiply_accumulates, t.parameters, t.traffic_bit, t.transistor_operations, p.energy_joule,
            p.low_joule, p.high_joule, p.in_domain)


_COLUMNS = ("multiply_accumulates", "parameters", "traffic_bit", "transistor_operations", "energy_joule",
            "energy_low_joule", "energy_high_joule", "in_domain")


def _mismatches(space: Mapping[str, Any], count: int) -> Claim:
    """Integers must be equal, energies to 1e-9 of their value (the order of a sum)."""
    table, device = _sweep(space), hardware.load_device(DEVICE)
    places = np.random.default_rng(0).choice(len(table["reason"]), count, replace=False)
    wrong, furthest = 0, 0.0
    for place in places:
        expected = _alone({k: table[k][place].item() if k not in ("format",) else table[k][place] for k in space},
                          device)
        found = [table[name][place] for name in _COLUMNS]
        apart = max(abs(a / b - 1) for a, b in zip(found[3:7], expected[3:7], strict=True))
        furthest = max(furthest, float(apart))
        wrong += int(tuple(found[:3]) != expected[:3] or bool(found[7]) != expected[7] or apart > 1e-9)
    return Claim("sweep_mismatches", wrong, "configurations", {"compared": count, "furthest_apart": furthest})


def _architectures(rounds: int, generations: int) -> Claim:
    """An evolution over NAS-Bench-201: a hundred parents, of each a child with one edge's operation changed."""
    space = tocompiler.sweeping.NasBench201(hardware.load_device(DEVICE))
    population = 100

    def evolve() -> None:
        random = np.random.default_rng(0)
        parents = random.integers(0, 5, (population, 6))
        energy = space(parents)["energy_joule"]
        for _ in range(generations):
            children = parents.copy()
            children[np.arange(population), random.integers(0, 6, population)] = random.integers(0, 5, population)
            found = space(children)["energy_joule"]
            better = found < energy
            parents[better], energy[better] = children[better], found[better]

    second = _second(evolve, rounds)
    device = hardware.load_device(DEVICE)
    each = _second(lambda: tocompiler.predict(tocompiler.compile(space.network((3, 3, 2, 1, 4, 3))), device), rounds)
    return Claim("nas_candidates_per_second", population * (generations + 1) / second, "1/s",
                 {"compile_each_per_second": 1 / each, "population": population})


def _capacity(rounds: int, smoke: bool) -> Claim:
    n = 4 if smoke else 64
    space = {"tensor": [1, 2, 4, 8], "batch": [*range(1, n + 1)], "prompt": [64 + 16 * i for i in range(n)],
             "output": [16 + 16 * i for i in range(n)], "memory_byte": [80e9]}
    device = hardware.load_device("rpi4")
    serving = tocompiler.serving
    second = _second(lambda: serving.capacity(LLAMA_8B, device, space), rounds)
    each = _second(lambda: serving.serve(serving.Service(LLAMA_8B, device), serving.Workload(256, 128, 8)), rounds)
    count = 4 * n**3
    return Claim("llm_capacity_per_second", count / second, "1/s",
                 {"configurations": count, "serve_each_second": each,
                  "stated_configurator_second": CONFIGURATOR_SECOND,
                  "times_the_configurator": CONFIGURATOR_SECOND * count / second})


def digest(table: Any) -> str:
    """Hash of a table's file."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "table.csv"
        table.write(file)
        return hashlib.sha256(file.read_bytes()).hexdigest()


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(run, __doc__)
