"""Progress of a session: a line for each outcome, with the time left."""

from __future__ import annotations

from tocompiler.measuring.clock import Clock
from tocompiler.measuring.plan import Plan, Workload
from tocompiler.measuring.session import Outcome
from tocompiler.report.units import si

__all__ = ["Progress"]


class Progress:
    """Counts what is done: rows ``written``, those of them ``disturbed``, and workloads that did not run."""

    def __init__(self, plan: Plan, clock: Clock) -> None:
        self._plan, self._clock, self._start = plan, clock, clock.now()
        self._seen: dict[Workload, Outcome] = {}

    @property
    def written(self) -> int:
        """Rows that went into the table."""
        return sum(o.ran and o.final for o in self._seen.values())

    @property
    def disturbed(self) -> int:
        """Rows that are marked."""
        return sum(o.ran and o.final and bool(o.reason) for o in self._seen.values())

    @property
    def failed(self) -> int:
        """Workloads of which there is no row."""
        return sum(not o.ran and o.final for o in self._seen.values())

    def line(self, outcome: Outcome) -> str:
        """What became of a workload, and how long the rest will take."""
        self._seen[outcome.workload] = outcome
        w = outcome.workload
        what = " ".join(filter(None, (w.model, f"batch {w.batch}", w.format, "" if w.phase == "inference" else w.phase,
                                      "" if w.operands == "normal" else w.operands)))
        return f"[{len(self._seen)}/{len(self._plan.workloads)}] {what}: {_result(outcome)} ({self._left()})"

    def _left(self) -> str:
        elapsed = self._clock.now() - self._start
        count = max(len(self._seen), 1)
        left = elapsed / count * (len(self._plan.workloads) - count)
        if self._plan.budget_second is not None:
            left = min(left, max(self._plan.budget_second - elapsed, 0.0))
        return f"{left / 60:.0f} min left" if left >= 90 else f"{left:.0f} s left"


def _result(outcome: Outcome) -> str:
    if not outcome.ran:
        return f"no row: {outcome.reason}"
    if outcome.reason:
        return f"disturbed, {'marked' if outcome.final else 'once more'}: {outcome.reason}"
    cells = outcome.cells
    each = f"{si(float(cells['latency_second']), 's')} each"
    if "energy_joule" in cells:
        joule = float(cells["energy_joule"]) / int(cells["executions"])
        each = f"{si(joule, 'J')} each, {each}"
    return f"{each}, ±{100 * float(cells['condition_uncertainty']):.1f} %"
