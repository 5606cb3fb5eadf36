"""A plain table of text: what the compile command prints for thousands of layers without a table package's start-up."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence

__all__ = ["columns", "printable"]

_NARROWEST = 12  # characters that a name keeps in a narrow terminal


def printable(text: str) -> str:
    """The text with control characters, which a name in a stranger's file may hold, as their escapes.

    >>> printable("conv\\x1b[2J 3 µJ")
    'conv\\\\x1b[2J 3 µJ'
    """
    return text if text.isprintable() else "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def columns(rows: Sequence[Sequence[str]], headers: Sequence[str], left: int = 1) -> str:
    """Rows under their headers, the first ``left`` columns flush left and the others flush right.

    >>> print(columns([("conv", "12"), ("relu", "3")], ("layer", "MACs")))
    layer      MACs
    -------  ------
    conv         12
    relu          3
    """
    rows = _fitted(rows, headers)
    # Two spare characters under each header, as table packages leave.
    widths = [max(len(header) + 2, *(len(cell) for cell in cells), 0)
              for header, *cells in zip(headers, *rows, strict=True)]
    template = "  ".join(f"{{:{'<' if i < left else '>'}{width}}}" for i, width in enumerate(widths))
    lines = [template.format(*headers), "  ".join("-" * width for width in widths)]
    return "\n".join(line.rstrip() for line in [*lines, *(template.format(*row) for row in rows)])


def _fitted(rows: Sequence[Sequence[str]], headers: Sequence[str]) -> Sequence[Sequence[str]]:
    """Rows for the terminal that they are written to: where it is too narrow the names lose their middle."""
    if sys.stdout is None or not sys.stdout.isatty() or not rows:
        return rows
    widths = [max(len(header) + 2, *(len(row[i]) for row in rows)) for i, header in enumerate(headers)]
    over = sum(widths) + 2 * (len(widths) - 1) - shutil.get_terminal_size().columns
    room = max(widths[0] - over, _NARROWEST)
    return rows if over <= 0 else [(_short(row[0], room), *row[1:]) for row in rows]


def _short(name: str, room: int) -> str:
    """A name in so many characters, its end kept longer than its beginning."""
    if len(name) <= room:
        return name
    tail = (room - 1) * 2 // 3
    return f"{name[:room - 1 - tail]}…{name[-tail:]}"
