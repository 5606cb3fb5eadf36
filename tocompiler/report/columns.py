"""A plain table of text: what the compile command prints for thousands of layers without a table package's start-up."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["columns", "printable"]


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
    # Two spare characters under each header, as table packages leave.
    widths = [max(len(header) + 2, *(len(cell) for cell in cells), 0)
              for header, *cells in zip(headers, *rows, strict=True)]
    template = "  ".join(f"{{:{'<' if i < left else '>'}{width}}}" for i, width in enumerate(widths))
    lines = [template.format(*headers), "  ".join("-" * width for width in widths)]
    return "\n".join(line.rstrip() for line in [*lines, *(template.format(*row) for row in rows)])
