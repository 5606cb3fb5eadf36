"""MLPerf inference results with power: LoadGen's logs beside what the power analyser wrote.

A folder of results holds, anywhere below it, runs: folders with ``mlperf_log_detail.txt``, ``mlperf_log_summary.txt``
and ``spl.txt`` (https://github.com/mlcommons/inference_policies/blob/master/power_measurement.adoc). The energy of a
run is the power in ``spl.txt`` between ``power_begin`` and ``power_end``, by trapezoids; its executions are the samples
that LoadGen counted, at its rate, in that time. The network is named by the folder above the scenario's.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_left, bisect_right
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

from hardware.tables.sheet import Row, Sheet, TableError

__all__ = ["is_mlperf", "read_mlperf"]

_DETAIL, _SUMMARY, _POWER = "mlperf_log_detail.txt", "mlperf_log_summary.txt", "spl.txt"
_TIME = "%m-%d-%Y %H:%M:%S.%f"
_SCENARIOS = ("offline", "server", "singlestream", "multistream", "interactive")
_NETWORKS = {"resnet": "resnet50", "resnet-50": "resnet50", "resnet50-v1.5": "resnet50"}
_RATE = re.compile(r"^\s*(?:Samples per second|QPS w/ loadgen overhead|QPS w/o loadgen overhead|"
                   r"Completed samples per second(?: *)?)\s*:\s*([0-9.eE+-]+)", re.M)


def is_mlperf(path: Path) -> bool:
    """Whether a path is a folder, or one of the logs that MLPerf writes."""
    return path.is_dir() or path.name in (_DETAIL, _SUMMARY, _POWER)


def read_mlperf(path: Path) -> Sheet:
    """One row for each run below a folder, or for the run that a log belongs to."""
    found = sorted({log.parent for log in path.rglob(_DETAIL)}) if path.is_dir() else [path.parent]
    runs = [run for run in found if "accuracy" not in (part.lower() for part in run.parts)]
    powered = [run for run in runs if (run / _POWER).is_file() and (run / _DETAIL).is_file()]
    if not powered:
        raise TableError(f"{path}: holds no MLPerf run with power; give a folder with {_DETAIL}, {_SUMMARY} and "
                         f"{_POWER}, or a CSV file")
    rows = tuple(Row(i, _run(run)) for i, run in enumerate(powered, 1))
    header = ("model", "energy_joule", "executions", "duration_second", "condition_scenario")
    said = ("the folder's name", _POWER, _SUMMARY, _DETAIL, _DETAIL)
    return Sheet(path, header, rows, said, ("each sample of MLPerf counts as one execution with batch 1",))


def _run(folder: Path) -> tuple[str, ...]:
    said = _detail(folder / _DETAIL)
    try:
        begin, end = (datetime.strptime(str(said[key]), _TIME) for key in ("power_begin", "power_end"))
    except (KeyError, ValueError):
        raise TableError(f"{folder / _DETAIL}: has no power_begin and power_end; give the logs of the run that was "
                         "metered") from None
    seconds = (end - begin).total_seconds()
    energy = _energy(folder, begin, end)
    rate = _RATE.search(_text(folder / _SUMMARY))
    if rate is None or seconds <= 0:
        raise TableError(f"{folder / _SUMMARY}: does not say how many samples ran each second; give LoadGen's summary")
    return (_network(folder), repr(energy), str(max(round(float(rate[1]) * seconds), 1)), repr(seconds),
            str(said.get("effective_scenario", "")))


def _network(folder: Path) -> str:
    """The folder above the scenario's: ``resnet50/Offline/performance/run_1``."""
    parts = folder.resolve().parts
    at = [i for i, part in enumerate(parts) if part.lower() in _SCENARIOS]
    name = parts[at[-1] - 1] if at else folder.name
    return _NETWORKS.get(name.lower(), name)


def _detail(path: Path) -> dict[str, object]:
    """LoadGen's log: lines ``:::MLLOG {"key": ..., "value": ...}``."""
    found: dict[str, object] = {}
    for line in _text(path).splitlines():
        mark, _, entry = line.partition(":::MLLOG ")
        if not mark and entry:
            try:
                record = json.loads(entry)
                found[record["key"]] = record["value"]
            except (ValueError, KeyError, TypeError):
                continue
    return found


def _energy(folder: Path, begin: datetime, end: datetime) -> float:
    """Joules between two instants: ``Time,07-20-2024 17:54:38.800,Watts,51.2,...`` by trapezoids.

    Where the analyser's clock is of another time zone, ``client.json`` and ``server.json`` say by how much.
    """
    shift = _zone(folder, "client.json") - _zone(folder, "server.json")
    first, last = (begin + shift).timestamp(), (end + shift).timestamp()
    samples = sorted(_samples(folder / _POWER))
    times = [time for time, _ in samples]
    inside = samples[bisect_left(times, first):bisect_right(times, last)]
    if len(inside) < 2:
        raise TableError(f"{folder / _POWER}: has {len(inside)} samples between power_begin and power_end of "
                         f"{_DETAIL}; set the analyser's clock, or give client.json and server.json beside it")
    held = [(first, inside[0][1]), *inside, (last, inside[-1][1])]
    return sum((b - a) * (p + q) / 2 for (a, p), (b, q) in pairwise(held))


def _samples(path: Path) -> list[tuple[float, float]]:
    found = []
    for line in _text(path).splitlines():
        fields = line.split(",")
        if len(fields) >= 4 and fields[0] == "Time" and fields[2] == "Watts":
            try:
                found.append((datetime.strptime(fields[1], _TIME).timestamp(), float(fields[3])))
            except ValueError:
                continue
    return [(time, watt) for time, watt in found if watt >= 0]


def _zone(folder: Path, name: str) -> timedelta:
    for place in (folder, folder.parent / "power", folder.parent.parent / "power"):
        if (place / name).is_file():
            try:
                return timedelta(seconds=float(json.loads(_text(place / name))["timezone"]))
            except (ValueError, KeyError, TypeError):
                break
    return timedelta(0)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise TableError(f"{path}: cannot be read ({error.strerror}); an MLPerf run needs {_DETAIL}, {_SUMMARY} and "
                         f"{_POWER}") from None
