"""What disturbs a run, and the conditions that it ran under."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hardware.meters import Meter
from tocompiler.measuring.clock import Clock
from tocompiler.measuring.steady import Steady
from tocompiler.measuring.window import Track

__all__ = ["Before", "before", "conditions", "disturbances"]

_WALL_STEP_SECOND = 0.2
_FOREIGN = 0.1  # share of the machine's processors that other processes may take
_SLOWED = 0.1
_UNREAD_SECOND = 1.0  # a meter left alone for longer may have wrapped, or its power was guessed


@dataclass(frozen=True)
class Before:
    """The state of the machine when a run began."""

    second: float
    wall_ahead: float
    foreign_second: float | None


def before(clock: Clock) -> Before:
    """The state now."""
    return Before(clock.now(), clock.wall() - clock.now(), clock.foreign_second())


def disturbances(start: Before, clock: Clock, found: Steady, track: Track | None, meter: Meter | None,
                 covers: str) -> list[str]:
    """Why the run is not to be believed; nothing where it is. ``covers``: the processor (cpu or gpu) that executes."""
    reasons = []
    elapsed = clock.now() - start.second
    stepped = clock.wall() - clock.now() - start.wall_ahead
    if abs(stepped) > _WALL_STEP_SECOND + 1e-3 * elapsed:
        reasons.append(f"the clock was set by {stepped:+.1f} s or the machine slept")
    if track is not None and track.gap_second > _UNREAD_SECOND + 5 * track.meter.tick_second:
        reasons.append(f"the meter was not read for {track.gap_second:.1f} s")
    worked = clock.foreign_second()
    shared = covers == "cpu" and (meter is None or meter.live)
    if shared and worked is not None and start.foreign_second is not None:
        foreign = (worked - start.foreign_second) / (elapsed * (os.cpu_count() or 1))
        if foreign > _FOREIGN:
            reasons.append(f"other processes took {foreign:.0%} of the processors")
    if abs(found.slowed) > _SLOWED:
        reasons.append(f"executions took {found.slowed:+.0%} longer at the end than at the beginning")
    throttled = meter.conditions().get("throttled") if meter is not None else None
    return reasons + ([f"throttled: {throttled}"] if throttled else [])


def conditions(meter: Meter | None) -> Mapping[str, str]:
    """Temperature and clock, from the meter where it knows them, else of the processor."""
    known = dict(meter.conditions()) if meter is not None else {}
    known.pop("throttled", None)
    if "temperature_celsius" not in known and (hottest := _largest("/sys/class/thermal", "thermal_zone*/temp")):
        known["temperature_celsius"] = f"{hottest / 1e3:.0f}"
    if "clock_megahertz" not in known and (
            fastest := _largest("/sys/devices/system/cpu", "cpu*/cpufreq/scaling_cur_freq")):
        known["clock_megahertz"] = f"{fastest / 1e3:.0f}"
    return known


def _largest(folder: str, pattern: str) -> float | None:
    values = []
    for file in Path(folder).glob(pattern):
        try:
            values.append(float(file.read_text(encoding="ascii")))
        except (OSError, ValueError):
            continue  # a zone that is switched off answers with an error
    return max(values, default=None)
