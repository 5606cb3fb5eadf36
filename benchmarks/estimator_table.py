"""Every estimator on every data set, under the splits of the energy benchmark: held-out error and run time.

``python benchmarks/estimator_table.py --plot FILE`` draws the table. By default each data set is thinned to at most
240 rows and three splits; ``full`` takes all rows and all splits (10 folds, 20 draws, every model or network).
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from claims import Claim, Options, datasets

import hardware
import tocompiler
from hardware.adapters import getzner_records
from hardware.measurement import Measurement, MeasurementRow, read_table
from tocompiler.estimators import NAMES
from tocompiler.estimators.comparison import Score, Split, compare
from tocompiler.families import network_of

_ROWS, _SPLITS = 240, 3


@dataclass(frozen=True)
class Task:
    """One data set under one protocol."""

    name: str
    rows: tuple[MeasurementRow, ...]
    splits: Callable[[Sequence[MeasurementRow]], list[Split]]
    protocol: str


def folds(rows: Sequence[MeasurementRow]) -> list[Split]:
    """Ten folds, shuffled, seed 0."""
    from sklearn.model_selection import KFold

    return list(KFold(10, shuffle=True, random_state=0).split(rows))


def draws(rows: Sequence[MeasurementRow]) -> list[Split]:
    """Thirty random rows to fit, the others to predict; seeds 0 to 19."""
    orders = [np.random.default_rng(seed).permutation(len(rows)) for seed in range(20)]
    return [(order[:30], order[30:]) for order in orders]


def groups(rows: Sequence[MeasurementRow]) -> list[Split]:
    """Each group of rows (network or model) held out once."""
    names = np.array([row.group or row.model for row in rows])
    return [(np.flatnonzero(names != name), np.flatnonzero(names == name)) for name in sorted(set(names))]


def layers_to_networks(rows: Sequence[MeasurementRow]) -> list[Split]:
    """The random layers to fit, the networks to predict."""
    random = np.array([row.conditions["split"] == "random" for row in rows])
    return [(np.flatnonzero(random), np.flatnonzero(~random))]


def tasks() -> Iterator[Task]:
    """The data sets that ship, then the one that is found in TOCOMPILER_DATASETS."""
    raptorlake = _shipped("cpu_raptorlake")
    for kind in ("conv2d", "max_pool2d", "linear"):
        for phase in ("inference", "backward"):
            rows = tuple(r for r in raptorlake if r.model.startswith(kind) and r.phase == phase)
            if rows and (kind, phase) != ("linear", "inference"):  # below its meter's resolution
                yield Task(f"raptorlake_{kind}_{phase}", rows, folds, "10 folds")
    yield Task("rtx6000_training", _shipped("gpu_rtx6000"), draws, "30 rows, 20 draws")
    tx2 = tuple(r for r in _shipped("jetson_tx2_maxn") if r.format in ("fp16", "fp32"))
    yield Task("tx2", tx2, groups, "model out")
    yield Task("rtx4090", _shipped("gpu_rtx4090_laptop"), groups, "model out")
    for name in ("m1_gpu", "m1_cpu", "rpi4", "jetson_nano_cpu"):
        yield Task(name, _shipped(name), draws, "30 rows, 20 draws")
    folder = datasets()
    if folder is not None and (folder / "cpu_xeon5120_getzner.csv").is_file():
        with (folder / "cpu_xeon5120_getzner.csv").open(newline="", encoding="utf-8") as lines:
            records = [r for r in csv.DictReader(lines) if r["split_hint"] == "random" or r["layer_type"] == "network"]
        rows = tuple(row for part in getzner_records(records).values() for row in part)
        yield Task("xeon5120_networks", rows, layers_to_networks, "random layers to networks")


def _shipped(name: str) -> tuple[MeasurementRow, ...]:
    return tuple(read_table(Path(hardware.__file__).parent / "measurements" / f"{name}.csv"))


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
    return Task(task.name, rows, task.splits, task.protocol)


@cache
def _program(model: str, batch: int, format: str, phase: str) -> Any:
    row = MeasurementRow(model, 1.0, batch, format, phase)
    return tocompiler.compile(network_of(row), format=format, phase=phase)


def measurements(rows: Sequence[MeasurementRow]) -> list[Measurement]:
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
        for found in compare(measured, splits=splits):
            yield task, len(splits), found


def claims(options: Options) -> Iterator[Claim]:
    """The table as claims ``seed_TASK_ESTIMATOR_mape``."""
    for task, splits, found in table(options):
        yield Claim(f"seed_{task.name}_{found.name}_mape", found.mape, "%", {
            "protocol": task.protocol, "median_ape": found.median_ape, "rows": len(task.rows), "splits": splits,
            "second": found.seconds}, found.reason)


def plot(cells: Sequence[tuple[Task, int, Score]], path: str) -> None:
    """Median error by task and estimator, on a logarithmic colour scale."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    names = list(dict.fromkeys(task.name for task, _, _ in cells))
    grid = np.full((len(NAMES), len(names)), np.nan)
    for task, _, found in cells:
        if found.median_ape is not None:
            grid[NAMES.index(found.name), names.index(task.name)] = found.median_ape
    figure, axes = plt.subplots(figsize=(1.1 * len(names) + 3, 0.5 * len(NAMES) + 2.5))
    axes.imshow(np.log10(grid), cmap="viridis_r", vmin=0, vmax=2.5, aspect="auto")
    axes.set_xticks(range(len(names)), names, rotation=40, ha="right")
    axes.set_yticks(range(len(NAMES)), NAMES)
    for (i, j), value in np.ndenumerate(grid):
        axes.text(j, i, "-" if np.isnan(value) else f"{value:.3g}", ha="center", va="center", fontsize=8)
    axes.set_title("Held-out median error, percent")
    figure.tight_layout()
    figure.savefig(path)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plot", required=True, metavar="FILE")
    parser.add_argument("--full", action="store_true")
    arguments = parser.parse_args()
    plot(list(table(Options(full=arguments.full))), arguments.plot)
