"""Sheet: a header and rows of cells, whatever file they were written in; and the complaint that names a place in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

__all__ = ["Row", "Sheet", "TableError"]


class TableError(ValueError):
    """A cell of a measurement table cannot be used: the message names file, row, column and what to do."""


@dataclass(frozen=True)
class Row:
    """The cells of one row, and the number of its line (or record) in the file."""

    line: int
    cells: tuple[str, ...]


@dataclass(frozen=True)
class Sheet:
    """A table of text.

    path: of the file, for complaints
    header: the columns' names, as they are understood
    rows: as many cells as the header has names
    said: the columns' names as the file writes them
    remarks: what was taken for granted, in words
    """

    path: Path
    header: tuple[str, ...]
    rows: tuple[Row, ...]
    said: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.said:
            object.__setattr__(self, "said", self.header)

    def error(self, line: int, column: str, text: str) -> TableError:
        """The complaint about a place."""
        return TableError(f"{self.path}, row {line}, column {column}: {text}")

    def column(self, name: str) -> tuple[str, ...]:
        """The cells of a column, from top to bottom."""
        at = self.header.index(name)
        return tuple(row.cells[at] for row in self.rows)

    def keep(self, columns: Sequence[int]) -> Sheet:
        """The sheet with these columns only, by position."""
        return replace(self, header=tuple(self.header[i] for i in columns), said=tuple(self.said[i] for i in columns),
                       rows=tuple(Row(row.line, tuple(row.cells[i] for i in columns)) for row in self.rows))

    def with_column(self, name: str, cells: Sequence[str], said: str) -> Sheet:
        """The sheet with a column; one of that name is replaced."""
        if name in self.header:
            at = self.header.index(name)
            rows = [(*row.cells[:at], cell, *row.cells[at + 1:]) for row, cell in zip(self.rows, cells, strict=True)]
            header, known = self.header, (*self.said[:at], said, *self.said[at + 1:])
        else:
            rows = [(*row.cells, cell) for row, cell in zip(self.rows, cells, strict=True)]
            header, known = (*self.header, name), (*self.said, said)
        return replace(self, header=header, said=known,
                       rows=tuple(Row(row.line, cells) for row, cells in zip(self.rows, rows, strict=True)))

    def remark(self, text: str) -> Sheet:
        """The sheet with one remark more."""
        return replace(self, remarks=(*self.remarks, text))
