"""How well joules are measured, on machines whose answer is known, and how few rows calibrate a new device.

    python benchmarks/measure.py [--json -] [--smoke] [--full]

``measure_error_worst``: simulated machines with drift, swings, noise, ticks of .1 to 2 s, wrap-around, rounding and an
idle floor, measured by the same session as real ones; the floor is subtracted, or not. ``measure_quick_rows...``:
devices drawn from calibrated ones (every coefficient by its own factor, half an e-fold of standard deviation; 5 % of
scatter by workload) are measured by ``--plan quick`` for ten simulated minutes, the design knowing another device.
"""

from __future__ import annotations

import math
import statistics
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from claims import Claim, Options, main

import hardware
import tocompiler
from tocompiler.measuring import (
    Chooser,
    Conditions,
    Informative,
    Outcome,
    Plan,
    Session,
    SimulatedMachine,
    SimulatedRuntime,
    Workload,
    load_plan,
    measure,
)

KNOWN = "jetson_tx2_maxq"  # its predictions are what the machines of the first claim really draw
PRIOR = "gpu_rtx4090_laptop"  # what the design knows
DRAWN = ("jetson_tx2_maxn", "m1_gpu", "jetson_tx2_maxp", "m1_cpu", "cpu_cortex_a53", "jetson_nano_cpu")
UNSEEN = ("resnet50", "vgg16", "mobilenet_v3_large", "squeezenet1_0", "alexnet_2012", "convnext_base", "swin_b",
          "bert_base")
CLOSE = 0.10
WATT = 40.0


def run(options: Options) -> Iterator[Claim]:
    """Errors and coverage, then rows."""
    yield from _accuracy(6 if options.smoke else 400 if options.full else 150)
    yield _rows(DRAWN[:1] if options.smoke else DRAWN, 3 if options.full else 1, options.smoke)


def _accuracy(machines: int) -> Iterator[Claim]:
    random = np.random.default_rng(11)
    found = [_known_answer(random, above_idle=i % 2 == 1) for i in range(machines)]
    errors = [abs(each - 1) for each, _ in found]
    inside = statistics.fmean(error <= sure for error, (_, sure) in zip(errors, found, strict=True))
    yield Claim("measure_error_worst", 100 * max(errors), "%",
                {"median_percent": 100 * statistics.median(errors), "rows": machines, "goal_percent": 2.0})
    yield Claim("measure_coverage", 100 * inside, "%", {"stated_percent": 90.0, "rows": machines})


def _known_answer(random: np.random.Generator, above_idle: bool) -> tuple[float, float]:
    """Measured over true joule of one workload on a machine drawn at random, and the stated uncertainty."""
    second = 10 ** random.uniform(-4, 0.5)
    program = tocompiler.compile(tocompiler.load("resnet18"))
    device = hardware.load_device(KNOWN)
    joule = tocompiler.predict(program, device).energy_joule
    watt = joule / second
    idle = watt / random.uniform(1, 4)
    machine = SimulatedMachine(Conditions(
        idle_watt=idle, drift_watt=random.uniform(-0.1, 0.1) * idle, swing_watt=random.uniform(0, 0.03) * idle,
        noise=random.uniform(0.002, 0.04), noise_second=10 ** random.uniform(-2, -0.5),
        tick_second=10 ** random.uniform(-1, math.log10(2)), step_joule=1e-4 * watt, range_joule=watt * 20,
    ), seed=int(random.integers(1 << 31)))
    session = Session(SimulatedRuntime(machine, device, watt=watt), machine, machine, above_idle=above_idle)
    outcome, _ = _session(Plan("one", (Workload("resnet18"),)), session)
    assert outcome[-1].window is not None
    begin, end = outcome[-1].window.begin_second, outcome[-1].window.end_second
    floor = statistics.fmean(machine.floor_watt(begin + (end - begin) * i / 200) for i in range(201))
    truth = joule + (0.0 if above_idle else floor * second)
    cells = outcome[-1].cells
    return (float(cells["energy_joule"]) / int(cells["executions"]) / truth, float(cells["condition_uncertainty"]))


def _session(plan: Plan, session: Session, choose: Chooser | None = None) -> tuple[list[Outcome],
                                                                                  list[hardware.Measurement]]:
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "table.csv"
        outcomes = list(measure(plan, table, session, choose))
        return outcomes, tocompiler.read_measurements(table)


@dataclass(frozen=True)
class _Race:
    """Rows until the mean error on unseen networks is within a tenth for good (None: never), and the last error."""

    rows: int | None
    last: float


def _rows(names: tuple[str, ...], draws: int, smoke: bool) -> Claim:
    programs = [tocompiler.compile(tocompiler.load(name, batch=b)) for name in UNSEEN[:2 if smoke else None]
                for b in (1, 8)]
    found: dict[str, list[_Race]] = {"informative": [], "random": []}
    for seed in range(draws):
        for name in names:
            device = _drawn(hardware.load_device(name), seed)
            for order, races in found.items():
                races.append(_race(device, programs, order, seed, smoke))
    informative, random = ([45.0 if r.rows is None else float(r.rows) for r in races] for races in found.values())
    within = statistics.fmean(r.last <= CLOSE for r in found["informative"])
    ratio = statistics.fmean(informative) / statistics.fmean(random)
    return Claim("measure_quick_rows_to_10_percent", statistics.fmean(informative), "rows",
                 {"random_plan_rows": statistics.fmean(random), "share_of_random": ratio, "devices": len(informative),
                  "devices_within_10_percent_after_ten_minutes": 100 * within,
                  "median_error_after_ten_minutes_percent": 100 * statistics.median(
                      r.last for r in found["informative"]),
                  "random_plan_median_error_percent": 100 * statistics.median(r.last for r in found["random"])},
                 "" if ratio <= 0.5 else "more than half of a random order's: the candidates are chosen to differ, "
                 "so that any order tells much, and calibrate's prior over all devices outweighs single rows")


def _drawn(device: hardware.Device, seed: int) -> hardware.Device:
    """A device like a calibrated one: every coefficient times its own factor."""
    random = np.random.default_rng([seed, len(device.name)])
    terms = sorted({term for model in device.models.values() for term in model.terms})
    factor = dict(zip(terms, np.exp(random.normal(0, 0.5, len(terms))), strict=True))
    models = {label: replace(m, coefficients=tuple(factor[t] * c for t, c in zip(m.terms, m.coefficients, strict=True)))
              for label, m in device.models.items()}
    return replace(device, models=models)


def _race(device: hardware.Device, programs: list[tocompiler.TransistorProgram], order: str, seed: int,
          smoke: bool) -> _Race:
    machine = SimulatedMachine(Conditions(idle_watt=10.0, noise=0.01), seed=seed)
    session = Session(SimulatedRuntime(machine, device, watt=WATT, scatter=0.05), machine, machine, above_idle=True)
    plan = replace(load_plan("quick"), order=order, seed=seed, **({"budget_second": 150.0} if smoke else {}))
    choose = Informative(hardware.load_device(PRIOR)) if order == "informative" else None
    _, rows = _session(plan, session, choose)
    truth = np.array([tocompiler.predict(p, device).energy_joule for p in programs])
    counts = [n for n in ((8,) if smoke else (*range(4, 20), 22, 26, 32, 40)) if n < len(rows)]
    errors = [_error(rows[:n], device, programs, truth) for n in (*counts, len(rows))]
    within = len(errors)
    while within and errors[within - 1] <= CLOSE:
        within -= 1
    return _Race((*counts, len(rows))[within] if within < len(errors) else None, errors[-1])


def _error(rows: list[hardware.Measurement], device: hardware.Device, programs: list[tocompiler.TransistorProgram],
           truth: np.ndarray) -> float:  # type: ignore[type-arg]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that few rows leave coefficients open is the point
        found = tocompiler.calibrate(rows, "new", runtime=device.runtime, memory=device.memory)
    predicted = np.array([tocompiler.predict(p, found).energy_joule for p in programs])
    return float(np.abs(predicted / truth - 1).mean())


if __name__ == "__main__":
    main(run, __doc__)
