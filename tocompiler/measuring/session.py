"""The session: one workload after another, each finished row on the disk before the next begins."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hardware.meters import Meter
from tocompiler.compiler import compile
from tocompiler.families import build
from tocompiler.measuring.clock import Clock
from tocompiler.measuring.disturbance import before, conditions, disturbances
from tocompiler.measuring.operands import check_operands
from tocompiler.measuring.plan import Plan, Workload
from tocompiler.measuring.runtimes import Executor, Run
from tocompiler.measuring.steady import Steady
from tocompiler.measuring.table import KEY, AppendTable, columns
from tocompiler.measuring.window import Metered, Settings, Track, open_metered, run_idle, run_window, timed_window
from tocompiler.network import Network

__all__ = ["Outcome", "Session", "measure"]

_ATTEMPTS = 2
_SETTLE_SECOND = 0.5  # after a load, before the floor is read
_FRESH_SECOND = 5.0  # an idle reading older than this is read again


@dataclass(frozen=True)
class Outcome:
    """What became of one attempt at a workload.

    ``cells`` are those of its row, empty where it did not ``run``; ``reason`` says why not, or what disturbed it;
    ``final``: no other attempt follows. Joule of ``window`` are per execution.
    """

    workload: Workload
    cells: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""
    final: bool = True
    window: Steady | None = None
    idle_watt: float | None = None

    @property
    def ran(self) -> bool:
        """Whether there is a row."""
        return bool(self.cells)


@dataclass
class Session:
    """Measures workloads on one runtime with one meter (None: seconds only).

    ``above_idle`` subtracts the floor, read before and after every workload; otherwise a row holds all the energy that
    the meter saw and tells the floor beside it.
    """

    runtime: Executor
    meter: Meter | None
    clock: Clock = field(default_factory=Clock)
    settings: Settings = field(default_factory=Settings)
    above_idle: bool = False
    seed: int = 0
    deadline: float = float("inf")
    folder: Path = Path()
    _metered: Metered | None = None
    _floor: Steady | None = None

    def outcomes(self, workload: Workload) -> Iterator[Outcome]:
        """Measure a workload until nothing disturbs it, or in vain; every attempt is told. MeterError ends it."""
        try:
            check_operands(workload.operands)
            network = build(workload.model, workload.batch, folder=self.folder)
            _modelled(network, workload)
            run = self.runtime.prepare(network, workload.format, workload.phase, workload.operands, self.seed)
        except (ValueError, MemoryError) as error:
            yield Outcome(workload, reason=str(error) or "out of memory")
            return
        for attempt in range(1, _ATTEMPTS + 1):
            outcome = self._attempt(workload, run, attempt)
            yield outcome
            if outcome.final:
                return

    def _attempt(self, workload: Workload, run: Run, attempt: int) -> Outcome:
        started = datetime.datetime.fromtimestamp(self.clock.wall(), datetime.UTC).isoformat(timespec="seconds")
        floor = self._idle()
        start = before(self.clock)
        found, track = self._run(run)
        reason = "; ".join(disturbances(start, self.clock, found, track, self.meter, self.runtime.covers))
        after = self._idle()
        idle = _mean(floor, after) if floor is not None and after is not None else None
        last = attempt == _ATTEMPTS or self.clock.now() > self.deadline
        if self.meter is not None and found.joule <= (_floor_joule(found, idle) if self.above_idle else 0.0):
            return Outcome(workload, reason="it drew no more than the machine does idle", final=last)
        cells = {**self.fixed(), **_key(workload, self.runtime), **_measured(found, idle, self),
                 "condition_attempts": str(attempt), "condition_seed": str(self.seed), "condition_started": started,
                 "condition_disturbed": reason,
                 **{f"condition_{k}": v for k, v in conditions(self.meter).items()}}
        return Outcome(workload, cells, reason, not reason or last, found, None if idle is None else idle[0])

    def fixed(self) -> dict[str, str]:
        """The cells that all rows of the session share."""
        meter = self.meter
        about = {} if meter is None else {
            "condition_meter": meter.name, "condition_scope": meter.scope,
            "condition_meter_accuracy": "" if meter.accuracy is None else f"{meter.accuracy:g}"}
        energy = "none: time only" if meter is None else "above idle" if self.above_idle else "all"
        return {"runtime": self.runtime.preset, "condition_device": self.runtime.device, "condition_energy": energy,
                "condition_threads": str(self.runtime.threads), "condition_versions": self.runtime.versions, **about}

    def _run(self, run: Run) -> tuple[Steady, Track | None]:
        if self._metered is None:
            return timed_window(run, self.clock, self.settings, self.deadline), None
        return run_window(self._metered, run, self.settings, self.deadline)

    def _idle(self) -> Steady | None:
        """Power of the machine doing nothing: just now, or as it was read a moment ago."""
        if self.meter is None:
            return None
        if self._metered is None:
            self._metered = open_metered(self.meter, self.clock)
        if self._floor is None or self.clock.now() - self._floor.end_second > _FRESH_SECOND:
            self.clock.sleep(_SETTLE_SECOND)
            self._floor = run_idle(self._metered, self.settings)
        return self._floor


def _floor_joule(found: Steady, idle: tuple[float, float] | None) -> float:
    """What the machine would have drawn during one execution without it."""
    return 0.0 if idle is None else idle[0] * found.second_per_unit


def _mean(first: Steady, second: Steady) -> tuple[float, float]:
    """Idle power between two readings of it, and the half-width of its 90 % interval."""
    half = (first.half_width_joule**2 + second.half_width_joule**2) ** 0.5 / 2
    return (first.joule + second.joule) / 2, half if first is not second else first.half_width_joule


def _modelled(network: Network, workload: Workload) -> None:
    """ValueError unless the compiler can price it: a row that ``calibrate`` refuses is not worth the time."""
    program = compile(network, format=workload.format, phase=workload.phase)
    if program.unmodelled:
        raise ValueError(f"operator {program.unmodelled[0].operator} is not modelled")


def _key(workload: Workload, runtime: Executor) -> dict[str, str]:
    """The cells of ``table.KEY``."""
    values = (workload.model, workload.batch, workload.format, workload.phase, runtime.preset, workload.operands,
              workload.visit)
    return dict(zip(KEY, map(str, values), strict=True))


def _measured(found: Steady, idle: tuple[float, float] | None, session: Session) -> dict[str, str]:
    """The cells that the window gives: energy of a whole number of executions, and how sure it is."""
    executions = max(round(found.units), 1)
    joule, half = found.joule, found.half_width_joule
    if session.above_idle and idle is not None:
        joule -= _floor_joule(found, idle)
        half = (half**2 + (idle[1] * found.second_per_unit) ** 2) ** 0.5
    sure = half / joule if joule > 0 else float("inf")
    energy = {} if session.meter is None else {"energy_joule": f"{joule * executions:.8g}"}
    floor = {} if idle is None else {"condition_idle_watt": f"{idle[0]:.5g}"}
    return {**energy, **floor, "executions": str(executions), "latency_second": f"{found.second_per_unit:.8g}",
            "repeats": str(found.batches), "spread": f"{found.spread:.4g}", "condition_uncertainty": f"{sure:.4g}",
            "condition_settled": "yes" if found.uncertainty <= session.settings.goal else "no",
            "condition_window_second": f"{found.end_second - found.begin_second:.4g}"}


def measure(plan: Plan, path: Path, session: Session, choose: Chooser | None = None) -> Iterator[Outcome]:
    """Measure what the table does not hold yet, in the plan's order or as ``choose`` says, until the budget ends.

    One row is appended for each workload: the first attempt that nothing disturbed, or the last, with the reason in
    ``condition_disturbed``, which ``calibrate`` leaves out. MeterError and OSError end the session; every finished row
    is on the disk by then.
    """
    if plan.budget_second is not None:
        session.deadline = session.clock.now() + plan.budget_second
    with AppendTable(path, columns(session.meter is None)) as table:
        table.check_same(session.fixed())
        left = _left(plan.ordered(), table, session.runtime)
        if choose is not None:
            _remind(choose, plan, table, session.runtime)
        while left and session.clock.now() < session.deadline:
            workload = left.pop(choose.next(left) if choose is not None else 0)
            for outcome in session.outcomes(workload):
                if outcome.final and outcome.ran:
                    table.append(outcome.cells)
                    if choose is not None:
                        choose.took(workload, _each(outcome.cells))
                yield outcome


class Chooser:
    """Says which of some workloads is worth measuring next."""

    def next(self, left: Sequence[Workload]) -> int:
        """Index of the workload."""
        raise NotImplementedError

    def took(self, workload: Workload, joule: float) -> None:
        """A workload was measured: joule (without a meter, seconds) of one execution."""


def _each(cells: Mapping[str, str]) -> float:
    """Joule of one execution, or seconds where none were measured."""
    if "energy_joule" in cells:
        return float(cells["energy_joule"]) / int(cells["executions"])
    return float(cells["latency_second"])


def _remind(choose: Chooser, plan: Plan, table: AppendTable, runtime: Executor) -> None:
    """Tell what earlier sessions measured."""
    rows = {tuple(row[name] for name in KEY): row for row in table.rows}
    for workload in plan.workloads:
        row = rows.get(tuple(_key(workload, runtime)[name] for name in KEY))
        if row is not None:
            choose.took(workload, _each(row))


def _left(workloads: Sequence[Workload], table: AppendTable, runtime: Executor) -> list[Workload]:
    done = {tuple(row[name] for name in KEY) for row in table.rows}
    return [w for w in workloads if tuple(_key(w, runtime)[name] for name in KEY) not in done]
