"""The window in which a meter is read: idle, or over executions that repeat until the answer is sure enough."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from hardware.meters import Meter, MeterError
from tocompiler.measuring.clock import Clock
from tocompiler.measuring.steady import BATCHES, Steady, steady

__all__ = ["TIMED", "Metered", "Settings", "Track", "open_metered", "run_idle", "run_window", "timed_window"]

_CHUNK_SECOND = 0.01  # executions are counted in chunks at least this long
_FAST, _SLOW = 0.002, 0.02  # the meter is read at least and at most this often
_CATCH_UP_SECOND = 15.0  # what an external meter's log may lag
_SURE = 2  # looks in a row that must agree: stopping at the first lucky one would state too little uncertainty
_MOST_STEPS = 4000  # a window of more is thinned: no batch needs them


@dataclass(frozen=True)
class Settings:
    """How long to run: ``goal`` is the relative half-width of the 90 % interval at which a window ends."""

    goal: float = 0.0075
    warm_up_second: float = 1.0
    least_second: float = 6.0
    most_second: float = 60.0
    idle_second: float = 3.0
    most_idle_second: float = 12.0


TIMED = Settings(goal=0.02, least_second=2.0, most_second=10.0)
"""Without a meter nothing has to be waited for."""


@dataclass
class Track:
    """The steps of a meter's counter: when each was seen, and what the counter said then."""

    meter: Meter
    clock: Clock
    patience_second: float
    seconds: list[float] = field(default_factory=list)
    joules: list[float] = field(default_factory=list)
    gap_second: float = 0.0
    _last: float | None = None
    _polled: float | None = None
    _moved: float = 0.0
    _fault: MeterError | None = None

    def poll(self) -> None:
        """Read once; what goes wrong is kept for ``check``, since nobody hears a thread."""
        try:
            reading = self.meter.read()
        except MeterError as error:
            self._fault = self._fault or error
            return
        now, total = self.clock.now(), reading.total
        if self._polled is None:
            self._moved = now
        else:
            self.gap_second = max(self.gap_second, now - self._polled)
        self._polled = now
        if self._last is not None and total != self._last:
            self._moved = now
            self.seconds.append(reading.second)
            self.joules.append(total)
        self._last = total

    def check(self) -> None:
        """MeterError where reading failed, or where the counter stands still."""
        if self._fault is not None:
            raise self._fault
        still = self.clock.now() - self._moved
        if self._polled is not None and still > self.patience_second:
            raise MeterError(f"meter {self.meter.name}: the counter has stood still for {still:.1f} s; "
                             "no joules were written for what ran")

    def until(self, second: float, every_second: float) -> None:
        """Wait for a meter whose readings come late to pass that second."""
        deadline = self.clock.now() + _CATCH_UP_SECOND
        while (not self.seconds or self.seconds[-1] < second) and self.clock.now() < deadline:
            self.clock.sleep(every_second)
            self.check()


@dataclass(frozen=True)
class Metered:
    """A meter with what was seen of it: the time between its steps, and how often to read it."""

    meter: Meter
    clock: Clock
    tick_second: float
    poll_second: float

    @property
    def late_second(self) -> float:
        """How late a step may be seen; a meter that stamps its readings is never late."""
        return 0.0 if self.meter.stamped else min(self.tick_second, self.poll_second)

    def track(self) -> Track:
        """A new list of steps."""
        return Track(self.meter, self.clock, max(5.0, 10 * self.tick_second))

    def steady(self, track: Track, marks: Sequence[float], counts: Sequence[float]) -> Steady | None:
        """Joule per unit of what was counted."""
        thin = max(len(track.seconds) // _MOST_STEPS, 1)
        return steady(track.seconds[::thin], track.joules[::thin], marks, counts, self.late_second,
                      self.meter.resolution_joule)


def open_metered(meter: Meter, clock: Clock) -> Metered:
    """Watch the counter until it has stepped a few times; MeterError where it does not."""
    track = Track(meter, clock, max(10.0, 10 * meter.tick_second))
    start = clock.now()
    with clock.polling(track.poll, _FAST):
        while len(track.seconds) < 12 and not (len(track.seconds) > 3 and clock.now() - start > 6.0):
            clock.sleep(0.05)
            track.check()
    gaps = sorted(b - a for a, b in zip(track.seconds, track.seconds[1:], strict=False))
    tick = max(gaps[len(gaps) // 2], meter.tick_second)
    return Metered(meter, clock, tick, min(max(tick / 25, _FAST), _SLOW))


def run_idle(metered: Metered, settings: Settings) -> Steady:
    """Power while nothing runs, until it is sure to ``goal`` or time is up; joule per unit are watt."""
    clock, track = metered.clock, metered.track()
    begin, target = clock.now(), max(settings.idle_second, 4.5 * metered.tick_second)
    with clock.polling(track.poll, metered.poll_second):
        while True:
            clock.sleep(metered.poll_second * 5)
            track.check()
            elapsed = clock.now() - begin
            if elapsed < target or len(track.seconds) < 4:
                continue
            found = metered.steady(track, track.seconds, track.seconds)
            if found is not None and (found.uncertainty <= settings.goal or elapsed >= settings.most_idle_second):
                return found
            target = 1.3 * elapsed


def run_window(metered: Metered, run: Callable[[int], None], settings: Settings,
               deadline: float) -> tuple[Steady, Track]:
    """Execute again and again until joule per execution is sure to ``goal``, or time is up.

    The first seconds warm the machine and are not counted.
    """
    clock, chunk = metered.clock, _warm(run, metered.clock, settings.warm_up_second)
    track, marks, counts, done = metered.track(), [clock.now()], [0.0], 0
    sure = 0
    target = max(settings.least_second, 8.5 * metered.tick_second)
    with clock.polling(track.poll, metered.poll_second):
        while True:
            run(chunk)
            done += chunk
            marks.append(clock.now())
            counts.append(done)
            track.check()
            elapsed = marks[-1] - marks[0]
            if elapsed < target or len(marks) < BATCHES:
                continue
            found = metered.steady(track, marks, counts)
            late = elapsed > settings.most_second or marks[-1] > deadline
            sure = sure + 1 if found is not None and found.uncertainty <= settings.goal else 0
            if late or sure == _SURE:
                break
            target = 1.3 * elapsed
        track.until(marks[-1] if metered.meter.stamped else 0.0, metered.poll_second)
    found = metered.steady(track, marks, counts)
    if found is None:
        raise MeterError(f"meter {metered.meter.name}: too few steps of the counter in {elapsed:.1f} s")
    return found, track


def timed_window(run: Callable[[int], None], clock: Clock, settings: Settings, deadline: float) -> Steady:
    """The same without a meter: seconds in place of joules."""
    chunk, marks, done = _warm(run, clock, settings.warm_up_second), [clock.now()], 0
    counts = [0.0]
    target = settings.least_second
    while True:
        run(chunk)
        done += chunk
        marks.append(clock.now())
        counts.append(done)
        elapsed = marks[-1] - marks[0]
        if elapsed < target or len(marks) < BATCHES:
            continue
        found = steady(marks, marks, marks, counts)
        if found is not None and (found.uncertainty <= settings.goal or elapsed > settings.most_second
                                  or marks[-1] > deadline):
            return found
        target = 1.4 * elapsed


def _warm(run: Callable[[int], None], clock: Clock, second: float) -> int:
    """Run for some seconds; how many executions make a chunk."""
    begin, size, spent = clock.now(), 1, 0.0
    run(1)  # the first one allocates and compiles: its time says nothing of the others
    while spent < _CHUNK_SECOND and size < 1 << 24:
        size *= 2 if spent else 1
        start = clock.now()
        run(size)
        spent = clock.now() - start
    chunk = max(1, round(size * _CHUNK_SECOND / max(spent, 1e-9)))
    while clock.now() - begin < second:
        run(chunk)
    return chunk
