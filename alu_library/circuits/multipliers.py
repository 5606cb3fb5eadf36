"""Multipliers as generators: rows of partial products, a reduction to two rows, a final adder.

A row is a bus as wide as the product, 0 where it has no bit. Signed products use the modified Baugh-Wooley form
(complemented cross terms and a constant; Hatamian and Cash 1986), or Booth digits, which are signed by nature.

>>> multiplier("array", 8).transistors("textbook")
1840
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from alu_library.circuits.adders import add
from alu_library.circuits.netlist import ONE, ZERO, Builder, Bus, Net, Netlist
from alu_library.circuits.reductions import REDUCTIONS

__all__ = [
    "MULTIPLIERS", "REDUCTION_OF", "Rows", "and_products", "booth_products", "constant_row", "multiplier", "multiply",
    "product_rows", "sum_rows",
]

Rows: TypeAlias = list[Bus]
"""Partial products: buses of one width, to be summed modulo 2**width."""


def _row(bits: list[Net], position: int, width: int) -> Bus:
    """Bits placed in a row from a position on; what lies above the width is dropped."""
    return [*[ZERO] * position, *bits, *[ZERO] * width][:width]


def constant_row(constant: int, width: int) -> Bus:
    """A constant modulo 2**width as a row."""
    return [ONE if constant >> k & 1 else ZERO for k in range(width)]


def and_products(b: Builder, x: Bus, y: Bus, signed: bool, width: int) -> Rows:
    """One AND per pair of bits; signed, the pairs with exactly one sign bit are complemented, which the constant
    2**(n-1) + 2**(m-1) - 2**(n+m-1) makes up for."""
    n, m = len(x), len(y)
    rows = []
    for j, q in enumerate(y):
        bits = [b.nand(p, q) if signed and (i == n - 1) != (j == m - 1) else b.and_(p, q) for i, p in enumerate(x)]
        rows.append(_row(bits, j, width))
    if signed:
        rows.insert(0, constant_row((1 << (n - 1)) + (1 << (m - 1)) - (1 << (n + m - 1)), width))
    return rows


def booth_products(b: Builder, x: Bus, y: Bus, signed: bool, width: int) -> Rows:
    """Radix-4 Booth: a row per two bits of ``y``, each a digit -2..2 times ``x`` (MacSorley 1961), and one row of
    constants that stands for the sign extensions of all others."""
    wide = [*x, x[-1] if signed else ZERO]  # 2x needs one bit more
    digits = (len(y) + (1 if signed else 2)) // 2
    padded = [ZERO, *y, *[y[-1] if signed else ZERO] * (2 * digits - len(y))]
    rows: Rows = []
    constant, increment = 0, ZERO
    for d in range(digits):
        position = 2 * d
        magnitude, negative = _booth_digit(b, wide, padded[position:position + 3])
        bits = [b.xor(p, negative) for p in magnitude]
        if not signed and negative != ZERO:
            bits.append(negative)
        top = position + len(bits) - 1
        # The top bit s weighs -2**top: (not s) * 2**top - 2**top, so that no sign needs extension. In the top column
        # of the product a sign makes no difference.
        if top < width - 1 and (signed or negative != ZERO):
            bits[-1] = b.not_(bits[-1])
            constant -= 1 << top
        # A complement is one short of the negative: the missing 1 has room in the next row.
        rows.append(_with_bit(_row(bits, position, width), position - 2, increment))
        increment = negative
    if increment != ZERO:
        rows.append(_row([increment], 2 * digits - 2, width))
    return [constant_row(constant, width), *rows]


def _booth_digit(b: Builder, wide: Bus, bits: Bus) -> tuple[Bus, Net]:
    """The magnitude 0, x or 2x that three neighbouring bits select, and whether it is to be subtracted."""
    low, middle, high = bits
    one = b.xor(low, middle)
    two = b.nor(one, b.xnor(middle, high))
    doubled = [ZERO, *wide[:-1]]
    return [_either(b, one, single, two, double) for single, double in zip(wide, doubled, strict=True)], high


def _either(b: Builder, one: Net, single: Net, two: Net, double: Net) -> Net:
    if ZERO in (one, single, two, double):
        return b.or_(b.and_(one, single), b.and_(two, double))
    return b.cell("AO22", one, single, two, double)[0]


def _with_bit(row: Bus, position: int, bit: Net) -> Bus:
    """The row with a bit put into an empty place (position -2, before the first row, with bit 0 is no place)."""
    return row if bit == ZERO else [*row[:position], bit, *row[position + 1:]]


_PRODUCTS: Mapping[str, Callable[[Builder, Bus, Bus, bool, int], Rows]] = {
    "array": and_products, "wallace": and_products, "dadda": and_products, "booth": booth_products,
}
REDUCTION_OF: Mapping[str, str] = {"array": "array", "wallace": "wallace", "dadda": "dadda", "booth": "dadda"}
"""The reduction that each multiplier uses."""

MULTIPLIERS = tuple(_PRODUCTS)
"""Multipliers by name: ``array``, ``wallace``, ``dadda`` and ``booth`` (radix 4, Dadda's reduction)."""


def product_rows(b: Builder, kind: str, x: Bus, y: Bus, signed: bool = False, width: int | None = None) -> Rows:
    """The partial products of ``x * y`` modulo 2**width (default: the full product); ValueError for an unknown kind."""
    if kind not in _PRODUCTS:
        raise ValueError(f"unknown multiplier {kind!r}: use one of {', '.join(_PRODUCTS)}")
    return _PRODUCTS[kind](b, x, y, signed, len(x) + len(y) if width is None else width)


def sum_rows(b: Builder, rows: Rows, reduction: str, final_adder: str) -> Bus:
    """The sum of rows modulo 2**width: a reduction to two rows, then an adder over the columns that hold two bits."""
    columns = REDUCTIONS[reduction](b, rows)
    first = next((k for k, column in enumerate(columns) if len(column) == 2), len(columns))
    pairs = [(*column, ZERO, ZERO)[:2] for column in columns[first:-1]]
    low, carry = add(b, final_adder, [p for p, _ in pairs], [q for _, q in pairs]) if pairs else ([], ZERO)
    # What the top column carries out is lost, so its bit is a parity.
    head = [(*column, ZERO)[0] for column in columns[:min(first, len(columns) - 1)]]
    return [*head, *low, b.xor(*columns[-1], carry)]


def multiply(b: Builder, kind: str, x: Bus, y: Bus, signed: bool = False, final_adder: str = "ripple_carry") -> Bus:
    """The full product of two buses: ``len(x) + len(y)`` bits."""
    return sum_rows(b, product_rows(b, kind, x, y, signed), REDUCTION_OF[kind], final_adder)


def multiplier(kind: str, width: int, signed: bool = False, final_adder: str = "ripple_carry",
               full_adder_style: int = 28) -> Netlist:
    """A netlist that multiplies ``a`` by ``b`` of ``width`` bits to ``product`` of ``2 * width`` bits. In the Booth
    multiplier ``b`` is the recoded operand."""
    b = Builder(f"multiplier_{kind}_{width}{'_signed' if signed else ''}", full_adder_style)
    x, y = b.input("a", width), b.input("b", width)
    b.output("product", multiply(b, kind, x, y, signed, final_adder))
    return b.build()
