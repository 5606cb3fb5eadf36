"""Measurement: what a meter said of one program; and the table that holds many of them.

A table is a CSV file (UTF-8, a header line) with one row per measured configuration:

===============  ========  =================================================================================
column           needed    meaning
===============  ========  =================================================================================
model            yes       a model file (``nets/a.onnx``), a zoo name (``resnet50``), a family with its
                           arguments (``nasbench101:...``) or one layer with its arguments:
                           ``conv2d 64x56x56 out_channels=64 kernel_size=3`` (input shape without the batch)
energy_joule     yes       energy of all executions together, joule, positive
executions       no (1)    how often the program ran inside ``energy_joule``
batch            no (1)    samples per execution
format           no (fp32) number format
phase            no        ``inference`` (default), ``training`` or ``backward``
runtime          no        name of the runtime preset of the device
latency_second   no        seconds of one execution; never an input of a prediction
repeats          no (1)    how many repeats the energy is a mean of
spread           no        relative standard deviation of the repeats
group            no        the network a row belongs to (default: ``model``); cross-validation never splits it
condition_*      no        anything else that was held fixed (text); a row with ``condition_disturbed`` is not used
===============  ========  =================================================================================
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hardware.files import replacing
from hardware.program import Program

__all__ = ["COLUMNS", "PHASES", "Measurement", "MeasurementRow", "TableError", "read_table", "write_table"]

PHASES = ("inference", "training", "backward")
COLUMNS = ("model", "batch", "format", "phase", "runtime", "energy_joule", "executions", "latency_second", "repeats",
           "spread", "group")
_CONDITION = "condition_"
_LARGEST_COUNT = 10**15
"""A batch or a number of executions beyond this is a slip; below, every whole number is exact in floating point."""


class TableError(ValueError):
    """A cell of a measurement table cannot be used: the message names file, row, column and what to do."""


@dataclass(frozen=True)
class Measurement:
    """Energy that a meter read while ``program`` ran ``executions`` times.

    ``latency_second`` (of one execution) is kept for the record; no prediction reads it. ``group`` is the
    network a measurement belongs to: cross-validation keeps the rows of a group together.
    Raises ValueError where the energy or the executions are not positive, or the program is not compiled.
    """

    program: Program
    energy_joule: float
    latency_second: float | None = None
    executions: int = 1
    conditions: Mapping[str, str] = field(default_factory=dict)
    group: str | None = None

    def __post_init__(self) -> None:
        if not (math.isfinite(self.energy_joule) and self.energy_joule > 0):
            raise ValueError(f"energy_joule is {self.energy_joule}: give a positive number of joules")
        if not hasattr(self.program, "rows") or not hasattr(self.program, "totals"):
            raise ValueError(f"the program is a {type(self.program).__name__}: give what tocompiler.compile returns")
        if self.executions < 1:
            raise ValueError(f"executions is {self.executions}: give a count of at least 1")

    @property
    def joule_per_execution(self) -> float:
        """Energy of one execution."""
        return self.energy_joule / self.executions


@dataclass(frozen=True)
class MeasurementRow:
    """One row of a table, before its model is built."""

    model: str
    energy_joule: float
    batch: int = 1
    format: str = "fp32"
    phase: str = "inference"
    runtime: str = ""
    executions: int = 1
    latency_second: float | None = None
    repeats: int = 1
    spread: float | None = None
    group: str = ""
    conditions: Mapping[str, str] = field(default_factory=dict)

    @property
    def disturbed(self) -> str:
        """What disturbed the run, so that its energy is not the program's; empty where nothing did."""
        return self.conditions.get("disturbed", "")

    def measurement(self, program: Program) -> Measurement:
        """The row with its model compiled."""
        conditions = {**self.conditions, **({"runtime": self.runtime} if self.runtime else {})}
        return Measurement(program, self.energy_joule, self.latency_second, self.executions, conditions,
                           self.group or self.model)


@dataclass(frozen=True)
class _Cell:
    """One cell and where it stands, so that every complaint names the place."""

    path: Path
    line: int
    column: str
    text: str

    def wrong(self, advice: str) -> TableError:
        return TableError(f"{self.path}, row {self.line}, column {self.column}: '{self.text}' - {advice}")

    def number(self, above: float = 0.0) -> float:
        try:
            value = float(self.text if self.text.isascii() and "_" not in self.text else "")
        except ValueError:
            raise self.wrong("give a number with a decimal point") from None
        if not (math.isfinite(value) and value > above):
            raise self.wrong(f"give a finite number above {above:g}")
        return value

    def count(self) -> int:
        value = self.number()
        if value != int(value) or value > _LARGEST_COUNT:
            raise self.wrong(f"give a whole number up to {_LARGEST_COUNT}")
        return int(value)

    def choice(self, allowed: Sequence[str]) -> str:
        if self.text not in allowed:
            raise self.wrong(f"give one of {', '.join(allowed)}")
        return self.text


def read_table(path: str | Path) -> list[MeasurementRow]:
    """Read and validate a measurement table; TableError names the first cell that cannot be used."""
    path = Path(path)
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:  # spreadsheets put a mark in front of the header
            return list(_rows(path, file))
    except csv.Error as error:
        raise TableError(f"{path}: is not a CSV file ({error})") from None
    except OSError as error:
        raise TableError(f"{path}: cannot be read ({error.strerror}); give a CSV file") from None
    except UnicodeDecodeError:
        raise TableError(f"{path}: is not UTF-8 text; save it as a CSV file in UTF-8") from None


def _rows(path: Path, lines: Iterable[str]) -> Iterator[MeasurementRow]:
    reader = csv.DictReader(lines)
    header = reader.fieldnames or []
    for column in ("model", "energy_joule"):
        if column == "energy_joule" and column not in header and "latency_second" in header:
            raise TableError(f"{path}, row 1, column energy_joule: missing - the table holds run times and no energy, "
                             "as measured without a meter; calibrate it with --time")
        if column not in header:
            raise TableError(f"{path}, row 1, column {column}: missing - the first line must name the columns")
    for i, column in enumerate(header):
        if column in header[:i]:
            raise TableError(f"{path}, row 1, column {column}: is there twice - name every column once")
        if column not in COLUMNS and not column.startswith(_CONDITION):
            raise TableError(f"{path}, row 1, column {column}: unknown - rename it {_CONDITION}{column}, or use one of "
                             f"{', '.join(COLUMNS)}")
    empty = True
    for values in reader:
        if None in values or None in values.values():
            raise TableError(f"{path}, row {reader.line_num}: has more or fewer cells than the header - quote commas")
        empty = False
        yield _row({k: _Cell(path, reader.line_num, k, (v or "").strip()) for k, v in values.items()})
    if empty:
        raise TableError(f"{path}: has no rows; add at least one measurement below the header")


def _row(cells: Mapping[str, _Cell]) -> MeasurementRow:
    given = {name: cell for name, cell in cells.items() if cell.text}
    for column in ("model", "energy_joule"):
        if column not in given:
            raise cells[column].wrong("must not be empty")

    def text(column: str, default: str = "") -> str:
        return given[column].text if column in given else default

    def count(column: str) -> int:
        return given[column].count() if column in given else 1

    return MeasurementRow(
        model=text("model"), energy_joule=given["energy_joule"].number(), batch=count("batch"),
        format=text("format", "fp32"), runtime=text("runtime"), group=text("group"),
        phase=given["phase"].choice(PHASES) if "phase" in given else "inference",
        executions=count("executions"), repeats=count("repeats"),
        latency_second=given["latency_second"].number() if "latency_second" in given else None,
        spread=given["spread"].number(above=-1e-300) if "spread" in given else None,
        conditions={k.removeprefix(_CONDITION): c.text for k, c in given.items() if k.startswith(_CONDITION)},
    )


def write_table(path: str | Path, rows: Iterable[MeasurementRow]) -> None:
    """Write rows as a table that ``read_table`` reads back; columns that no row uses are left out."""
    records = [_record(row) for row in rows]
    used = {column for record in records for column, text in record.items() if text != ""}
    columns = [c for c in COLUMNS if c in used] + sorted(used.difference(COLUMNS))
    with replacing(path) as beside, beside.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(records)


def _record(row: MeasurementRow) -> dict[str, str]:
    def optional(value: float | None) -> str:
        return "" if value is None else f"{value:.8g}"

    record = {
        "model": row.model, "energy_joule": f"{row.energy_joule:.8g}", "batch": str(row.batch), "format": row.format,
        "phase": row.phase, "runtime": row.runtime, "executions": str(row.executions) if row.executions > 1 else "",
        "latency_second": optional(row.latency_second), "repeats": str(row.repeats) if row.repeats > 1 else "",
        "spread": optional(row.spread), "group": row.group if row.group != row.model else "",
    }
    return {**record, **{_CONDITION + k: v for k, v in row.conditions.items()}}
