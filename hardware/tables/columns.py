"""Columns as people name them: ``Energy (mJ)``, ``energy_wh``, ``power_watt`` with ``latency_ms``, ``Batch Size``."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches

__all__ = ["Named", "closest", "named"]

_ENERGY = {"j": 1.0, "joule": 1.0, "joules": 1.0, "mj": 1e-3, "millijoule": 1e-3, "millijoules": 1e-3, "uj": 1e-6,
           "µj": 1e-6, "microjoule": 1e-6, "microjoules": 1e-6, "nj": 1e-9, "nanojoule": 1e-9, "nanojoules": 1e-9,
           "kj": 1e3, "kilojoule": 1e3, "kilojoules": 1e3, "mwh": 3.6, "wh": 3600.0, "kwh": 3.6e6, "ws": 1.0}
_POWER = {"w": 1.0, "watt": 1.0, "watts": 1.0, "mw": 1e-3, "milliwatt": 1e-3, "milliwatts": 1e-3, "uw": 1e-6,
          "µw": 1e-6, "kw": 1e3}
_TIME = {"s": 1.0, "sec": 1.0, "secs": 1.0, "second": 1.0, "seconds": 1.0, "ms": 1e-3, "msec": 1e-3,
         "millisecond": 1e-3, "milliseconds": 1e-3, "us": 1e-6, "µs": 1e-6, "microsecond": 1e-6, "microseconds": 1e-6,
         "ns": 1e-9, "nanosecond": 1e-9, "nanoseconds": 1e-9, "min": 60.0, "minute": 60.0, "minutes": 60.0,
         "h": 3600.0, "hour": 3600.0, "hours": 3600.0}
_MEGA = {"MJ": 1e6, "MWh": 3.6e9, "MW": 1e6}
"""Units that only their capital tells apart from a thousand-millionth of them."""

_PLAIN = {
    "model": {"model", "network", "net", "nn", "architecture", "modelname", "networkname", "dnn", "workload"},
    "batch": {"batch", "batchsize", "bs"},
    "format": {"format", "numberformat", "precision", "dtype", "datatype", "datenformat"},
    "phase": {"phase", "mode"},
    "executions": {"executions", "execution", "iterations", "iters", "inferences", "runs", "numruns", "numinferences",
                   "numiterations", "niterations", "nruns", "ninferences", "numberofinferences", "numberofruns",
                   "numberofiterations", "numberofexecutions"},
    "repeats": {"repeats", "repetitions", "numrepeats"},
    "spread": {"spread", "cv", "relativestd", "relstd", "coefficientofvariation"},
    "group": {"group", "networkfamily"},
    "device": {"device", "devicename", "board", "machine", "host", "hostname", "gpu", "gpuname", "gpumodel",
               "platform"},
    "latency_second": {"latency", "inferencetime", "timeperinference", "timeperexecution", "latencymean", "meanlatency",
                       "avglatency", "averagelatency"},
    "duration_second": {"duration", "elapsed", "elapsedtime", "totaltime", "walltime", "time"},
    "power_watt": {"power", "avgpower", "averagepower", "meanpower", "powermean", "poweravg", "powerdraw"},
    "energy_joule": {"energy", "totalenergy", "energytotal", "energyconsumption", "energyconsumed", "energyuse",
                     "consumption", "energyperbatch", "energyperrun"},
    "energy_per_execution_joule": {"energyperinference", "energyperexecution", "energyperiteration", "energyperquery",
                                   "energyperpass"},
    "energy_per_sample_joule": {"energypersample", "energyperimage", "energyperframe"},
}
_CANONICAL = {spelling: column for column, spellings in _PLAIN.items() for spelling in spellings}
_UNITS = {"energy_joule": _ENERGY, "energy_per_execution_joule": _ENERGY, "energy_per_sample_joule": _ENERGY,
          "power_watt": _POWER, "latency_second": _TIME, "duration_second": _TIME}
_PER = re.compile(r"\s*/\s*(inference|execution|iteration|query|pass|sample|image|frame|batch|run|inf|img)\b", re.I)
_WORDS = {"inf": "inference", "img": "image"}


@dataclass(frozen=True)
class Named:
    """What a column's name says: the canonical column, what its cells are to be multiplied by, and a doubt."""

    column: str
    scale: float = 1.0
    doubt: str = ""


def named(header: str) -> Named | None:
    """The column that a name means; None where it means none.

    >>> named("energy_mJ"), named("Latency [ms]").scale, named("Energy per inference (Wh)").column, named("speed")
    (Named(column='energy_joule', scale=0.001, doubt=''), 0.001, 'energy_per_execution_joule', None)
    """
    per = _PER.search(header)
    if per is not None:
        word = per[1].lower()
        rest = re.sub(r"(?i)energy", "", f"{header[:per.start()]}{header[per.end():]}")
        header = f"energy per {_WORDS.get(word, word)} {rest}"
    words = re.findall(r"[^\W\d_]+", header.replace("\u03bc", "µ"))
    whole = _CANONICAL.get("".join(words).lower())
    if whole is not None and whole in _UNITS:
        return Named(whole, doubt=f"its name has no unit: it was taken as {whole.rpartition('_')[2]}")
    if whole is not None:
        return Named(whole)
    if not words:
        return None
    quantity, unit = "".join(words[:-1]).lower(), words[-1]
    for column in [_CANONICAL[quantity]] if quantity in _CANONICAL else ["energy_joule"] if not quantity else []:
        scale = _scale(unit, column, header.isupper())
        if scale is not None:
            return Named(column, *scale)
    return None


def _scale(unit: str, column: str, shouted: bool) -> tuple[float, str] | None:
    """What a unit is worth in the column's own; ``MJ`` is a megajoule only where not everything is in capitals."""
    known = _UNITS.get(column, {})
    if unit in _MEGA and not shouted and unit.lower() in known:
        return _MEGA[unit], ""
    if unit.lower() not in known or (not shouted and unit.isupper() and unit.lower() in ("mj", "mw")):
        return None
    doubt = f"{unit} was taken as milli" if unit.lower() in ("mj", "mw", "mwh") and unit[0] != "m" else ""
    return known[unit.lower()], doubt


def closest(name: str, allowed: tuple[str, ...], spell: Callable[[str], str] = str.lower) -> str:
    """``did you mean energy_joule?`` where a name is nearly one that is known; else nothing."""
    near = get_close_matches(spell(name).replace(" ", "_"), allowed, n=1, cutoff=0.6)
    return f"did you mean {near[0]}? else " if near else ""
