"""CSV as spreadsheets and libraries write it: comma, semicolon, tab or bar, with or without a mark in front."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from hardware.tables.sheet import Row, Sheet, TableError

__all__ = ["decoded", "read_delimited"]

_DELIMITERS = (",", ";", "\t", "|")
_FOREIGN = ((b"PK\x03\x04", "a spreadsheet or an archive"), (b"\x1f\x8b", "compressed"), (b"PAR1", "a Parquet file"),
            (b"SQLite format 3", "a database"), (b"\x89HDF", "an HDF5 file"),
            (b"\xd0\xcf\x11\xe0", "an old spreadsheet"))


def decoded(path: Path, data: bytes) -> tuple[str, tuple[str, ...]]:
    """The text of a file, and what was taken for granted about its encoding.

    UTF-8 with or without a byte-order mark; UTF-16 with one (a spreadsheet's "Unicode text"); else Windows-1252, which
    spreadsheets in western countries write, where it is text at all. TableError names what to save it as.
    """
    for head, kind in _FOREIGN:
        if data.startswith(head):
            raise TableError(f"{path}: is {kind}; export it as a CSV file in UTF-8")
    mark = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    try:
        return data.decode("utf-16" if mark else "utf-8-sig"), ()
    except UnicodeDecodeError:
        wrong = TableError(f"{path}: is not UTF-8 text; save it as a CSV file in UTF-8")
    if any(c < 32 and c not in b"\t\r\n\f" for c in data):
        raise wrong
    try:
        return data.decode("cp1252"), ("the file is not UTF-8 and was read as Windows-1252",)
    except UnicodeDecodeError:
        raise wrong from None


def read_delimited(path: Path, text: str, remarks: tuple[str, ...] = ()) -> Sheet:
    """A text of rows as a Sheet: its delimiter is the one that the header has most of.

    Lines in front that are empty or begin with ``#``, a spreadsheet's ``sep=;``, empty rows, and columns without name
    and content are left out. TableError where a row has more or fewer cells than the header.
    """
    lines = list(io.StringIO(text, newline=""))
    skipped, delimiter = 0, ""
    while skipped < len(lines) and _preface(lines[skipped]):
        if lines[skipped].lower().startswith("sep=") and len(lines[skipped].strip()) <= 5:
            delimiter = lines[skipped].rstrip("\r\n")[4:]
        skipped += 1
    body = lines[skipped:]
    delimiter = delimiter or _delimiter(body[0] if body else "")
    try:
        return _sheet(path, body, delimiter, skipped, remarks)
    except csv.Error as error:
        raise TableError(f"{path}: is not a CSV file ({error})") from None


def _preface(line: str) -> bool:
    text = line.strip()
    return not text.strip(",;\t|") or text.startswith("#") or text.lower().startswith("sep=")


def _delimiter(header: str) -> str:
    """Commas inside quotes count for none: the delimiter that cuts the header into most pieces."""
    pieces = {d: len(next(csv.reader(io.StringIO(header), delimiter=d), [])) for d in _DELIMITERS}
    return max(_DELIMITERS, key=lambda d: pieces[d])


def _sheet(path: Path, lines: list[str], delimiter: str, skipped: int, remarks: tuple[str, ...]) -> Sheet:
    reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=delimiter != "\t")
    header = tuple(name.strip() for name in next(reader, []))
    rows = []
    for cells in reader:
        line = reader.line_num + skipped
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(header):
            mend = ("quote cells that contain commas" if delimiter == "," else
                    f"quote cells that contain {'a tab' if delimiter == chr(9) else delimiter}")
            raise TableError(f"{path}, row {line}: has {len(cells)} cells and the header has {len(header)} - {mend}")
        rows.append(Row(line, tuple(cell.strip() for cell in cells)))
    sheet = Sheet(path, header, tuple(rows), remarks=remarks)
    used = [i for i, name in enumerate(header) if name or any(row.cells[i] for row in rows)]
    return sheet if len(used) == len(header) else sheet.keep(used)
