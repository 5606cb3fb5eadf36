"""Every estimator on every data set, under the splits of the energy benchmark: held-out error and run time.

By default each data set is thinned to at most 240 rows and three splits; ``--full`` takes all rows and all splits (10
folds, 20 draws, every model or network). ``python benchmarks/estimator_table.py CLAIMS.json PLOT.png`` draws what
``seed_systems.py --json`` wrote.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from claims import Claim, Options, datasets
from energy_getzner import CACHE_BYTE
from energy_getzner import table as getzner_table
from energy_rows import draws, leave_out
from sklearn.model_selection import KFold

import tocompiler
from hardware import Measurement, MeasurementRow, MemoryLevel, read_table, shipped_table, shipped_tables
from tocompiler import network_of
from tocompiler.estimators import Machine, Score, Split, compare, names

Rows = Sequence[MeasurementRow]
_ROWS, _SPLITS = 240, 3


@dataclass(frozen=True)
class Task:
    """One data set under one protocol, and the caches of its machine."""

    name: str
    rows: tuple[MeasurementRow, ...]
    splits: Callable[[Rows], list[Split]]
    protocol: str
    memory: tuple[MemoryLevel, ...] = ()

    @property
    def options(self) -> Mapping[str, Mapping[str, Any]]:
        """What the two methods that know caches are told of this machine's."""
        sizes = [level.capacity_byte for level in self.memory if level.capacity_byte]
        machine = Machine(cache_byte=sizes[-1]) if sizes else Machine()
        return {"transistor_operations": {"memory": self.memory}, "synergy": {"machine": machine}}


def folds(rows: Rows) -> list[Split]:
    """Ten folds, shuffled, seed 0."""
    return list(KFold(10, shuffle=True, random_state=0).split(rows))


def thirty(rows: Rows) -> list[Split]:
    """Thirty random rows to fit (half of fewer than sixty), the others to predict; draws 0 to 19."""
    return draws(len(rows), min(30, len(rows) // 2))


def models(rows: Rows) -> list[Split]:
    """Each group of rows (network or model) held out once."""
    return leave_out(np.array([row.group or row.model for row in rows]))


def layers_to_networks(rows: Rows) -> list[Split]:
    """The random layers to fit, the networks to predict."""
    random = np.array([row.conditions["split"] == "random" for row in rows])
    return [(np.flatnonzero(random), np.flatnonzero(~random))]


def tasks() -> Iterator[Task]:
    """The data sets that ship, then the one that is found in TOCOMPILER_DATASETS."""
    for kind, phase in (("conv2d", "inference"), ("conv2d", "backward"), ("max_pool2d", "inference"),
                        ("linear", "backward")):
        layers = _shipped("cpu_raptorlake", folds, "10 folds", lambda r, k=kind, p=phase: (
            r.model.startswith(k) and r.phase == p))
        yield replace(layers, name=f"raptorlake_{kind}_{phase}")
    yield _shipped("gpu_rtx6000", thirty, "30 rows, 20 draws")
    yield _shipped("jetson_tx2_maxn", models, "model out", lambda r: r.format in ("fp16", "fp32"))
    yield _shipped("gpu_rtx4090_laptop", models, "model out")
    for name in ("m1_gpu", "m1_cpu", "rpi4", "jetson_nano_cpu"):
        yield _shipped(name, thirty, "30 rows, 20 draws")
    folder = datasets()
    if folder is not None and (folder / "cpu_xeon5120_getzner.csv").is_file():
        rows = tuple(r for r in getzner_table(folder) if r.conditions["split"] == "random" or " " not in r.model)
        yield Task("xeon5120_networks", rows, layers_to_networks, "random layers to networks",
                   (MemoryLevel("l3", CACHE_BYTE),))


def _shipped(name: str, splits: Callable[[Rows], list[Split]], protocol: str,
             keep: Callable[[MeasurementRow], bool] = lambda row: True) -> Task:
    rows = tuple(row for row in read_table(shipped_table(name)) if keep(row))
    return Task(name, rows, splits, protocol, shipped_tables()[name].memory)


def thinned(task: Task, most: int) -> Task:
    """At most so many rows, evenly over the data set (networks are kept whole: they are what is predicted)."""
    if len(task.rows) <= most:
        return task
    if task.splits is layers_to_networks:
        layers = [r for r in task.rows if r.conditions["split"] == "random"]
        networks = [r for r in task.rows if r.conditions["split"] != "random"]
        rows = (*layers[::-(-len(layers) // (3 * most))], *networks[::-(-len(networks) // 60)])
    else:
        rows = task.rows[::-(-len(task.rows) // most)]
    return replace(task, rows=rows)


@cache
def _program(model: str, batch: int, format: str, phase: str) -> Any:
    row = MeasurementRow(model, 1.0, batch, format, phase)
    return tocompiler.compile(network_of(row), format=format, phase=phase)


def measurements(rows: Rows) -> list[Measurement]:
    """The rows with their programs."""
    return [r.measurement(_program(r.model, r.batch, r.format, r.phase)) for r in rows]


def table(options: Options) -> Iterator[tuple[Task, int, Score]]:
    """Every task with every estimator, and how many splits it was scored on."""
    for whole in tasks():
        task = whole if options.full else thinned(whole, 40 if options.smoke else _ROWS)
        splits = task.splits(task.rows)
        if not options.full:
            splits = splits[:1 if options.smoke else _SPLITS]
        measured = measurements(task.rows)
        for found in compare(measured, splits=splits, options=task.options):
            yield task, len(splits), found


def claims(options: Options) -> Iterator[Claim]:
    """The table as claims ``seed_TASK_ESTIMATOR_mape``."""
    for task, splits, found in table(options):
        yield Claim(f"seed_{task.name}_{found.name}_mape", found.mape, "%", {
            "protocol": task.protocol, "median_ape": found.median_ape, "rows": len(task.rows), "splits": splits,
            "second": found.seconds}, found.reason)


def plot(path: str, output: str) -> None:
    """Median error by data set and estimator, on a logarithmic colour scale, from the benchmark's JSON."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    cells: dict[tuple[str, str], float | None] = {}
    for claim in json.loads(Path(path).read_text(encoding="utf-8"))["claims"]:
        name = next((n for n in sorted(names(), key=len, reverse=True) if claim["name"].endswith(f"_{n}_mape")), None)
        if name and claim["name"].startswith("seed_"):
            cells[claim["name"].removeprefix("seed_").removesuffix(f"_{name}_mape"), name] = (
                claim["compared_with"].get("median_ape"))
    columns = list(dict.fromkeys(task for task, _ in cells))
    grid = np.array([[cells.get((task, name)) or np.nan for task in columns] for name in names()], dtype=float)
    figure, axes = plt.subplots(figsize=(1.1 * len(columns) + 3, 0.5 * len(names()) + 2.5))
    axes.imshow(np.log10(grid), cmap="viridis_r", vmin=0, vmax=2.5, aspect="auto")
    axes.set_xticks(range(len(columns)), columns, rotation=40, ha="right")
    axes.set_yticks(range(len(names())), names())
    for (i, j), value in np.ndenumerate(grid):
        axes.text(j, i, "-" if np.isnan(value) else f"{value:.3g}", ha="center", va="center", fontsize=8)
    axes.set_title("Held-out median error, percent")
    figure.tight_layout()
    figure.savefig(output)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("claims", help="what seed_systems.py --json wrote")
    parser.add_argument("plot", help="image to write")
    arguments = parser.parse_args()
    plot(arguments.claims, arguments.plot)
