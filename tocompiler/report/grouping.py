"""Rows of repeated blocks as one: ``model.layers.{0-31}.mlp.up_proj``, 32 times."""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence

__all__ = ["LONG", "Group", "grouped", "ranges"]

LONG = 200
"""Tables with more rows than this are grouped."""

_BLOCK = re.compile(r"^(.*?\.)(\d+)(\..*)$")

Group = tuple[str, list[int]]
"""A name, and the rows that it stands for."""


def grouped(names: Sequence[str], figures: Sequence[Hashable]) -> list[Group]:
    """Rows in order, those of blocks that are alike as one: blocks are numbered, and alike where all of their rows have
    the same names behind the number and the same figures.

    >>> grouped(["a", "h.0.x", "h.0.y", "h.1.x", "h.1.y", "h.2.x"], [0, 1, 2, 1, 2, 3])
    [('a', [0]), ('h.{0-1}.x', [1, 3]), ('h.{0-1}.y', [2, 4]), ('h.2.x', [5])]
    """
    parts = [_BLOCK.match(name) for name in names]
    blocks: dict[tuple[str, int], list[int]] = {}
    for i, part in enumerate(parts):
        if part is not None:
            blocks.setdefault((part[1], int(part[2])), []).append(i)
    alike: dict[Hashable, list[tuple[str, int]]] = {}
    for (prefix, number), rows in blocks.items():
        content = prefix, tuple((_suffix(names[i]), figures[i]) for i in rows)
        alike.setdefault(content, []).append((prefix, number))
    members = {block: group for group in alike.values() for block in group}
    found: list[Group] = []
    for i, part in enumerate(parts):
        if part is None:
            found.append((names[i], [i]))
            continue
        block = part[1], int(part[2])
        if members[block][0] != block:
            continue
        place = blocks[block].index(i)
        numbers = [number for _, number in members[block]]
        found.append((f"{part[1]}{ranges(numbers)}{part[3]}", [blocks[b][place] for b in members[block]]))
    return found


def _suffix(name: str) -> str:
    part = _BLOCK.match(name)
    return part[3] if part is not None else name


def ranges(numbers: Sequence[int]) -> str:
    """Numbers as ``{0-2,4-6}``; a number alone stays as it is; many pieces end in an ellipsis."""
    if len(numbers) == 1:
        return str(numbers[0])
    runs: list[list[int]] = []
    for n in numbers:
        if runs and n == runs[-1][1] + 1:
            runs[-1][1] = n
        else:
            runs.append([n, n])
    shown = [f"{a}-{b}" if a != b else str(a) for a, b in runs]
    return "{" + ",".join(shown if len(shown) <= 3 else [*shown[:2], "…", shown[-1]]) + "}"
