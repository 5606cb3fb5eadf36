"""Cell: one cell of a table, as a number, a count or a choice; every complaint names the place."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hardware.tables.sheet import TableError

__all__ = ["Cell"]

_LARGEST_COUNT = 10**15
"""A batch or a number of executions beyond this is a slip; below, every whole number is exact in floating point."""


@dataclass(frozen=True)
class Cell:
    """One cell and where it stands, so that every complaint names the place."""

    path: Path
    line: int
    column: str
    text: str

    def wrong(self, advice: str) -> TableError:
        """The complaint about this cell."""
        return TableError(f"{self.path}, row {self.line}, column {self.column}: '{self.text}' - {advice}")

    def number(self, above: float = 0.0) -> float:
        """A finite number above a bound; TableError otherwise."""
        try:
            value = float(self.text if self.text.isascii() and "_" not in self.text else "")
        except ValueError:
            raise self.wrong("give a number with a decimal point") from None
        if not (math.isfinite(value) and value > above):
            raise self.wrong(f"give a finite number above {above:g}")
        return value

    def count(self) -> int:
        """A positive whole number; TableError otherwise."""
        value = self.number()
        if value != int(value) or value > _LARGEST_COUNT:
            raise self.wrong(f"give a whole number up to {_LARGEST_COUNT}")
        return int(value)

    def choice(self, allowed: Sequence[str]) -> str:
        """One of the words that are allowed; TableError otherwise."""
        if self.text not in allowed:
            raise self.wrong(f"give one of {', '.join(allowed)}")
        return self.text
