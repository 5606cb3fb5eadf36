"""Meter: what every meter answers, and the two ways to a count of joules: a counter that wraps, power integrated."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

__all__ = ["Counter", "Meter", "MeterError", "PowerIntegral", "Reading"]

_LIMIT_WATT = 1e5  # no machine that one meter covers draws more: such a step is a reset that looks like a wrap


class MeterError(ValueError):
    """A meter is absent, closed to this user, or stopped telling the truth: the message says what to do."""


@dataclass(frozen=True, slots=True)
class Reading:
    """Joule by domain since the meter was opened, as of ``second`` on the clock of ``time.monotonic``."""

    second: float
    joule: Mapping[str, float]

    @property
    def total(self) -> float:
        """Joule of all domains, which never overlap."""
        return sum(self.joule.values())


class Meter(ABC):
    """An open meter.

    ``domains`` are what it covers, none inside another; ``scope`` says so in words. ``tick_second`` is the time between
    updates as documented (0: at every read), ``resolution_joule`` the smallest step, ``accuracy`` the maker's or a
    study's relative bound on its systematic error (None: not stated), which no repetition makes smaller. ``stamped``:
    readings carry the meter's own time, and may come late. ``live``: what it reads happens on this machine now.
    """

    name: str
    domains: tuple[str, ...]
    scope: str
    tick_second: float = 0.0
    resolution_joule: float = 0.0
    accuracy: float | None = None
    stamped: bool = False
    live: bool = True

    @abstractmethod
    def read(self) -> Reading:
        """Joule since it was opened; MeterError where a domain vanished or went back."""

    def conditions(self) -> dict[str, str]:
        """What else it knows of the machine now: temperature, clock, throttling."""
        return {}

    def close(self) -> None:  # noqa: B027  (most meters hold nothing)
        """Give back what it holds."""

    def idle_watt(self, second: float = 2.0, sleep: Callable[[float], None] = time.sleep) -> float:
        """Mean power over some seconds in which the caller runs nothing."""
        before = self.read()
        sleep(second)
        after = self.read()
        if after.second <= before.second:
            raise MeterError(f"meter {self.name} gave nothing new within {second:g} s")
        return (after.total - before.total) / (after.second - before.second)


@dataclass
class Counter:
    """A counter of joules made continuous: ``range_joule`` is where it wraps (None: it never does)."""

    name: str
    range_joule: float | None = None
    joule: float = 0.0
    _last: tuple[float, float] | None = field(default=None, repr=False)

    def since(self, second: float, raw_joule: float) -> float:
        """Joule since the first call; MeterError where it went back without wrapping.

        >>> counter = Counter("package", range_joule=100.0)
        >>> [counter.since(s, raw) for s, raw in ((0.0, 90.0), (1.0, 98.0), (2.0, 5.0))]
        [0.0, 8.0, 15.0]
        """
        if self._last is not None:
            elapsed, step = second - self._last[0], raw_joule - self._last[1]
            if step < 0:
                if self.range_joule is None:
                    raise MeterError(f"{self.name}: the counter went back by {-step:.4g} J: it was reset, start again")
                step += self.range_joule
            if step < 0 or step > _LIMIT_WATT * max(elapsed, 1.0):
                raise MeterError(f"{self.name}: the counter jumped by {step:.4g} J in {elapsed:.3g} s: it was reset, "
                                 "start again")
            self.joule += step
        self._last = (second, raw_joule)
        return self.joule


@dataclass
class PowerIntegral:
    """Power read now and then, integrated by the trapezoid rule."""

    name: str
    joule: float = 0.0
    _last: tuple[float, float] | None = field(default=None, repr=False)

    def since(self, second: float, watt: float) -> float:
        """Joule since the first call; MeterError where the power is no power.

        >>> power = PowerIntegral("board")
        >>> [power.since(s, watt) for s, watt in ((0.0, 2.0), (1.0, 4.0))]
        [0.0, 3.0]
        """
        if not 0 <= watt <= _LIMIT_WATT:
            raise MeterError(f"{self.name}: read {watt:.4g} W, which is no power; check the sensor")
        if self._last is not None:
            self.joule += 0.5 * (watt + self._last[1]) * (second - self._last[0])
        self._last = (second, watt)
        return self.joule
