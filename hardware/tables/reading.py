"""From a file to the sheet that a measurement table is read from: canonical columns, decimal points, units taken in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from statistics import median

from hardware.tables.cell import Cell
from hardware.tables.columns import Named, named
from hardware.tables.delimited import decoded, read_delimited
from hardware.tables.foreign import translated
from hardware.tables.mlperf import is_mlperf, read_mlperf
from hardware.tables.numbers import ambiguous, decimal_mark, plain
from hardware.tables.records import read_records
from hardware.tables.sheet import Row, Sheet, TableError

__all__ = ["read_sheet"]

_NUMBERS = ("batch", "executions", "repeats", "spread", "latency_second", "duration_second", "power_watt",
            "energy_joule", "energy_per_execution_joule", "energy_per_sample_joule")
_FORMATS = {"float32": "fp32", "float": "fp32", "f32": "fp32", "single": "fp32", "float16": "fp16", "half": "fp16",
            "f16": "fp16", "bfloat16": "bf16", "float64": "fp64", "double": "fp64"}
_PHASES = {"train": "training", "infer": "inference", "eval": "inference", "forward": "inference"}
_MILLI = (300, 3000)  # a quotient in here is a unit that is off by a thousand, not a meter that is


def read_sheet(path: Path, columns: tuple[str, ...], where: Mapping[str, str] | None = None) -> Sheet:
    """The sheet of a file or folder, its columns renamed to ``columns`` where their names say so.

    ``where`` keeps the rows whose cells are as given. TableError names what cannot be used and how to mend it.
    """
    sheet = _raw(path)
    names = [_named(name, columns) for name in sheet.header]
    canonical = _renamed(sheet, names, columns)
    canonical = _chosen(canonical, where or {})
    canonical = _one_device(canonical)
    return _with_energy(_scaled(canonical, names, sheet.header))


def _raw(path: Path) -> Sheet:
    if is_mlperf(path):
        return read_mlperf(path)
    try:
        text, remarks = decoded(path, path.read_bytes())
    except OSError as error:
        raise TableError(f"{path}: cannot be read ({error.strerror}); give a CSV file") from None
    if text.lstrip()[:1] in ("{", "["):
        return translated(read_records(path, text))
    return translated(read_delimited(path, text, remarks))


def _named(header: str, columns: tuple[str, ...]) -> Named:
    exact = header in columns or header.startswith("condition_")
    return Named(header) if exact else named(header) or Named(header)


def _renamed(sheet: Sheet, names: list[Named], columns: tuple[str, ...]) -> Sheet:
    """Canonical names; what an index of pandas holds is left out. TableError on a column that is there twice."""
    dropped = [i for i, name in enumerate(sheet.header) if _is_index(sheet, i, name)]
    kept = [i for i in range(len(names)) if i not in dropped]
    found = replace(sheet, header=tuple(name.column for name in names)).keep(kept)
    for i, column in enumerate(found.header):
        first = found.header.index(column)
        if first != i:
            same = found.said[first] == found.said[i]
            raise sheet.error(1, found.said[i], "is there twice - name every column once" if same else
                              f"says the same as column {found.said[first]} - keep one of them")
    for i in kept:
        if names[i].doubt:
            found = found.remark(f"column {sheet.said[i]}: {names[i].doubt}")
    return found


def _is_index(sheet: Sheet, at: int, name: str) -> bool:
    if name not in ("", "Unnamed: 0", "index"):
        return False
    cells = [row.cells[at] for row in sheet.rows]
    return all(cell.isdigit() for cell in cells) and len(set(cells)) == len(cells)


def _chosen(sheet: Sheet, where: Mapping[str, str]) -> Sheet:
    for name, value in where.items():
        at = next((i for i, (column, said) in enumerate(zip(sheet.header, sheet.said, strict=True))
                   if name in (column, said)), None)
        if at is None:
            raise sheet.error(1, name, f"is not there - the columns are {', '.join(sheet.said)}")
        rows = tuple(row for row in sheet.rows if row.cells[at] == value)
        if not rows:
            raise sheet.error(2, name, f"no row says '{value}' - it says "
                                       f"{', '.join(sorted(set(sheet.column(sheet.header[at]))))}")
        sheet = replace(sheet, rows=rows)
    return sheet


def _one_device(sheet: Sheet) -> Sheet:
    """The sheet without its column ``device``; TableError where that names more than one."""
    for column in ("device", "condition_device"):
        if column not in sheet.header:
            continue
        found = sorted(set(sheet.column(column)) - {""})
        if len(found) > 1:
            raise sheet.error(1, sheet.said[sheet.header.index(column)],
                              f"the table holds {len(found)} devices ({', '.join(found)}) - calibrate each by itself, "
                              f"as with --where '{column}={found[0]}'")
        if column == "device":
            sheet = sheet.keep([i for i, name in enumerate(sheet.header) if name != column])
    return sheet


def _scaled(sheet: Sheet, names: list[Named], headers: tuple[str, ...]) -> Sheet:
    """Cells with a decimal point, in the unit of their column; formats and phases by their own names."""
    numeric = [i for i, name in enumerate(sheet.header) if name in _NUMBERS]
    mark = decimal_mark(row.cells[i] for row in sheet.rows for i in numeric)
    scale = {name.column: name.scale for name in names}
    rows = []
    for row in sheet.rows:
        cells = list(row.cells)
        for i in numeric:
            if mark is None and ambiguous(cells[i]):
                raise sheet.error(row.line, sheet.said[i], f"'{cells[i]}' may be a thousand times more or less - give "
                                                           "every number a decimal point and no separators")
            cells[i] = plain(cells[i], mark or ".")
            factor = scale.get(sheet.header[i], 1.0)
            if factor != 1.0 and cells[i]:
                cells[i] = repr(Cell(sheet.path, row.line, sheet.said[i], cells[i]).number() * factor)
        for i, known in ((i, known) for i, name in enumerate(sheet.header) for column, known in
                         (("format", _FORMATS), ("phase", _PHASES)) if name == column):
            word = cells[i].lower().removeprefix("torch.")
            cells[i] = known.get(word, word)
        rows.append(Row(row.line, tuple(cells)))
    return replace(sheet, rows=tuple(rows))


def _with_energy(sheet: Sheet) -> Sheet:
    """Energy of all executions together, from what is there; the columns that it was made of are left out."""
    has = set(sheet.header)
    ways = (("energy_joule", ()), ("energy_per_execution_joule", ("executions",)),
            ("energy_per_sample_joule", ("batch", "executions")))
    name, times = next(((n, t) for n, t in ways if n in has), ("", ()))
    power = ("power_watt", *(("latency_second", "executions") if "latency_second" in has else ("duration_second",)))
    if name and "power_watt" in has and {*power} & has >= {*power[:2]}:
        _agree(sheet, (name, *times), power)
    if not name and {*power[:2]} <= has:
        name, times = power[0], power[1:]
    if name and (name != "energy_joule"):
        said = " x ".join(sheet.said[sheet.header.index(n)] for n in (name, *times) if n in has)
        sheet = sheet.with_column("energy_joule", [_text(v) for v in _products(sheet, (name, *times))], said)
        sheet = sheet.remark(f"energy is {said}") if " x " in said else sheet
    if "duration_second" in has and "latency_second" not in has and "executions" in has:
        times_of = [d / n for d, n in zip(_products(sheet, ("duration_second",)), _products(sheet, ("executions",)),
                                          strict=True)]
        sheet = sheet.with_column("latency_second", [_text(v) for v in times_of],
                                  sheet.said[sheet.header.index("duration_second")])
    left = ("power_watt", "duration_second", "energy_per_execution_joule", "energy_per_sample_joule")
    return sheet.keep([i for i, column in enumerate(sheet.header) if column not in left])


def _products(sheet: Sheet, columns: tuple[str, ...]) -> list[float]:
    """For each row the product of some columns; one that is not there, and an empty cell of a count, counts as 1."""
    found = [1.0] * len(sheet.rows)
    for column in columns:
        if column not in sheet.header:
            continue
        at = sheet.header.index(column)
        for k, row in enumerate(sheet.rows):
            if row.cells[at] or column not in ("executions", "batch"):
                found[k] *= Cell(sheet.path, row.line, sheet.said[at], row.cells[at]).number()
    return found


def _agree(sheet: Sheet, energy: tuple[str, ...], power: tuple[str, ...]) -> None:
    """TableError where energy is a thousand times, or a thousandth of, power times time."""
    quotient = median(e / p for e, p in zip(_products(sheet, energy), _products(sheet, power), strict=True))
    said = sheet.said[sheet.header.index(energy[0])]
    if _MILLI[0] < quotient < _MILLI[1] or _MILLI[0] < 1 / quotient < _MILLI[1]:
        unit = "millijoule: rename the column energy_mJ" if quotient > 1 else "kilojoule: rename the column energy_kJ"
        raise sheet.error(1, said, f"is {quotient:.3g} times power times time, so it seems to be in {unit}")


def _text(value: float) -> str:
    return repr(value)
