"""Reductions of rows of bits to two rows, by full and half adders.

A reduction takes rows (buses of one width, 0 where there is no bit) and returns columns of at most two nets each, with
the same weighted sum modulo 2**width; ``columns[k]`` weighs 2**k. It shows the builder its columns stage by stage, so
that the sum can be checked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from alu_library.circuits.netlist import ZERO, Builder, Bus, Net

__all__ = ["REDUCTIONS", "Columns", "array", "columns_of", "dadda", "dadda_heights", "wallace"]

Columns: TypeAlias = list[list[Net]]


def columns_of(rows: Sequence[Bus]) -> Columns:
    """The bits of rows, by weight."""
    return [[n for n in column if n != ZERO] for column in zip(*rows, strict=True)]


def dadda_heights(tallest: int) -> list[int]:
    """The column heights to reach, tallest first, out of 2, 3, 4, 6, 9, 13, ... (Dadda 1965)."""
    heights = [2]
    while heights[-1] * 3 // 2 < tallest:
        heights.append(heights[-1] * 3 // 2)
    return [h for h in reversed(heights) if h < tallest]


def dadda(b: Builder, rows: Sequence[Bus]) -> Columns:
    """Reduce as late as possible: each stage takes just enough full and half adders to reach the next Dadda height.
    An N by N multiplier takes N**2 - 4N + 3 full and N - 1 half adders (N >= 3)."""
    columns = columns_of(rows)
    stages = [columns]
    for height in dadda_heights(max(map(len, columns))):
        carries: list[Net] = []
        reduced = []
        for column in columns[:-1]:
            nets, carries = _lower(b, [*column, *carries], height)
            reduced.append(nets)
        columns = [*reduced, _top(b, [*columns[-1], *carries], height)]
        stages.append(columns)
    b.reduction(stages)
    return columns


def _lower(b: Builder, nets: list[Net], height: int) -> tuple[list[Net], list[Net]]:
    """A column brought to a height, and its carries into the next."""
    carries = []
    while len(nets) > height:
        used = 2 if len(nets) == height + 1 else 3
        total, carry = b.half_adder(nets[0], nets[1]) if used == 2 else b.full_adder(nets[0], nets[1], nets[2])
        nets = [n for n in (*nets[used:], total) if n != ZERO]
        carries += [carry] if carry != ZERO else []
    return nets, carries


def _top(b: Builder, nets: list[Net], height: int) -> list[Net]:
    """The top column brought to a height; its carries would be lost, so parities do for adders."""
    excess = max(0, len(nets) - height)
    return [n for n in (*nets[excess + 1:], b.xor(*nets[:excess + 1])) if n != ZERO] if excess else nets


def wallace(b: Builder, rows: Sequence[Bus]) -> Columns:
    """Reduce as early as possible: in each stage every three bits of a column take a full adder and a remaining pair
    a half adder, until no column holds more than two (Wallace 1964)."""
    columns = columns_of(rows)
    stages = [columns]
    while max(map(len, columns)) > 2:
        reduced: Columns = [[] for _ in columns]
        for k, column in enumerate(columns[:-1]):
            for bits in (column[i:i + 3] for i in range(0, len(column), 3)):
                total, carry = b.full_adder(*bits, *[ZERO] * (3 - len(bits)))
                reduced[k] += [total] if total != ZERO else []
                reduced[k + 1] += [carry] if carry != ZERO else []
        reduced[-1] += [b.xor(*columns[-1][i:i + 3]) for i in range(0, len(columns[-1]), 3)]
        columns = reduced
        stages.append(columns)
    b.reduction(stages)
    return columns


def array(b: Builder, rows: Sequence[Bus]) -> Columns:
    """Add one row after the other into a sum and a carry row, as a carry-save array does. An N by N multiplier takes
    N(N-2) full and N half adders, the ripple-carry adder after the array included (Braun 1963)."""
    total, carry = list(rows[0]), [ZERO] * len(rows[0])
    stages = [columns_of(rows)]
    for place, row in enumerate(rows[1:], 2):
        total, carry = _add_row(b, total, carry, row)
        stages.append(columns_of([total, carry, *rows[place:]]))
    b.reduction(stages)
    return stages[-1]


def _add_row(b: Builder, total: Bus, carry: Bus, row: Bus) -> tuple[Bus, Bus]:
    """One row of adders: it works only where the row has a bit, or where a carry meets one that waits already."""
    sums, carries = [], [ZERO] * (len(row) + 1)
    for k, bits in enumerate(zip(total, carry, row, strict=True)):
        if row[k] == ZERO and ZERO in (carry[k], carries[k]):
            sums.append(total[k])
            carries[k] = max(carry[k], carries[k])
        elif k == len(row) - 1:
            sums.append(b.xor(*bits))
        else:
            bit, carries[k + 1] = b.full_adder(*bits)
            sums.append(bit)
    return sums, carries[:-1]


REDUCTIONS: Mapping[str, Callable[[Builder, Sequence[Bus]], Columns]] = {
    "array": array, "wallace": wallace, "dadda": dadda,
}
"""Reductions by name."""
