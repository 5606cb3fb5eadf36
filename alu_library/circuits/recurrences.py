"""Recurrences: exact cell counts of the circuits that have no closed form.

Multipliers: the heights of the columns, stage by stage. A column is a list of letters, one per bit: ``x`` a bit whose
complement would take an inverter, ``c`` one whose complement is there, ``1`` the constant; an adder that meets the
constant is a smaller gate. This is arithmetic on letters, apart from the netlists it is tested equal to.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from itertools import zip_longest
from typing import TypeAlias

from alu_library.circuits.reductions import dadda_heights

__all__ = ["RECURRENCES", "cells"]

Letters: TypeAlias = list[str]

_FULL_ADDER = "FULL_ADDER_28"


# Prefix adders and the square root.


def _prefix(n: int, merges: int) -> Counter[str]:
    return Counter({"HALF_ADDER": n, "AO21": merges, "AND2": merges - (n - 1), "XOR2": n - 1})


def _kogge_stone(n: int) -> Counter[str]:
    return _prefix(n, sum(n - (1 << k) for k in range((n - 1).bit_length())))


def _brent_kung(n: int) -> Counter[str]:
    distances = [1 << k for k in range((n - 1).bit_length())]
    return _prefix(n, sum(len(range(2 * d - 1, n, 2 * d)) + len(range(3 * d - 1, n, 2 * d)) for d in distances))


def _square_root(n: int) -> Counter[str]:
    """Row i has i full adders. An odd radicand has no first row: its first root bit is its top bit, and until the
    remainder has grown the comparison needs no bit above the root's."""
    rows, odd = (n + 1) // 2, n % 2
    counts: Counter[str] = Counter({"NOT": rows - 1})
    for row in range(odd, rows):
        wide = row + 2 if (row, odd) != (1, 1) else 2
        counts += Counter({"NOT": 1, "XNOR2": 1, "OR2": 1, "MUX2": wide, _FULL_ADDER: wide - 2})
        counts["AND2"] += wide < row + 2
        counts["OR2"] += row > 2 * odd
    return counts


# Columns of letters.


def _adder(bits: Letters, counts: Counter[str]) -> tuple[Letters, Letters]:
    """The sum and the carry of two or three bits, either of which may be nothing."""
    ones, rest = bits.count("1"), [b for b in bits if b != "1"]
    if ones == 0:
        counts["HALF_ADDER" if len(bits) == 2 else _FULL_ADDER] += 1
        return ["x"], ["x"]
    if ones == 2:  # 1 + 1 + x carries 1 and leaves x
        return rest, ["1"]
    if len(rest) == 2:
        counts += Counter({"XNOR2": 1, "OR2": 1})
        return ["x"], ["x"]
    counts["NOT"] += rest == ["x"]
    return ["c"], ["c"]


def _parity(bits: Letters, counts: Counter[str]) -> Letters:
    """The exclusive or of bits in the top column, where carries are lost."""
    rest = [b for b in bits if b != "1"]
    counts["XOR2"] += max(0, len(rest) - 1)
    if bits.count("1") % 2 == 0:
        return ["x"] if len(rest) > 1 else rest
    counts["NOT"] += len(rest) > 1 or rest == ["x"]
    return ["c"] if rest else ["1"]


def _dadda(columns: list[Letters], counts: Counter[str]) -> list[Letters]:
    for height in dadda_heights(max(map(len, columns))):
        carries: Letters = []
        for k, column in enumerate(columns[:-1]):
            bits, carries = [*column, *carries], []
            while len(bits) > height:
                used = 2 if len(bits) == height + 1 else 3
                total, carry = _adder(bits[:used], counts)
                bits, carries = [*bits[used:], *total], [*carries, *carry]
            columns[k] = bits
        top = [*columns[-1], *carries]
        excess = max(0, len(top) - height)
        columns[-1] = [*top[excess + 1:], *_parity(top[:excess + 1], counts)] if excess else top
    return columns


def _wallace(columns: list[Letters], counts: Counter[str]) -> list[Letters]:
    while max(map(len, columns)) > 2:
        reduced: list[Letters] = [[] for _ in columns]
        for k, column in enumerate(columns[:-1]):
            for bits in (column[i:i + 3] for i in range(0, len(column), 3)):
                total, carry = (bits, []) if len(bits) == 1 else _adder(bits, counts)
                reduced[k] += total
                reduced[k + 1] += carry
        for i in range(0, len(columns[-1]), 3):
            reduced[-1] += _parity(columns[-1][i:i + 3], counts)
        columns = reduced
    return columns


def _final_adder(columns: list[Letters], counts: Counter[str]) -> None:
    carry: Letters = []
    first = next((k for k, column in enumerate(columns) if len(column) == 2), len(columns))
    for column in columns[first:-1]:
        bits = [*column, *carry]
        carry = _adder(bits, counts)[1] if len(bits) > 1 else []
    _parity([*columns[-1], *carry], counts)


# Rows of products as letters.


def _columns(rows: list[tuple[int, Letters]], width: int) -> list[Letters]:
    """Rows of letters, each from a position on, as columns; a blank is no bit."""
    placed = [[" "] * position + letters for position, letters in rows]
    columns = [[letter for letter in column if letter != " "] for column in zip_longest(*placed, fillvalue=" ")]
    return columns + [[] for _ in range(width - len(columns))]


def _constant(value: int, width: int) -> tuple[int, Letters]:
    return 0, ["1" if value % (1 << width) >> k & 1 else " " for k in range(width)]


def _and_rows(n: int, signed: bool, counts: Counter[str]) -> list[Letters]:
    rows = [(j, ["x"] * n) for j in range(n)]
    if not signed:
        counts["AND2"] += n * n
        return _columns(rows, 2 * n)
    counts += Counter({"AND2": (n - 1)**2 + 1, "NAND2": 2 * (n - 1)})
    return _columns([_constant((1 << n) - (1 << (2 * n - 1)), 2 * n), *rows], 2 * n)


def _booth_rows(n: int, signed: bool, counts: Counter[str]) -> list[Letters]:
    """Digits of two bits. The first has no bit below it, the last of an unsigned operand is not negative, and the
    last of an odd signed one is not two."""
    digits, width = (n + (1 if signed else 2)) // 2, 2 * n
    rows: list[tuple[int, Letters]] = []
    constant = 0
    pending: Letters = []
    for d in range(digits):
        last = d == digits - 1
        positive = last and not signed
        doubles = not (last and (n % 2 == 1 if signed else n % 2 == 0))
        letters, sign = _booth_digit(n, signed, positive, doubles, d == 0, counts)
        top = 2 * d + len(letters) - 1
        if top < width - 1 and not positive:
            # The sign's complement; of an unsigned sign every digit bit is one, so its complement is there for all.
            counts["NOT"] += 1
            letters[-1] = "c"
            sign = ["x"] if signed else ["c"]
            constant -= 1 << top
        rows.append((2 * d - 2, [*pending, " ", *letters]) if pending else (2 * d, letters))
        pending = sign
    rows += [(2 * digits - 2, pending)] if pending else []
    return _columns([_constant(constant, width), *rows], width)


def _booth_digit(n: int, signed: bool, positive: bool, doubles: bool, first: bool,
                 counts: Counter[str]) -> tuple[Letters, Letters]:
    """The bits of one row and the sign to be added to it."""
    counts["XOR2"] += not first
    if not doubles:  # digits -1, 0, 1: an AND per bit
        counts["XOR2"] -= positive
        counts["AND2"] += n if positive else n + 1
    else:
        counts += Counter({"NOR2": 1, "NOT" if positive else "XNOR2": 1})
        counts += Counter({"AND2": 1, "AO22": n}) if signed else Counter({"AND2": 2, "AO22": n - 1})
    if positive:
        return ["x"] * (n + doubles), []
    counts["XOR2"] += n + 1
    return ["x"] * (n + 1 if signed else n + 2), ["x"]


def _multiplier(rows: Callable[[int, bool, Counter[str]], list[Letters]],
                reduction: Callable[[list[Letters], Counter[str]], list[Letters]],
                signed: bool) -> Callable[[int], Counter[str]]:
    def count(n: int) -> Counter[str]:
        counts: Counter[str] = Counter()
        _final_adder(reduction(rows(n, signed, counts), counts), counts)
        return counts
    return count


RECURRENCES: Mapping[str, Callable[[int], Counter[str]]] = {
    "adder/kogge_stone": _kogge_stone,
    "adder/brent_kung": _brent_kung,
    "square_root": _square_root,
    "multiplier/wallace": _multiplier(_and_rows, _wallace, False),
    "multiplier/wallace_signed": _multiplier(_and_rows, _wallace, True),
    "multiplier/dadda": _multiplier(_and_rows, _dadda, False),
    "multiplier/dadda_signed": _multiplier(_and_rows, _dadda, True),
    "multiplier/booth": _multiplier(_booth_rows, _dadda, False),
    "multiplier/booth_signed": _multiplier(_booth_rows, _dadda, True),
}
"""Cells by circuit and width (2 and more), with 28-transistor full adders and ripple-carry final adders."""


def cells(name: str, width: int) -> dict[str, int]:
    """Exact counts at a width; KeyError where there is no recurrence."""
    return {kind: n for kind, n in sorted(RECURRENCES[name](width).items()) if n}
