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

Tables as others write them are read too (``hardware.tables``): semicolons, tabs and decimal commas, ``energy_mJ`` or
``Energy (Wh)``, ``power_watt`` with ``latency_ms``, and a column ``device``, which may name only one.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from hardware.files import replacing
from hardware.program import Program
from hardware.tables.cell import Cell
from hardware.tables.columns import closest
from hardware.tables.reading import read_sheet
from hardware.tables.sheet import Sheet, TableError

__all__ = ["COLUMNS", "PHASES", "Measurement", "MeasurementRow", "TableError", "read_table", "table_remarks",
           "write_table"]

PHASES = ("inference", "training", "backward")
COLUMNS = ("model", "batch", "format", "phase", "runtime", "energy_joule", "executions", "latency_second", "repeats",
           "spread", "group")
_CONDITION = "condition_"


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


def read_table(path: str | Path, where: Mapping[str, str] | None = None,
               quantity: str = "energy_joule") -> list[MeasurementRow]:
    """Read and validate a measurement table; TableError names the first cell that cannot be used.

    ``path`` is a CSV file in any dialect of a spreadsheet, JSON of pandas or Zeus, a CodeCarbon or Zeus log, or a
    folder of MLPerf results with power; ``where`` keeps the rows whose cells are as given (``{"device": "a100"}``).
    ``quantity`` is the column that every row must have: with ``latency_second`` a table measured without a meter is
    read too, and the energy of its rows is not a number (NaN).
    """
    return list(_rows(read_sheet(Path(path), COLUMNS, where), quantity))


def table_remarks(path: str | Path, where: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """What was taken for granted in reading a table (units, encodings, executions), in words; none for a plain one."""
    return read_sheet(Path(path), COLUMNS, where).remarks


def _rows(sheet: Sheet, quantity: str) -> Iterator[MeasurementRow]:
    for column in ("model", quantity):
        if column in sheet.header:
            continue
        if column == "energy_joule" and "latency_second" in sheet.header:
            raise sheet.error(1, column, "missing - the table holds run times and no energy, as measured without a "
                                         "meter; calibrate it with --time")
        raise sheet.error(1, column, f"missing - {closest(column, sheet.said)}the first line must name the columns")
    for column, said in zip(sheet.header, sheet.said, strict=True):
        if column not in COLUMNS and not column.startswith(_CONDITION):
            raise sheet.error(1, said, f"unknown - {closest(said, COLUMNS)}rename it {_CONDITION}{_identifier(said)}, "
                                       f"or use one of {', '.join(COLUMNS)}")
    if not sheet.rows:
        raise TableError(f"{sheet.path}: has no rows; add at least one measurement below the header")
    for row in sheet.rows:
        yield _row({column: Cell(sheet.path, row.line, said, text)
                    for column, said, text in zip(sheet.header, sheet.said, row.cells, strict=True)}, quantity)


def _identifier(name: str) -> str:
    return "_".join(re.findall(r"\w+", name)).lower() or "other"


def _row(cells: Mapping[str, Cell], quantity: str) -> MeasurementRow:
    given = {name: cell for name, cell in cells.items() if cell.text}
    for column in ("model", quantity):
        if column not in given:
            raise cells[column].wrong("must not be empty")

    def text(column: str, default: str = "") -> str:
        return given[column].text if column in given else default

    def count(column: str) -> int:
        return given[column].count() if column in given else 1

    return MeasurementRow(
        model=text("model"), batch=count("batch"),
        energy_joule=given["energy_joule"].number() if "energy_joule" in given else math.nan,
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
