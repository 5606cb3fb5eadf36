"""Does switching follow the power of a GPU whose operands change? An A100 at one shape under 208 kinds of data a unit.

Protocol: four terms with one scale each (transistor operations of the arithmetic unit, flips on the buses of operands
and sums, changes written to the registers of sums, ones read as operands) and a constant, none negative, power capped
at the board's 300 W; fitted on the odd experiments and scored on the even ones, and the other way about. The kernel
writes its result by columns, for which CUTLASS multiplies the transposed operands in exchange (gemm/device/gemm.h), so
that the second operand's columns are the rows here.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from zlib import crc32

import numpy as np
import numpy.typing as npt
from claims import Claim, Options, datasets
from operand_data import SIDE, Matrix, number
from scipy.optimize import least_squares, nnls

from alu_library import GemmSwitching, Unit, cuda_core, gemm_switching, tensor_core

__all__ = ["gpu_claims"]

FILE = "dc_gemm_operand_data_a100.csv"
CAP_WATT = 300.0
UNITS: Mapping[str, Unit] = {
    "fp16_tensor_core": tensor_core("fp16", "fp16"), "fp16": cuda_core("fp16"), "fp32": cuda_core("fp32"),
}
GOAL = {"fp16_tensor_core": "tensor_core"}
MOVES_WATT = 10.0
SORTED_BY_SHARE = ("8-sort-rows", "9-sort-columns", "10-sort-intra", "13-sort-no-transpose")

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Row:
    """One measured product: its experiment and parameter, mean power with its spread over seeds, clock, switching,
    share of zeros."""

    experiment: str
    parameter: float
    power_watt: float
    spread_watt: float
    clock_megahertz: float
    switching: GemmSwitching
    zeros: float


def gpu_claims(options: Options) -> Iterator[Claim]:
    """R² of power per unit, and the worst correlation inside an experiment that moves power."""
    folder = datasets()
    names = [f"gpu_data_r2_{GOAL.get(unit, unit)}" for unit in UNITS]
    names += ["gpu_data_within_worst", "gpu_data_clock_error"]
    if folder is None or options.smoke:
        reason = "smoke: 624 simulations" if folder else f"TOCOMPILER_DATASETS has {FILE}, which has no licence to ship"
        yield from (Claim(name, None, "", {}, reason) for name in names)
        return
    inside, ceilings = dict[str, tuple[float, float]](), dict[str, float]()
    capped: Claim | None = None
    for unit, name in zip(UNITS, names, strict=False):
        rows = measured(folder / FILE, unit)
        found = crossed(rows, terms)
        inside |= {f"{unit} {e}": c for e, c in within(rows, found.predicted).items()}
        floors = {what: crossed(rows, of).r2 for what, of in FLOORS.items()}
        scales = ", ".join(f"{s:.1f}" for s in found.watt)
        capped = clock(rows, found.demand) if unit == "fp16_tensor_core" else capped
        yield Claim(name, found.r2, "", {**found.ways, **floors},
                    f"watt at mean data: constant, arithmetic, buses, registers, reads: {scales}")
        ceilings |= {f"{unit} {e}": c for e, c in consistent(rows).items()}
    worst = sorted(inside, key=lambda e: inside[e][0])
    yield Claim("gpu_data_within_worst", inside[worst[0]][0], "", {
        "most that one power for the same data allows in it": ceilings.get(worst[0]),
        "second": inside[worst[1]][0], "third": inside[worst[2]][0], "experiments": len(inside),
        "worst, rows weighted by their spread": min(weighted for _, weighted in inside.values())},
        f"worst: {worst[0]}; {worst[1]}; {worst[2]}; unsorted data were measured first, with up to ten times "
        "the others' spread, as on a board that warms up")
    if capped is not None:
        yield capped


def clock(rows: Sequence[Row], demand: Floats) -> Claim:
    """The clock at the power cap: power goes with its cube, as voltage follows it."""
    measured_clock = np.array([row.clock_megahertz for row in rows])
    full = float(measured_clock.max())
    predicted = full * np.minimum(1.0, (CAP_WATT / demand) ** (1 / 3))
    return Claim("gpu_data_clock_error", float(np.abs(predicted - measured_clock).mean()), "MHz", {
        "always the full clock": float(np.abs(full - measured_clock).mean()), "full clock": full,
        "correlation": correlation(predicted, measured_clock, np.ones(len(rows)))}, "tensor cores, which reach the cap")


def measured(path: Path, unit: str) -> list[Row]:
    """The rows of one unit, each with the switching of its operands."""
    rows = []
    with path.open(encoding="utf-8") as file:
        for line in csv.DictReader(file):
            if line["dtype"] != unit:
                continue
            kind, parameter = number(line["experiment"]), float(line["parameter"] or 0)
            switching, zeros = switched(UNITS[unit], kind, parameter)
            rows.append(Row(line["experiment"], parameter, float(line["power_w"]), float(line["power_sd"]),
                            float(line["sm_clock_mhz"]), switching, zeros))
    return rows


def switched(unit: Unit, kind: int, parameter: float) -> tuple[GemmSwitching, float]:
    """Switching of one product, and the share of zeros among its operands."""
    rng = np.random.default_rng(crc32(f"{kind} {parameter}".encode()))
    bits = 32 if unit.format == "fp32" else 16
    first, second = (Matrix(kind, parameter, bits, seed, rng) for seed in (1, 2))
    # B[k, n] stands at (k, n) of its transposed array, and at (n, k) in the experiment that leaves out transposition.
    rows_of = second if kind == 13 else lambda n, k: second(k, n).T
    found = gemm_switching(rows_of, first, unit, (SIDE, SIDE, SIDE), tiles=20)
    sample = first(np.arange(SIDE), np.arange(0, SIDE, SIDE // 8)).astype(np.uint64)
    return found, float((sample << np.uint64(65 - bits) == 0).mean())


def terms(row: Row) -> tuple[float, ...]:
    """What power is made of, up to one scale each."""
    s = row.switching
    return s.transistor_operations, s.operand_flips + s.sum_flips, s.register_changes, s.ones_read


FLOORS: Mapping[str, Callable[[Row], tuple[float, ...]]] = {
    "zeros alone": lambda row: (1 - row.zeros,),
    "operand bit flips alone": lambda row: (row.switching.operand_flips,),
    "Hamming weight alone": lambda row: (row.switching.ones_read,),
    "arithmetic alone": lambda row: (row.switching.transistor_operations,),
}


@dataclass(frozen=True)
class Crossed:
    """Predictions of every row by the fit that has not seen its experiment, without the cap and with it, and the R² of
    these together and each way."""

    demand: Floats
    predicted: Floats
    r2: float
    ways: Mapping[str, float]
    watt: Floats


def crossed(rows: Sequence[Row], of: Callable[[Row], tuple[float, ...]]) -> Crossed:
    """Fit on the odd experiments for the even ones, and the other way about."""
    power = np.array([row.power_watt for row in rows])
    values = np.array([of(row) for row in rows])
    design = np.column_stack([np.ones(len(rows)), values / values.mean(axis=0)])
    odd = np.array([number(row.experiment) % 2 == 1 for row in rows])
    even = ~odd & np.array([row.experiment != "baseline" for row in rows])
    demand = np.empty(len(rows))
    for train in (odd, even):
        demand[~train] = (design @ fitted(design[train], power[train]))[~train]
    predicted = np.minimum(CAP_WATT, demand)
    ways = {"on odd by even": r2(power[odd], predicted[odd]), "on even by odd": r2(power[even], predicted[even])}
    return Crossed(demand, predicted, r2(power, predicted), ways, fitted(design, power))


def fitted(design: Floats, power: Floats) -> Floats:
    """Non-negative scales under which capped power is nearest, in least squares."""
    below = power < CAP_WATT - 6
    start = np.maximum(nnls(design[below], power[below])[0], 1e-3)
    return np.asarray(least_squares(lambda s: np.minimum(CAP_WATT, design @ s) - power, start, bounds=(0, np.inf)).x)


def r2(y: Floats, predicted: Floats) -> float:
    """Share of variance explained."""
    return float(1 - ((y - predicted) ** 2).sum() / ((y - y.mean()) ** 2).sum())


def within(rows: Sequence[Row], predicted: Floats) -> dict[str, tuple[float, float]]:
    """Correlation of power and prediction inside each experiment that moves power, plain and weighted by 1/spread²."""
    groups: dict[str, list[int]] = defaultdict(list)
    for place, row in enumerate(rows):
        groups[row.experiment].append(place)
    power, spread = np.array([row.power_watt for row in rows]), np.array([row.spread_watt for row in rows])
    return {
        e: (correlation(power[i], predicted[i], np.ones(len(i))), correlation(power[i], predicted[i], spread[i] ** -2))
        for e, i in groups.items() if np.ptp(power[i]) > MOVES_WATT
    }


def consistent(rows: Sequence[Row]) -> dict[str, float]:
    """The correlation, inside each experiment on sorting, of a prediction that is right everywhere but gives data that
    were not sorted the power that the same data have in the other experiments."""
    found = {}
    for experiment in SORTED_BY_SHARE:
        own = [row for row in rows if row.experiment == experiment]
        same = [row.power_watt for row in rows
                if row.experiment in {*SORTED_BY_SHARE} - {experiment} and row.parameter == 0]
        power = np.array([row.power_watt for row in own])
        right = np.array([median(same) if row.parameter == 0 else row.power_watt for row in own])
        found[experiment] = correlation(power, right, np.ones(len(own)))
    return found


def correlation(x: Floats, y: Floats, weights: Floats) -> float:
    """Weighted correlation; 0 where one of them is constant."""
    covariance = np.cov(np.stack([x, y]), aweights=weights)
    scale = float(np.sqrt(covariance[0, 0] * covariance[1, 1]))
    return float(covariance[0, 1]) / scale if scale else 0.0


if __name__ == "__main__":
    from claims import main

    main(gpu_claims, __doc__)
