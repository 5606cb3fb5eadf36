"""Joules where nobody tuned them: a few rows, none, another format, larger programs; beside what is simple.

    TOCOMPILER_DATASETS=folder python benchmarks/joules.py [--json -] [--smoke] [--full]

The protocol, fixed before any figure was seen. A device set is a measured table: every shipped one, each
microcontroller with its library, and the random layers of the Xeon study. What is learned from other devices (the
prior) is learned again without any device of the same chip. A draw shuffles a set's groups (networks) and takes k rows
at random from the first half of them, or from as many more as k rows need, at least one group left; every row of the
other groups is predicted (at most 60, drawn once for each set). An error is the mean absolute relative one over the
rows of a draw, then over draws. The simple competitor is the one that is best, in hindsight, on that set at that k: one
factor on multiply-accumulates, one on bytes, multiply-accumulates with a constant, with bytes and a constant, both
without, each non-negative with the least relative squares, and boosted trees on shapes from ten rows on.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from time import process_time
from typing import Any, TypeAlias

import numpy as np
from claims import Claim, Options, datasets, main
from energy_rows import Rows, predictions, untimed
from joules_simple import SIMPLE, simple_error

import hardware
import tocompiler

Array: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]
SIZES = (1, 2, 3, 5, 10, 30)
LARGEST = 60  # rows predicted of a set in one draw
LEARNED = 500  # rows of a set that take part
XEON_CACHE = hardware.MemoryLevel("l3", int(19.25 * 2**20), source="Intel Xeon Gold 5120 data sheet")


@dataclass(frozen=True)
class DeviceSet:
    """One device's rows and facts, and the prior learned without its chip."""

    name: str
    rows: Rows
    facts: hardware.Facts
    prior: tocompiler.Prior

    def calibrated(self, train: Array, timed: bool = False) -> hardware.Device:
        part = self.rows.take(train).measured
        return tocompiler.calibrate(part if timed else untimed(part), "few", memory=self.rows.memory, facts=self.facts,
                                    prior=self.prior)


def device_sets(smoke: bool) -> Iterator[DeviceSet]:
    """Every set, with the prior of all other chips."""
    rows = {name: _thinned(name) for name in hardware.shipped_tables()
            if not smoke or name in ("jetson_tx2_maxn", "ncs2", "dpu_ultra96", "mcu_u575_st_v10", "mcu_l4r5_st_v10")}
    folder = datasets()
    if folder is not None and not smoke:
        table = hardware.published_tables(folder, "cpu_xeon5120_getzner.csv")["cpu_xeon5120"]
        random = [r for r in table if r.conditions["split"] == "random"]
        rows["cpu_xeon5120"] = Rows([_measured(r) for r in _some(random)], (XEON_CACHE,))
    evidence = {name: tocompiler.Evidence(part.measured, hardware.facts_of(name), part.memory, _runtime(part))
                for name, part in rows.items()}
    priors: dict[str, tocompiler.Prior] = {}
    for name, part in rows.items():
        facts = hardware.facts_of(name)
        if facts.chip not in priors:
            priors[facts.chip] = tocompiler.learn_prior([e for e in evidence.values() if e.facts.chip != facts.chip])
        yield DeviceSet(name, part, facts, priors[facts.chip])


def _thinned(name: str) -> Rows:
    table = _some(hardware.read_table(hardware.shipped_table(name)))
    return Rows([_measured(r) for r in table], hardware.shipped_tables()[name].memory)


def _some(table: list[Any]) -> list[Any]:
    order = np.random.default_rng(1).permutation(len(table))[:LEARNED]
    return [table[i] for i in np.sort(order)]


@cache
def _program(model: str, batch: int, format: str, phase: str) -> Any:
    row = hardware.MeasurementRow(model, 1.0, batch, format, phase)
    return tocompiler.compile(tocompiler.network_of(row), format=format, phase=phase)


def _measured(row: Any) -> hardware.Measurement:
    return row.measurement(_program(row.model, row.batch, row.format, row.phase))  # type: ignore[no-any-return]


def _runtime(rows: Rows) -> hardware.Runtime:
    return hardware.load_runtime(rows.measured[0].conditions.get("runtime", "generic"))


def draws(rows: Rows, k: int, number: int) -> Iterator[tuple[Array, Array]]:
    """Rows to calibrate on and rows to predict; no two draws alike."""
    names = np.unique(rows.groups)
    seen = set()
    for seed in range(number):
        random = np.random.default_rng(seed)
        order = random.permutation(len(names))
        for count in range(max(len(names) // 2, 1), len(names)):
            near = np.isin(rows.groups, names[order[:count]])
            if near.sum() >= k:
                train = np.sort(random.permutation(np.flatnonzero(near))[:k])
                test = np.flatnonzero(~near)
                if (tuple(train), tuple(test)) not in seen:
                    seen.add((tuple(train), tuple(test)))
                    yield train, np.sort(np.random.default_rng(0).permutation(test)[:LARGEST])
                break


def run(options: Options) -> Iterator[Claim]:
    """Every claim."""
    sets = list(device_sets(options.smoke))
    number = 1 if options.smoke else 20 if options.full else 4
    yield from few_rows(sets, number)
    yield zero_rows(sets)
    yield from formats(sets)
    yield upward(sets)
    yield technology()
    yield networks(options.smoke)
    yield from in_domain(sets, 5 if options.full else 2)
    yield from seconds(sets)


def few_rows(sets: list[DeviceSet], number: int) -> Iterator[Claim]:
    """Errors at k rows over the best simple model's."""
    ratios: dict[tuple[str, int], float] = {}
    tiny: list[float] = []
    inside: dict[str, list[float]] = {}
    for s in sets:
        for k in SIZES:
            ours: list[float] = []
            simple: dict[str, list[float]] = {}
            for train, test in draws(s.rows, k, number):
                found = predictions(s.calibrated(train), s.rows, test)
                ours.append(found.mape)
                inside.setdefault(s.name, []).append(float(((found.joule >= found.low)
                                                            & (found.joule <= found.high)).mean()))
                for name in SIMPLE:
                    if k >= SIMPLE[name]:
                        simple.setdefault(name, []).append(simple_error(name, s.rows, train, test))
            if ours:
                ratios[s.name, k] = float(np.mean(ours) / min(np.mean(e) for e in simple.values()))
                tiny += [float(np.mean(ours))] if k == 3 and s.name.startswith("mcu") else []
    by_k = {f"k{k}": _geomean([r for (_, size), r in ratios.items() if size == k]) for k in SIZES
            if any(size == k for _, size in ratios)}
    worst = max(ratios, key=lambda key: ratios[key])
    yield Claim("few_rows_geomean_ratio", _geomean(list(ratios.values())), "x", {**by_k, "sets": len(sets)},
                "mean error over that of the simple model that is best in hindsight")
    above = sorted(((r, f"{n} k{k}") for (n, k), r in ratios.items() if r > 1.3), reverse=True)
    yield Claim("few_rows_worst_ratio", ratios[worst], "x",
                {"set": f"{worst[0]} k{worst[1]}", "above_1.3": len(above), "of": len(ratios)},
                "; ".join(f"{what} {r:.2f}" for r, what in above))
    yield Claim("few_rows_k3_tiny", float(np.mean(tiny)), "%", {"boards": len(tiny)},
                "three networks, the fourth predicted")
    cover = {name: 100 * float(np.mean(shares)) for name, shares in inside.items()}
    least = min(cover, key=lambda name: cover[name])
    yield Claim("few_rows_coverage", float(np.mean(list(cover.values()))), "%", {"least": cover[least], "set": least},
                "90 % intervals, all k together")


def _geomean(values: list[float]) -> float:
    return float(np.exp(np.mean(np.log(values))))


def zero_rows(sets: list[DeviceSet]) -> Claim:
    """Devices known from their data sheets alone: each one's geometric mean of predicted over measured."""
    off, covered = [], []
    for s in sets:
        device = tocompiler.zero_shot("none", s.facts, memory=s.rows.memory, runtime=_runtime(s.rows), prior=s.prior)
        index = np.random.default_rng(0).permutation(len(s.rows))[:LARGEST]
        found = predictions(device, s.rows, index)
        off.append(float(np.log(found.predicted / found.joule).mean()))
        covered.append(float(((found.joule >= found.low) & (found.joule <= found.high)).mean()))
    spread = np.abs(off)
    return Claim("zero_rows_factor", float(np.exp(np.sqrt((spread**2).mean()))), "x", {
        "nine_in_ten_within": float(np.exp(np.quantile(spread, 0.9))),
        "within_4x": 100 * float((spread < np.log(4)).mean()), "coverage": 100 * float(np.mean(covered)),
        "typical": float(np.exp(np.median(spread)))},
        "root mean square of log ratios over devices; node, power, peak rate and bandwidth known")


def formats(sets: list[DeviceSet]) -> Iterator[Claim]:
    """Calibrated on all rows of one format, all rows of another predicted."""
    errors: dict[str, float] = {}
    for s in sets:
        found = np.array([m.program.alu.format for m in s.rows.measured])
        for first in np.unique(found):
            for other in np.unique(found):
                if first != other:
                    device, test = s.calibrated(np.flatnonzero(found == first)), np.flatnonzero(found == other)
                    errors[f"{s.name} {first} to {other}"] = predictions(device, s.rows, test).mape
    worst = max(errors, key=lambda name: errors[name])
    yield Claim("format_transfer_median", float(np.median(list(errors.values()))), "%", {"pairs": len(errors)})
    yield Claim("format_transfer_worst", errors[worst], "%", {"pair": worst},
                "; ".join(f"{name} {e:.1f}" for name, e in errors.items()))


def upward(sets: list[DeviceSet]) -> Claim:
    """The smaller half by energy calibrates, the larger is predicted."""
    ratios = {}
    for s in sets:
        order = np.argsort(s.rows.joule, kind="stable")
        train, test = order[:len(order) // 2], order[len(order) // 2:]
        if len(train) >= 2:
            best = min(simple_error(name, s.rows, train, test) for name in SIMPLE if len(train) >= SIMPLE[name])
            ratios[s.name] = predictions(s.calibrated(train), s.rows, test).mape / best
    worst = max(ratios, key=lambda name: ratios[name])
    above = "; ".join(f"{n} {r:.2f}" for n, r in sorted(ratios.items(), key=lambda item: -item[1]) if r > 1)
    return Claim("upward_worst_ratio", ratios[worst], "x", {
        "set": worst, "geomean": _geomean(list(ratios.values())), "above_1": sum(r > 1 for r in ratios.values()),
        "sets": len(ratios)}, above)


RANGES: Mapping[str, tuple[float, float]] = {
    "compute": (1e-18, 1e-10), "depthwise": (1e-18, 1e-10), "near": (1e-14, 1e-7), "far": (1e-13, 1e-6),
    "fresh": (1e-13, 1e-6), "weights": (1e-14, 1e-6), "uncached": (1e-13, 1e-6),
}
"""Joule per transistor operation and per byte that technology allows: from bare switching at 4 nm (some attojoule a
transistor) to a thousand instructions a product on a board at 90 nm; from on-chip memory (10 fJ a bit at the least,
Horowitz 2014) to a board's whole power on a bus of 10 MB/s."""


def technology() -> Claim:
    """Coefficients of shipped devices outside what technology allows."""
    outside = []
    for name in hardware.device_names():
        for label, model in hardware.load_device(name).models.items():
            for term, (low, high) in RANGES.items():
                value = model.coefficient(term)
                if value and not low <= value <= high:
                    outside.append(f"{name} {label} {term} {value:.1e}")
    return Claim("coefficients_outside_technology", len(outside), "", {"devices": len(hardware.device_names())},
                 "; ".join(outside[:20]))


def networks(smoke: bool) -> Claim:
    """Whole networks on the desktop that was calibrated on single layers, forward and backward."""
    folder, file = datasets(), "cpu_raptorlake_networks.csv"
    if folder is None or smoke:
        return Claim("layers_to_networks_raptorlake", None, "x", reason="set TOCOMPILER_DATASETS; not in a smoke run")
    device, ratios = hardware.load_device("cpu_raptorlake"), {}
    with (folder / file).open(newline="", encoding="utf-8") as lines:
        for r in csv.DictReader(lines):
            size = int(float(r["in_h"]))
            net = tocompiler.zoo.build(r["model"], batch=int(r["batch"]), image_size=size, num_classes=10)
            phase = "inference" if r["phase"].startswith("inference") else "backward"
            found = tocompiler.predict(tocompiler.compile(net, phase=phase), device)
            ratios[f"{r['model']} {phase}"] = found.energy_joule / float(r["energy_joule"])
    worst = max(ratios, key=lambda name: abs(np.log(ratios[name])))
    return Claim("layers_to_networks_raptorlake", float(np.exp(abs(np.log(ratios[worst])))), "x", {"network": worst},
                 "; ".join(f"{name} {ratio:.2f}" for name, ratio in ratios.items()))


def in_domain(sets: list[DeviceSet], number: int) -> Iterator[Claim]:
    """Coverage of predictions that call themselves inside, of some fifths of the groups by the other four; and their
    run times."""
    cover, times, watts = {}, {}, {}
    for s in (s for s in sets if len(np.unique(s.rows.groups)) >= 10):
        names = np.random.default_rng(0).permutation(np.unique(s.rows.groups))
        met: list[bool] = []
        off: list[float] = []
        apart: list[float] = []
        for fifth in range(number):
            held = np.isin(s.rows.groups, names[fifth::5])
            device = s.calibrated(np.flatnonzero(~held), timed=True)
            for m in s.rows.take(np.flatnonzero(held)[:LARGEST]).measured:
                p = tocompiler.predict(m.program, device, m.conditions)
                met += [p.low_joule <= m.joule_per_execution <= p.high_joule] if p.in_domain else []
                if p.second is not None and p.watt is not None and m.latency_second:
                    off.append(abs(p.second / m.latency_second - 1))
                    apart.append(abs(p.watt / (m.joule_per_execution / m.latency_second) - 1))
        if len(met) >= 10:
            cover[s.name] = 100 * float(np.mean(met))
        if off:
            times[s.name], watts[s.name] = 100 * float(np.mean(off)), 100 * float(np.mean(apart))
    if not cover:
        yield Claim("coverage_in_domain_worst", None, "%", reason="no set has ten held-out rows that are inside")
        return
    worst = min(cover, key=lambda name: cover[name])
    yield Claim("coverage_in_domain_worst", cover[worst], "%", {"set": worst, "sets": len(cover), "fifths": number,
                                                                "mean": float(np.mean(list(cover.values())))},
                "; ".join(f"{name} {share:.0f}" for name, share in cover.items()))
    yield Claim("run_time_mape", float(np.median(list(times.values()))), "%", {
        "worst": max(times.values()), "watts": float(np.median(list(watts.values()))), "sets": len(times)},
        "median over devices of held-out errors; " + "; ".join(f"{n} {e:.1f}" for n, e in times.items()))


def seconds(sets: list[DeviceSet]) -> Iterator[Claim]:
    """Processor time of one calibration, tables read and programs compiled before."""
    for count in (10, 500):
        s = max(sets, key=lambda s: len(s.rows))
        part = s.rows.take(np.arange(min(count, len(s.rows))))
        start = process_time()
        tocompiler.calibrate(part.measured, "timed", memory=s.rows.memory, facts=s.facts)
        yield Claim(f"calibrate_{count}_rows_second", process_time() - start, "s", {"rows": len(part), "set": s.name})


if __name__ == "__main__":
    main(run, __doc__)
