"""The table that a session appends to: what was finished stays, whatever happens next."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from hardware.files import write_text

__all__ = ["CONDITIONS", "KEY", "AppendTable", "columns"]

KEY = ("model", "batch", "format", "phase", "runtime", "condition_operands", "condition_visit")
"""What tells one workload from another: a second start does not repeat a row that has these cells."""
CONDITIONS = ("disturbed", "uncertainty", "settled", "idle_watt", "energy", "operands", "visit", "meter", "scope",
              "meter_accuracy", "device", "threads", "versions", "temperature_celsius", "clock_megahertz",
              "window_second", "attempts", "seed", "started")
_SAME = ("runtime", "condition_meter", "condition_device", "condition_threads", "condition_energy")
"""What one table holds fixed."""


def columns(timed: bool) -> tuple[str, ...]:
    """Columns of a table; without a meter there is none for energy, so that nobody can mistake it."""
    energy = () if timed else ("energy_joule",)
    return ("model", "batch", "format", "phase", "runtime", *energy, "executions", "latency_second", "repeats",
            "spread", "group", *(f"condition_{name}" for name in CONDITIONS))


class AppendTable:
    """A CSV file that grows by whole lines, each on the disk (fsync) before the next workload starts.

    A line that a killed process left half written is cut off when the file is opened again.
    """

    def __init__(self, path: Path, names: Sequence[str]) -> None:
        self.path = path
        self.names = tuple(names)
        self.rows: list[dict[str, str]] = []
        self._file = -1

    def forget_disturbed(self) -> None:
        """Take the marked rows out of the file, so that their workloads are measured again."""
        if self.path.exists():
            with self:
                kept = [row for row in self.rows if not row["condition_disturbed"]]
            write_text(self.path, "".join(map(_line, [self.names, *([r[n] for n in self.names] for r in kept)])))

    def __enter__(self) -> AppendTable:
        if not self.path.exists():
            write_text(self.path, _line(self.names))
        self._file = os.open(self.path, os.O_RDWR | os.O_APPEND)
        try:
            _lock(self._file, self.path)
            self._recover()
        except BaseException:
            os.close(self._file)
            raise
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._file)

    def append(self, cells: Mapping[str, str]) -> None:
        """Write one row and wait until it is on the disk; OSError names the file where that fails."""
        line = _line([cells.get(name, "") for name in self.names]).encode()
        try:
            written = os.write(self._file, line)
            if written < len(line):
                raise OSError(28, "the disk is full")
            os.fsync(self._file)
        except OSError as error:
            raise OSError(error.errno or 0, error.strerror or str(error), os.fspath(self.path)) from error
        self.rows.append({name: cells.get(name, "") for name in self.names})

    def check_same(self, cells: Mapping[str, str]) -> None:
        """ValueError where earlier rows were measured under other conditions: one table is one device."""
        for row in self.rows[:1]:
            for name in _SAME:
                if row.get(name, "") != cells.get(name, ""):
                    raise ValueError(f"{self.path}: its rows have {name} '{row.get(name)}' and new ones would have "
                                     f"'{cells.get(name)}'; give another file")

    def _recover(self) -> None:
        text = _whole_lines(self._file)
        reader = csv.DictReader(io.StringIO(text, newline=""))
        if tuple(reader.fieldnames or ()) != self.names:
            raise ValueError(f"{self.path}: is not a table of this kind of measurement (its columns differ); "
                             "give another file")
        self.rows = [dict(row) for row in reader]


def _whole_lines(file: int) -> str:
    """What a file holds, without a last line that has no end; that is cut off in the file too."""
    size = os.fstat(file).st_size
    content = os.pread(file, size, 0)
    end = content.rfind(b"\n") + 1
    if end < size:
        os.ftruncate(file, end)
        os.fsync(file)
    return content[:end].decode()


def _line(cells: Sequence[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow([cell.replace("\n", " ") for cell in cells])
    return text.getvalue()


def _lock(file: int, path: Path) -> None:
    """Hold the file for this process alone, where the system can; it is freed however the process ends."""
    try:
        import fcntl
    except ImportError:
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise ValueError(f"{path}: another measurement is writing to it") from None
