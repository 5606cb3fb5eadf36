"""An external meter's log as it grows, and a recorded trace played back: CSV files of time and power or energy."""

from __future__ import annotations

import bisect
import csv
import time
from collections.abc import Callable
from pathlib import Path

from hardware.meters import meter
from hardware.meters.base import Counter, Meter, MeterError, PowerIntegral, Reading

__all__ = ["External", "Replay", "open_external", "open_replay"]

_COLUMNS = "a column 'second' and one of 'watt' or 'joule'"


class _Log:
    """Lines of a log turned into (second, joule since the first line)."""

    def __init__(self, path: Path, header: str) -> None:
        names = [name.strip() for name in next(csv.reader([header]))]
        unit = next((u for u in ("joule", "watt") if u in names), None)
        if "second" not in names or unit is None:
            raise MeterError(f"{path}: the first line must name {_COLUMNS}, not '{header.strip()}'")
        self._path, self._second, self._value = path, names.index("second"), names.index(unit)
        self._total: Counter | PowerIntegral = (Counter if unit == "joule" else PowerIntegral)(str(path))
        self._last = float("-inf")

    def point(self, line: str) -> tuple[float, float]:
        """One line; MeterError where it is no number, or goes back in time as after a step of the logger's clock."""
        cells = next(csv.reader([line]))
        try:
            second, value = float(cells[self._second]), float(cells[self._value])
        except (ValueError, IndexError):
            raise MeterError(f"{self._path}: '{line.strip()}' lacks {_COLUMNS}") from None
        if second <= self._last:
            raise MeterError(f"{self._path}: time goes back from {self._last:.3f} to {second:.3f} s: "
                             "the logger's clock was set, start again")
        self._last = second
        return second, self._total.since(second, value)


class External(Meter):
    """A power meter whose own program appends to a CSV file; ``second`` is Unix time on this machine or one in step
    with it (NTP). Readings carry the log's time, so that what the logger is late is waited for, not guessed."""

    name = "external"
    domains = ("external",)
    stamped = True

    def __init__(self, path: Path, wall: Callable[[], float] = time.time,
                 monotonic: Callable[[], float] = time.monotonic) -> None:
        self.scope = f"whatever the external meter of {path} covers"
        self._file = path.open(encoding="utf-8")
        self._offset = wall() - monotonic()
        self._log = _Log(path, self._file.readline())
        self._partial = ""
        self._latest: Reading | None = None
        self._path = path
        self._advance()
        if self._latest is None:
            raise MeterError(f"{path}: has no readings yet; start the logger first")

    def read(self) -> Reading:
        self._advance()
        assert self._latest is not None
        return self._latest

    def close(self) -> None:
        self._file.close()

    def _advance(self) -> None:
        for line in self._file:
            self._partial += line
            if not self._partial.endswith("\n"):
                return  # the logger is in the middle of it
            if self._partial.strip():
                second, joule = self._log.point(self._partial)
                self._latest = Reading(second - self._offset, {"external": joule})
            self._partial = ""


class Replay(Meter):
    """A recorded trace, played from its start when opened; it ends in MeterError."""

    name = "replay"
    domains = ("replay",)
    stamped = True
    live = False

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        with path.open(encoding="utf-8") as file:
            log = _Log(path, file.readline())
            points = [log.point(line) for line in file if line.strip()]
        if len(points) < 2:
            raise MeterError(f"{path}: a trace needs at least two readings")
        self.scope = f"the trace {path}"
        self._path, self._clock, self._start = path, clock, clock()
        self._seconds = [second - points[0][0] for second, _ in points]
        self._joules = [joule for _, joule in points]
        self.tick_second = max(b - a for a, b in zip(self._seconds, self._seconds[1:], strict=False))

    def read(self) -> Reading:
        elapsed = self._clock() - self._start
        if elapsed > self._seconds[-1] + self.tick_second:
            raise MeterError(f"{self._path}: the trace ended after {self._seconds[-1]:.4g} s")
        at = max(bisect.bisect_right(self._seconds, elapsed) - 1, 0)
        return Reading(self._start + self._seconds[at], {"replay": self._joules[at]})


def _opened(argument: str, kind: Callable[[Path], Meter]) -> Meter:
    if not argument:
        raise MeterError("name the file, as in external:power.csv")
    try:
        return kind(Path(argument))
    except OSError as error:
        raise MeterError(f"{argument}: cannot be read ({error.strerror})") from None


@meter("external", looks_for="a CSV file that a logger appends to", access=f"the file needs {_COLUMNS}")
def open_external(argument: str = "") -> Meter:
    """The log at that path."""
    return _opened(argument, External)


@meter("replay", looks_for="a recorded CSV file", access=f"the file needs {_COLUMNS}")
def open_replay(argument: str = "") -> Meter:
    """The trace at that path."""
    return _opened(argument, Replay)
