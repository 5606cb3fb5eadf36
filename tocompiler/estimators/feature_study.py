"""Which features predict: the ablation of Getzner et al. for any measurement table.

Each set of features is regressed twice on 70 % of the groups (networks) and scored on the last 10 %, over several
random splits: by ordinary least squares with intercept, as in the paper, and by non-negative least squares on relative
errors (not for logarithms, which may need negative coefficients). ``python -m tocompiler.estimators.feature_study
TABLE.csv`` prints the table.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from hardware.measurement import Measurement
from hardware.program import Program
from tocompiler.estimators.common import joules, require
from tocompiler.regression import fit_relative

__all__ = ["FEATURE_SETS", "Ablation", "ablation", "columns", "command"]

Array = NDArray[np.float64]
_BOUNDS = ("n", "g", "m", "c", "p", "q", "r", "s")
_LOGS = tuple(f"log {name}" for name in _BOUNDS)
FEATURE_SETS: Mapping[str, tuple[str, ...]] = {
    "products": ("products",),
    "transistor operations": ("transistor operations",),
    "traffic": ("traffic",),
    "shape": _BOUNDS,
    "log shape": _LOGS,
    "shape, log shape": (*_BOUNDS, *_LOGS),
    "shape, products": (*_BOUNDS, "products"),
    "log shape, products": (*_LOGS, "products"),
    "products, traffic": ("products", "traffic"),
    "transistor operations, traffic": ("transistor operations", "traffic"),
    "products, traffic, operators": ("products", "traffic", "operators"),
    "transistor operations, traffic, operators": ("transistor operations", "traffic", "operators"),
}
"""Sets of columns. Shape is the loop bounds of the program's largest contraction (the paper's hyper-parameters)."""


@dataclass(frozen=True)
class Ablation:
    """Medians over the splits: test R2 and mean absolute relative error (percent) of the ordinary fit, and the latter
    of the relative fit (None where the set has logarithms)."""

    name: str
    columns: int
    r2: float
    mape: float
    relative_mape: float | None


def columns(program: Program) -> dict[str, float]:
    """Every feature of one program: counts, bytes, operators, loop bounds and their logarithms."""
    totals = program.totals
    loops = [row.alu.loops for row in program.rows if row.alu.loops is not None]
    largest = max(loops, key=lambda x: x.products, default=None)
    bounds = {name: float(getattr(largest, name)) if largest else 0.0 for name in _BOUNDS}
    return {"products": float(totals.multiply_accumulates), "traffic": float(totals.traffic_bit) / 8,
            "transistor operations": float(totals.transistor_operations), "operators": float(len(program.rows)),
            **bounds, **{f"log {name}": float(np.log1p(value)) for name, value in bounds.items()}}


def ablation(measurements: Sequence[Measurement], splits: int = 10) -> Iterator[Ablation]:
    """Score every feature set. ValueError with fewer than 20 measurements."""
    require(measurements, 20, "the feature study")
    records, energy = [columns(m.program) for m in measurements], joules(measurements)
    groups = np.array([m.group or str(i) for i, m in enumerate(measurements)])
    for name, chosen in FEATURE_SETS.items():
        design = np.array([[record[c] for c in chosen] for record in records])
        scores = np.array([_score(design, energy, *_split(groups, seed)) for seed in range(splits)])
        relative = None if any(c.startswith("log ") for c in chosen) else float(np.median(scores[:, 2]))
        yield Ablation(name, len(chosen), float(np.median(scores[:, 0])), float(np.median(scores[:, 1])), relative)


def _split(groups: Any, seed: int) -> tuple[Any, Any]:
    """Masks of the rows whose group is among the first 70 % and the last 10 % of a random order."""
    order = np.random.RandomState(seed).permutation(np.unique(groups))
    last = min(int(0.9 * len(order)), len(order) - 1)
    return np.isin(groups, order[:int(0.7 * len(order))]), np.isin(groups, order[last:])


def _score(design: Array, energy: Array, train: Any, test: Any) -> tuple[float, float, float]:
    mean, spread = design[train].mean(axis=0), design[train].std(axis=0)
    padded = np.column_stack([np.ones(len(design)), (design - mean) / np.where(spread > 0, spread, 1.0)])
    ordinary = padded[test] @ np.linalg.lstsq(padded[train], energy[train], rcond=None)[0]
    raw = np.column_stack([design, np.ones(len(design))])
    relative = raw[test] @ fit_relative(raw[train], energy[train])
    measured = energy[test]
    scatter = np.sum((measured - measured.mean()) ** 2)
    r2 = 1 - np.sum((measured - ordinary) ** 2) / scatter if scatter > 0 else np.nan
    return float(r2), _mape(ordinary, measured), _mape(relative, measured)


def _mape(predicted: Array, measured: Array) -> float:
    return 100 * float(np.mean(np.abs(predicted / measured - 1)))


@click.command()
@click.argument("table", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--splits", default=10, show_default=True, help="Random splits to take the median over.")
@click.option("--where", default="", help="Keep rows whose model starts with this text.")
def command(table: Path, splits: int, where: str) -> None:
    """Print which features predict the energies of a measurement TABLE."""
    import tocompiler
    from hardware.measurement import TableError, read_table
    from tocompiler.families import network_of

    try:
        rows = [row for row in read_table(table) if row.model.startswith(where)]
        programs = [tocompiler.compile(network_of(r, table.parent), format=r.format, phase=r.phase) for r in rows]
        measured = [row.measurement(program) for row, program in zip(rows, programs, strict=True)]
        found = list(ablation(measured, splits))
    except (TableError, ValueError) as error:
        raise click.ClickException(str(error)) from None
    from tabulate import tabulate

    click.echo(tabulate([(a.name, a.columns, a.r2, a.mape, a.relative_mape) for a in found], floatfmt=".4g",
                        headers=("features", "columns", "test R2", "MAPE %", "MAPE %, relative fit"), missingval="-"))


if __name__ == "__main__":
    command()
