"""Calibration: from measurements to a Device. Layers measured alone give a model for each kind of operator and pass;
whole programs give one model of their summed terms."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from hardware.device import Device
from hardware.energy_model import EnergyModel
from hardware.facts import Facts
from hardware.measurement import Measurement
from hardware.memory import MemoryLevel
from hardware.runtime import Runtime, load_runtime
from tocompiler.bayes.prior import Prior, shipped_prior
from tocompiler.energy.columns import Columns
from tocompiler.energy.domain import KINDS, kind_of, seen_in
from tocompiler.energy.fitting import Choices, Rows, fit_and_hold_out
from tocompiler.energy.intervals import conformal, widening
from tocompiler.energy.metrics import metrics
from tocompiler.execution import execute

__all__ = ["calibrate", "data_hash", "rows_of"]

_OWN_MODEL_FROM = 30  # layers of one kind that are worth a model of their own
_WATT = 30.0  # where the power at full load is not known
_MOVED = ("compute", "depthwise", "near", "far", "fresh", "weights", "uncached")
"""Terms of the model for operators that were never measured alone: what they move, and no cost of their own."""


def calibrate(measurements: Iterable[Measurement], name: str, *, runtime: Runtime | None = None,
              memory: Sequence[MemoryLevel] = (), facts: Facts | None = None, prior: Prior | None = None,
              known: Mapping[str, float] | None = None, choices: Choices | None = None, description: str = "",
              source: str = "", energy: bool = True) -> Device:
    """Fit a device to measurements.

    ``runtime`` defaults to the shipped one that the measurements' conditions name; each row's other conditions override
    its rules for that row. ``facts`` are what a data sheet says, from which, and from all other devices, ``prior``
    (default: the shipped one) says what coefficients are likely before any row. ``known`` are coefficients (joule per
    unit of a term, hardware.terms) that are known from elsewhere and not fitted. Rows with ``latency_second`` fit the
    same terms once more, to run times, on which no energy depends; without ``energy`` they alone do. ValueError without
    measurements, or where they name several runtimes.
    """
    measured = list(measurements)
    if not measured:
        raise ValueError("no measurements: give at least one")
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    runtime = runtime or _runtime(measured)
    bare = Device(name, runtime, tuple(memory), {}, data_hash(measured), len(measured), description, source,
                  facts=facts or Facts(), measured_watt=_watts(measured))
    with threadpool_limits(1):  # threads cost more than they bring on matrices of a few hundred rows
        likely = (prior or shipped_prior()).of(facts or Facts(), runtime, bare.last_cache_byte is not None)
        chosen = choices or Choices(known=tuple((known or {}).items()))
        chosen = replace(chosen, prior=chosen.prior or likely)
        found = [Columns(execute(m.program, runtime, last_cache_byte=bare.last_cache_byte, conditions=m.conditions))
                 for m in measured]
        times = _times(measured, found, bare.facts.power_watt or _WATT, chosen)
        if not energy:
            return replace(bare, measured_watt=None, times=times)
        return replace(bare, models=_models(measured, found, chosen), times=times)


def _times(measured: Sequence[Measurement], found: Sequence[Columns], watt: float,
           choices: Choices) -> dict[str, EnergyModel]:
    """Models of run times: what the fit makes of seconds at full power, in which the prior speaks; it cancels. Without
    a correction, which gained a tenth on single layers and a quarter on one GPU, and doubled work and file."""
    timed = [(replace(m, energy_joule=m.latency_second * watt, executions=1), columns)
             for m, columns in zip(measured, found, strict=True) if m.latency_second]
    if not timed:
        return {}
    models = _models([m for m, _ in timed], [columns for _, columns in timed],
                     replace(choices, correction=False, known=()))
    return {label: model.scaled(1 / watt) for label, model in models.items()}


def _watts(measured: Sequence[Measurement]) -> tuple[float, float] | None:
    found = [m.joule_per_execution / m.latency_second for m in measured if m.latency_second]
    return (min(found), max(found)) if found else None


def _models(measured: Sequence[Measurement], found: Sequence[Columns], choices: Choices) -> dict[str, EnergyModel]:
    single = [len(f.leaders) == 1 for f in found]
    if all(single):
        return _operator_models(measured, found, replace(choices, exponent=False))
    return {"program": _finished(rows_of(measured, found), choices, "program", found)}


def rows_of(measured: Sequence[Measurement], found: Sequence[Columns], facts: bool = False) -> Rows:
    """Measurements as rows to fit: summed terms, joule per execution, and groups."""
    return Rows(
        np.array([f.total for f in found]),
        np.array([f.layer_facts[0] if facts else f.program_facts for f in found]),
        np.array([m.joule_per_execution for m in measured]),
        np.array([m.group or m.program.name for m in measured]),
    )


def _operator_models(measured: Sequence[Measurement], found: Sequence[Columns],
                     choices: Choices) -> dict[str, EnergyModel]:
    """One model for each kind of operator and pass with enough layers, and one for all others."""
    members: dict[tuple[str, str], list[int]] = {}
    for i, f in enumerate(found):
        leader = f.execution.rows[f.leaders[0]]
        members.setdefault((kind_of(leader.operator), leader.phase), []).append(i)
    everything = rows_of(measured, found, facts=True)
    models = {"any": _finished(everything, replace(choices, correction=False, terms=_MOVED), "operator", found)}
    for (kind, phase), index in members.items():
        if len(index) >= _OWN_MODEL_FROM:
            model = _finished(everything.take(np.array(index)), choices, "operator", [found[i] for i in index])
            models[f"{kind}, {phase}"] = replace(model, operators=KINDS.get(kind, (kind,)), phase=phase)
    return models


def _finished(rows: Rows, choices: Choices, level: str, found: Sequence[Columns]) -> EnergyModel:
    """Fit, then the interval and metrics from predictions of held-out groups."""
    seen = seen_in(row for f in found for row in f.execution.rows)
    model, unseen = fit_and_hold_out(rows, choices, level)
    if not len(unseen.joule):
        return replace(model, seen=seen)
    interval = replace(conformal(unseen), widening=widening(rows, choices))
    figures = {**metrics(unseen.joule, unseen.predicted), "groups": float(rows.group_count)}
    return replace(model, interval=interval, metrics=figures, seen=seen)


def _runtime(measured: Sequence[Measurement]) -> Runtime:
    names = sorted({m.conditions.get("runtime", "generic") for m in measured})
    if len(names) > 1:
        raise ValueError(f"the measurements name several runtimes ({', '.join(names)}): calibrate one device for each")
    return load_runtime(names[0])


def data_hash(measured: Sequence[Measurement]) -> str:
    """First 16 digits of the SHA-256 of what was fitted: each program's counts and its energy."""
    digest = hashlib.sha256()
    for m in measured:
        totals = m.program.totals
        digest.update(f"{m.program.name}|{m.program.alu.phase}|{totals.multiply_accumulates}|{totals.parameters}|"
                      f"{m.joule_per_execution:.9g}\n".encode())
    return digest.hexdigest()[:16]


