"""JSON tables: records, columns and splits as pandas writes them, JSON lines, and measurements of Zeus.

A Zeus ``Measurement`` (https://ml.energy/zeus/reference/monitor/energy) has ``time`` in seconds and ``gpu_energy``,
``cpu_energy``, ``dram_energy`` in joules, each by the index of the part; the energy of the GPUs is taken, as Zeus's own
``total_energy`` does, or that of CPUs and memory where there are none.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hardware.tables.sheet import Row, Sheet, TableError

__all__ = ["read_records"]

_PARTS = ("gpu_energy", "cpu_energy", "dram_energy")


def read_records(path: Path, text: str) -> Sheet:
    """A JSON text as a Sheet; its rows are numbered from 1. TableError where it holds no list of records."""
    try:
        found = _rows(_parsed(text))
    except (json.JSONDecodeError, RecursionError) as error:
        raise TableError(f"{path}: is not JSON ({error}); give a list of records, or a CSV file") from None
    if not found:
        raise TableError(f"{path}: holds no records; give a list like "
                         '[{"model": "resnet18", "energy_joule": 1.5}]')
    zeus = any("gpu_energy" in row for row in found)
    rows = [_zeus(row) for row in found] if zeus else found
    header = tuple(dict.fromkeys(name for row in rows for name in row))
    sheet = Sheet(path, header, tuple(Row(i, tuple(_cell(row.get(name)) for name in header))
                                      for i, row in enumerate(rows, 1)))
    if zeus and "executions" not in header:
        return sheet.remark("Zeus does not say how often a network ran: each record counts as one execution; add "
                            "executions to the records")
    return sheet


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        lines = [line for line in text.splitlines() if line.strip()]
        if len(lines) > 1 and error.msg == "Extra data":
            return [json.loads(line) for line in lines]
        raise


def _rows(found: Any) -> list[dict[str, Any]]:
    """The records, whichever way round they were written."""
    if isinstance(found, list):
        return [dict(row) for row in found if isinstance(row, Mapping)]
    if not isinstance(found, Mapping):
        return []
    if isinstance(found.get("columns"), list) and isinstance(found.get("data"), list):
        header = [str(name) for name in found["columns"]]
        return [dict(zip(header, row, strict=False)) for row in found["data"] if isinstance(row, list)]
    nested = {name: value for name, value in found.items() if isinstance(value, (Mapping, list))}
    if "model" in nested:
        return _turned(nested)
    if any(name in found for name in ("model", *_PARTS)):
        return [dict(found)]
    lists = [value for value in nested.values() if isinstance(value, list) and value and isinstance(value[0], Mapping)]
    if lists:
        return _rows(lists[0])
    return [{"model": name, **value} for name, value in nested.items() if isinstance(value, Mapping)]


def _turned(columns: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Columns by index, or as lists, turned into records."""
    cells: dict[str, dict[str, Any]] = {}
    for name, column in columns.items():
        for i, value in column.items() if isinstance(column, Mapping) else enumerate(column):
            cells.setdefault(str(i), {})[name] = value
    return list(cells.values())


def _zeus(row: Mapping[str, Any]) -> dict[str, Any]:
    energy = _total(row.get("gpu_energy")) or _total(row.get("cpu_energy")) + _total(row.get("dram_energy"))
    kept = {name: value for name, value in row.items() if name not in (*_PARTS, "time", "window_name", "name")}
    model = row.get("model", row.get("window_name", row.get("name", "")))
    return {**kept, "model": model, "energy_joule": energy, "duration_second": row.get("time")}


def _total(value: Any) -> float:
    """The joules of every part; 0 where there is none."""
    values = value.values() if isinstance(value, Mapping) else value if isinstance(value, Sequence) else [value]
    return float(sum(v for v in values if isinstance(v, (int, float)) and not isinstance(v, bool)))


def _cell(value: Any) -> str:
    return "" if value is None else repr(value) if isinstance(value, float) else str(value)
