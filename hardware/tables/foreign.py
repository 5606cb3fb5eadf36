"""Logs of other meters, by their headers: CodeCarbon's ``emissions.csv`` and the CSV log of Zeus.

CodeCarbon (https://mlco2.github.io/codecarbon/output.html) writes one row for each tracked run, ``energy_consumed`` in
kilowatt-hours and ``duration`` in seconds; Zeus (https://ml.energy/zeus) one for each window, ``gpu0_energy`` and so on
in joules and ``elapsed_time`` in seconds. Neither knows how often a network ran: that is the column ``executions``.
"""

from __future__ import annotations

import re

from hardware.tables.sheet import Sheet

__all__ = ["translated"]

_CODECARBON = {"energy_consumed", "emissions"}
_ZEUS = {"window_name", "elapsed_time"}
_GPU = re.compile(r"gpu\d+_energy")
_OURS = ("model", "batch", "format", "phase", "runtime", "executions", "repeats", "spread", "group")


def translated(sheet: Sheet) -> Sheet:
    """The sheet with the columns of a known meter's log renamed; any other sheet as it is."""
    header = set(sheet.header)
    if header >= _CODECARBON:
        return _codecarbon(sheet)
    return _zeus(sheet) if header >= _ZEUS and any(_GPU.fullmatch(name) for name in header) else sheet


def _codecarbon(sheet: Sheet) -> Sheet:
    names = {"energy_consumed": "energy_kwh", "duration": "duration_second", "gpu_model": "device"}
    if "gpu_model" not in sheet.header or not any(sheet.column("gpu_model")):
        names = {"energy_consumed": "energy_kwh", "duration": "duration_second", "cpu_model": "device"}
    if "model" not in sheet.header and "project_name" in sheet.header:
        if set(sheet.column("project_name")) == {"codecarbon"}:
            raise sheet.error(1, "project_name", "is 'codecarbon' in every row, which names no network - add a column "
                                                 "model, and executions for how often it ran")
        names["project_name"] = "model"
    return _renamed(sheet, names, "CodeCarbon")


def _zeus(sheet: Sheet) -> Sheet:
    gpus = [name for name in sheet.header if _GPU.fullmatch(name)]
    cells = [" ".join(values) for values in zip(*(sheet.column(name) for name in gpus), strict=True)]
    sheet = sheet.with_column("energy_joule", [_sum(text) for text in cells], " + ".join(gpus))
    names = {"elapsed_time": "duration_second", "energy_joule": "energy_joule",
             **({} if "model" in sheet.header else {"window_name": "model"})}
    return _renamed(sheet, names, "Zeus")


def _sum(text: str) -> str:
    try:
        return repr(sum(map(float, text.split())))
    except ValueError:
        return text


def _renamed(sheet: Sheet, names: dict[str, str], meter: str) -> Sheet:
    """The columns that are renamed or our own; the rest of the log says nothing of a network."""
    kept = [i for i, name in enumerate(sheet.header) if name in names or name in _OURS or name.startswith("condition_")]
    known = sheet.keep(kept)
    header = tuple(names.get(name, name) for name in known.header)
    found = Sheet(known.path, header, known.rows, known.said, known.remarks)
    if "executions" not in header:
        return found.remark(f"{meter} does not say how often a network ran: each row counts as one execution; add a "
                            "column executions")
    return found
