"""Measured rows, how they are split, what the public calibration makes of them, and the plain models beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, TypeAlias

import numpy as np
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.model_selection import KFold

import hardware
import tocompiler

__all__ = ["PLAIN", "Rows", "Scored", "draws", "folds", "in_products", "leave_out", "load", "mape", "plain_errors",
           "prior_without", "score", "untimed"]

Array: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]
_EVIDENCE = 60  # rows of a table that are compiled for the prior of others
Split: TypeAlias = tuple[Array, Array]
Plain: TypeAlias = Callable[["Rows", Array, Array], Array]


@dataclass(frozen=True)
class Rows:
    """Measurements of one device, with its caches, and what is known of it before any row."""

    measured: Sequence[hardware.Measurement]
    memory: Sequence[hardware.MemoryLevel] = ()
    runtime: hardware.Runtime | None = None
    facts: hardware.Facts | None = None
    prior: tocompiler.Prior | None = None

    def __len__(self) -> int:
        return len(self.measured)

    @property
    def joule(self) -> Array:
        return np.array([m.joule_per_execution for m in self.measured])

    @property
    def groups(self) -> Array:
        return np.array([m.group for m in self.measured])

    @property
    def shapes(self) -> Array:
        """What a regression without physics sees: logarithms of products, parameters, bytes, operators and batch, and
        the format's width."""
        return np.array([_shape(m) for m in self.measured])

    def take(self, index: Array) -> Rows:
        """Some of the rows, by index or mask."""
        return replace(self, measured=[self.measured[i] for i in np.arange(len(self))[index]])

    def calibrated(self, train: Array) -> hardware.Device:
        """What a user gets who calibrates on some of the rows."""
        rows = untimed(self.take(train).measured)
        return tocompiler.calibrate(rows, "held out", runtime=self.runtime, memory=self.memory, facts=self.facts,
                                    prior=self.prior)


def untimed(rows: Sequence[hardware.Measurement]) -> list[hardware.Measurement]:
    """Rows without their run times, which no energy depends on and whose fit would be time lost."""
    return [replace(m, latency_second=None) for m in rows]


def load(name: str, smoke: bool = False) -> Rows:
    """A shipped table, with its device's data sheet and the prior of all other chips (``smoke``: the shipped prior)."""
    facts = hardware.facts_of(name)
    return Rows(tocompiler.read_measurements(name), hardware.shipped_tables()[name].memory, None, facts,
                None if smoke else prior_without(facts.chip))


@cache
def prior_without(chip: str) -> tocompiler.Prior:
    """The prior learned without any device of a chip."""
    return tocompiler.learn_prior([e for e in _evidence() if e.facts.chip != chip])


@cache
def _evidence() -> list[tocompiler.Evidence]:
    found = []
    for name, known in hardware.shipped_tables().items():
        facts, table = hardware.facts_of(name), hardware.read_table(hardware.shipped_table(name))
        if facts.complete:
            part = [table[i] for i in np.random.default_rng(1).permutation(len(table))[:_EVIDENCE]]
            measured = [row.measurement(tocompiler.compile(tocompiler.network_of(row), format=row.format,
                                                           phase=row.phase)) for row in part]
            runtime = hardware.load_runtime(part[0].runtime or "generic")
            found.append(tocompiler.Evidence(measured, facts, known.memory, runtime))
    return found


def _shape(m: hardware.Measurement) -> list[float]:
    program = m.program
    totals, network = program.totals, program.network
    first = network.operators[0]
    ends = [*(network.inputs[0].shape[1:] if network.inputs else ()), *first.outputs[0].shape[1:]]
    window = (first.attributes.get("kernel_shape") or (1,))[0], (first.attributes.get("strides") or (1,))[0]
    sizes = [totals.multiply_accumulates, totals.parameters, totals.traffic_bit / 8, len(program.rows),
             network.inputs[0].shape[0] if network.inputs and network.inputs[0].shape else 1, *(ends + [1] * 6)[:6]]
    wide = float(program.alu.format == "fp32")
    return [*(float(np.log(max(float(s), 1.0))) for s in sizes), *window, wide, float(program.alu.phase == "backward")]


def in_products(rows: Rows) -> Rows:
    """The same rows under a runtime where a product costs the same in every format: what transistor operations add."""
    names = {m.conditions.get("runtime", "generic") for m in rows.measured}
    runtime = rows.runtime or hardware.load_runtime(names.pop())
    formats = {f: 1.0 for m in rows.measured for row in m.program.rows for _, f in row.alu.tasks}
    kept = [r for r in runtime.rules if r.name not in ("format_ratio", "shared_exponents")]
    alike = hardware.RuleUse("format_ratio", {"ratio": formats}, "every product costs one in fp32")
    place = next((i + 1 for i, r in enumerate(kept) if r.name == "dense_operands"), 0)
    return replace(rows, runtime=hardware.Runtime("in products", "", (*kept[:place], alike, *kept[place:])))


@dataclass(frozen=True)
class Scored:
    """Held-out predictions with their 90 % intervals, splits one after another; ``index`` says of which row."""

    joule: Array
    predicted: Array
    low: Array
    high: Array
    index: Array

    @property
    def mape(self) -> float:
        return mape(self.joule, self.predicted)

    def take(self, mask: Array) -> Scored:
        """Some of the predictions."""
        return Scored(*(getattr(self, name)[mask] for name in ("joule", "predicted", "low", "high", "index")))

    def summary(self) -> dict[str, float]:
        """Median error, coverage, relative width and interval score; ``narrowest_width`` is that of the one interval
        around every prediction that would have covered nine in ten."""
        error = np.abs(self.predicted / self.joule - 1)
        inside = (self.joule >= self.low) & (self.joule <= self.high)
        half = float(np.quantile(np.abs(np.log(self.predicted / self.joule)), 0.9))
        missed = np.maximum(np.log(self.low / self.joule), 0) + np.maximum(np.log(self.joule / self.high), 0)
        return {"median_ape": 100 * float(np.median(error)), "coverage": 100 * float(inside.mean()),
                "median_width": 100 * float(np.median((self.high - self.low) / self.predicted)),
                "narrowest_width": 200 * float(np.sinh(half)),
                "interval_score": float(np.mean(np.log(self.high / self.low) + 20 * missed))}


def mape(joule: Array, predicted: Array) -> float:
    """Mean absolute percentage error."""
    return float(100 * np.mean(np.abs(predicted / joule - 1)))


def predictions(device: hardware.Device, rows: Rows, index: Array) -> Scored:
    """What a device says of some rows."""
    part = rows.take(index)
    found = [tocompiler.predict(m.program, device, m.conditions) for m in part.measured]
    low, high = (np.array([getattr(p, f"{end}_joule") for p in found]) for end in ("low", "high"))
    return Scored(part.joule, np.array([p.energy_joule for p in found]), low, high, np.arange(len(rows))[index])


def score(rows: Rows, splits: Sequence[Split]) -> Scored:
    """Every held-out part predicted by a device calibrated on the rest."""
    parts = [predictions(rows.calibrated(train), rows, test) for train, test in splits]
    return Scored(*(np.concatenate([getattr(p, name) for p in parts])
                    for name in ("joule", "predicted", "low", "high", "index")))


def _relative(columns: Array, joule: Array, test: Array) -> Array:
    """Non-negative coefficients of least relative squared error, on the columns of other rows."""
    from scipy.optimize import nnls

    size = np.abs(columns / joule[:, None]).mean(0) + 1e-300
    found, _ = nnls(columns / joule[:, None] / size, np.ones(len(joule)), maxiter=1000)
    return np.asarray(test @ (found / size))


def _macs(rows: Rows, train: Array, test: Array) -> Array:
    columns = np.column_stack([np.exp(rows.shapes[:, 0]), np.ones(len(rows))])
    return _relative(columns[train], rows.joule[train], columns[test])


def _roofline(rows: Rows, train: Array, test: Array) -> Array:
    flop, byte = 2 * np.exp(rows.shapes[:, 0]), np.exp(rows.shapes[:, 2])
    columns = np.column_stack([flop, byte, np.ones(len(rows))])
    return _relative(columns[train], rows.joule[train], columns[test])


def _boosting(rows: Rows, train: Array, test: Array) -> Array:
    trees = GradientBoostingRegressor(n_estimators=200, max_depth=4, subsample=0.7, random_state=0)
    trees.fit(rows.shapes[train], np.log(rows.joule[train]))
    return np.asarray(np.exp(trees.predict(rows.shapes[test])))


PLAIN: Mapping[str, Plain] = {
    "macs_only": _macs, "flops_bytes_roofline": _roofline, "boosting_on_shapes": _boosting,
}
"""What a user would try first."""


def plain_errors(rows: Rows, splits: Sequence[Split]) -> dict[str, float]:
    """The plain models' errors on the same rows."""
    joule = np.concatenate([rows.joule[test] for _, test in splits])
    return {name: mape(joule, np.concatenate([model(rows, *split) for split in splits]))
            for name, model in PLAIN.items()}


def folds(rows: Rows) -> list[Split]:
    """KFold(10, shuffle, seed 0) over all rows."""
    return list(KFold(10, shuffle=True, random_state=0).split(rows.joule))


def leave_out(groups: Array) -> list[Split]:
    """One group out at a time."""
    return [(np.flatnonzero(groups != g), np.flatnonzero(groups == g)) for g in np.unique(groups)]


def draws(count: int, k: int, number: int = 20) -> list[Split]:
    """k random rows to calibrate on, the others to predict; draws 0 to ``number`` - 1."""
    orders = [np.random.default_rng(seed).permutation(count) for seed in range(number)]
    return [(order[:k], order[k:]) for order in orders]
