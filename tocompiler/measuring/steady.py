"""Energy of something that repeats, from the moments at which a meter's counter moved: the value and its uncertainty.

A counter that steps every tick says at each step what was drawn until then. Between two steps energy is known but for
how late the step was seen; inside a tick it is interpolated, since the machine repeats itself. The window is cut into
batches whose spread gives the uncertainty (batch means; Law and Kelton, Simulation Modeling and Analysis, 9.5.3).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

__all__ = ["BATCHES", "STUDENT", "Steady", "steady"]

Array: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]
BATCHES = 8
STUDENT = (6.314, 2.920, 2.353, 2.132, 2.015, 1.943, 1.895, 1.860, 1.833, 1.812, 1.796, 1.782)
"""95 % quantile of Student's t with 1, 2, ... degrees of freedom: half-widths of 90 % intervals."""
_UNIFORM = 12.0**-0.5  # standard deviation of what is spread evenly over a width of 1


@dataclass(frozen=True)
class Steady:
    """Joule per unit (an execution, or a second) and the half-width of its 90 % interval, from ``batches`` batches over
    ``units`` units; ``spread`` is the relative standard deviation of the batches, ``slowed`` how much longer a unit
    took at the end than at the beginning (relative)."""

    joule: float
    half_width_joule: float
    units: float
    begin_second: float
    end_second: float
    batches: int
    spread: float
    slowed: float

    @property
    def uncertainty(self) -> float:
        """Half-width of the 90 % interval, relative."""
        return self.half_width_joule / self.joule if self.joule > 0 else float("inf")

    @property
    def second_per_unit(self) -> float:
        return (self.end_second - self.begin_second) / self.units


def steady(seconds: Sequence[float], joules: Sequence[float], marks: Sequence[float], counts: Sequence[float],
           late_second: float = 0.0, step_joule: float = 0.0) -> Steady | None:
    """Joule per unit between the first and the last step of a counter; None where that leaves no two batches.

    ``seconds`` and ``joules``: each step when it was seen and what the counter said. ``marks`` and ``counts``: when how
    many units were done. ``late_second``: how late a step may be seen; ``step_joule``: the counter's resolution.
    """
    if len(seconds) < 3 or len(marks) < 3:
        return None
    at, energy, done, when = (np.asarray(x, dtype=float) for x in (seconds, joules, counts, marks))
    inside = np.flatnonzero((when >= at[0]) & (when <= at[-1]))
    if len(inside) < 3:
        return None
    coarse = _batches(at, energy, when[inside], done[inside], BATCHES)
    if coarse is None:
        return None
    fine = _batches(at, energy, when[inside], done[inside], 2 * BATCHES)
    # A step seen late or rounded shifts energy from one batch to the next: it does not grow with the window.
    edge = (coarse.joule / coarse.second * late_second * _UNIFORM) ** 2 + (step_joule * _UNIFORM) ** 2
    noise = coarse.noise(edge)
    if fine is not None and len(fine.units) == 2 * BATCHES:
        # Noise that outlasts a batch makes short batches too much alike; the bias halves as batches double.
        noise = max(noise, 2 * noise - fine.noise(edge))
    student = STUDENT[min(len(coarse.units) - 1, len(STUDENT)) - 1]
    total = float(coarse.units.sum())
    each, pace, third = coarse.taken / coarse.units, coarse.long / coarse.units, max(len(coarse.units) // 3, 1)
    joule = coarse.joule / total
    return Steady(joule, student * (noise + 2 * edge) ** 0.5 / total, total, coarse.begin_second,
                  coarse.begin_second + coarse.second, len(coarse.units),
                  float(each.std(ddof=1) / joule) if joule > 0 else float("inf"),
                  float(pace[-third:].mean() / pace[:third].mean() - 1))


@dataclass(frozen=True)
class _Batches:
    """Joules, units and seconds of consecutive parts of a window."""

    taken: Array
    units: Array
    long: Array
    begin_second: float

    @property
    def joule(self) -> float:
        return float(self.taken.sum())

    @property
    def second(self) -> float:
        return float(self.long.sum())

    def noise(self, edge: float) -> float:
        """Variance of the sum of all batches, without half of what their edges (variance each) lend each other.

        All of it would be unbiased; but where edges are all there is, the difference is as often too small as too
        large, and the intervals cover 85 % instead of 90.
        """
        share = self.units / self.units.sum()
        excess = ((self.taken - self.joule * share) ** 2 / share).sum() / (len(share) - 1)
        return max(float(excess) - edge * len(share), 0.0)


def _batches(at: Array, energy: Array, when: Array, done: Array, count: int) -> _Batches | None:
    """A window cut at the marks nearest to evenly spaced steps, each once."""
    wanted = np.linspace(at[0], at[-1], count + 1)
    nearest = at[np.abs(at[None, :] - wanted[:, None]).argmin(1)]
    chosen = np.unique(np.abs(when[None, :] - nearest[:, None]).argmin(1))
    if len(chosen) < 3:
        return None
    when, done = when[chosen], done[chosen]
    return _Batches(np.diff(np.interp(when, at, energy)), np.diff(done), np.diff(when), float(when[0]))
