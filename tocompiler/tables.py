"""Tables: measurement tables with every model built and compiled."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from hardware.measurement import Measurement, MeasurementRow, read_table
from hardware.provenance import shipped_table
from tocompiler.compiler import compile
from tocompiler.costing import TransistorProgram
from tocompiler.families import network_of

__all__ = ["compiled", "left_out", "read_measurements", "table_path"]

_Key = tuple[str, int, str, str]


def table_path(table: str | Path) -> Path:
    """A CSV file, or a shipped table by name."""
    path = Path(table)
    return path if path.suffix == ".csv" or path.exists() else shipped_table(str(table))


def read_measurements(table: str | Path, where: Mapping[str, str] | None = None) -> list[Measurement]:
    """Read a table (a file that hardware.read_table takes, or the name of a shipped one) and compile each of its models
    once; ``where`` keeps the rows whose cells are as given.

    Rows that are marked as disturbed (``condition_disturbed``) are left out; ``left_out`` says how many. ValueError
    names the row whose model cannot be built or is not modelled, or says that no row is left.
    """
    path = table_path(table)
    programs: dict[_Key, TransistorProgram] = {}
    rows = [(line, row) for line, row in enumerate(read_table(path, where), 2) if not row.disturbed]
    if not rows:
        raise ValueError(f"{path}: every row is marked as disturbed (condition_disturbed says by what); measure again "
                         "on a machine that does nothing else")
    return [row.measurement(compiled(row, programs, path, line)) for line, row in rows]


def left_out(table: str | Path, where: Mapping[str, str] | None = None) -> str:
    """How many rows of a table are marked as disturbed, in words; empty where none is."""
    rows = read_table(table_path(table), where)
    marked = sum(bool(row.disturbed) for row in rows)
    return f"{table}: {marked} of {len(rows)} rows are marked as disturbed and left out" if marked else ""


def compiled(row: MeasurementRow, programs: dict[_Key, TransistorProgram], path: Path = Path(),
             line: int = 0) -> TransistorProgram:
    """The row's program, from ``programs`` where an earlier row had the same."""
    key = (row.model, row.batch, row.format, row.phase)
    if key not in programs:
        try:
            program = compile(network_of(row, path.parent), format=row.format, phase=row.phase)
        except Exception as error:  # whatever a row asks for, its cell is named
            raise ValueError(f"{path}, row {line}, column model, '{row.model:.80}': {error}") from error
        if program.unmodelled:
            missing = program.unmodelled[0]
            raise ValueError(f"{path}, row {line}, column model: operator {missing.operator} of '{row.model}' is not "
                             f"modelled ({missing.reason}); remove the row")
        programs[key] = program
    return programs[key]
