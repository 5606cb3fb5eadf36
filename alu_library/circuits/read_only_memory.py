"""Constant tables: the price of reading one word of a read-only memory, in closed form.

The structure is the NOR array of the textbooks (Weste and Harris, CMOS VLSI Design, section 12.4): a row decoder, one
word line per row, one transistor in the array per stored bit position of which half conduct, a column multiplexer that
keeps rows and columns near a square, and an inverting sense buffer per output bit. Operands are assumed uniform over
the entries and stored bits balanced: with tables of function samples both hold within the least significant half.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

__all__ = ["ReadOnlyMemory", "read_only_memory"]


@dataclass(frozen=True)
class ReadOnlyMemory:
    """A table of ``entries`` words of ``bits`` bits."""

    entries: int
    bits: int

    @property
    def address_bits(self) -> int:
        """Bits of the address: ceil(log2(entries))."""
        return max(1, (self.entries - 1).bit_length())

    @property
    def column_bits(self) -> int:
        """Address bits that choose among neighbouring words of one row, so that rows and columns are near a square."""
        best = min(range(self.address_bits + 1), key=lambda c: abs((self.entries >> c) - (self.bits << c)))
        return min(best, self.address_bits - 1)

    @property
    def rows(self) -> int:
        """Word lines."""
        return -(-self.entries // (1 << self.column_bits))

    @property
    def columns(self) -> int:
        """Bit lines."""
        return self.bits << self.column_bits

    @property
    def transistors(self) -> int:
        """Static transistors: half of the array's cross points hold one, each bit line has a load and a transmission
        transistor, each output a buffer (4), each decoder a gate per line."""
        array = self.rows * self.columns // 2 + self.columns
        return array + self.columns + 4 * self.bits + self._decoder(self.rows) + self._decoder(1 << self.column_bits)

    @property
    def transistor_operations(self) -> float:
        """Expected gate terminals that change value per read of a uniformly random entry.

        A new row (probability 1 - 1/rows) lowers one word line and raises another, each with half a transistor gate per
        column and the six terminals of its driver; a new column does the same for ``bits`` transmission gates; each
        output changes with probability 1/2 and drives its buffer's 4 gates; address bits change with probability 1/2
        and drive both polarities of their decoder's first stage.
        """
        new_row, new_column = 1 - 1 / self.rows, 1 - 1 / (1 << self.column_bits)
        word_lines = new_row * 2 * (self.columns / 2 + 6)
        column_lines = new_column * 2 * (self.bits + 6)
        address = self._decoder_inputs(self.rows) + self._decoder_inputs(1 << self.column_bits)
        return word_lines + column_lines + 0.5 * address + 0.5 * 4 * self.bits

    @staticmethod
    def _decoder(lines: int) -> int:
        """Transistors of a decoder: an inverter per address bit, a NAND over all of them and an inverter per line."""
        address = (lines - 1).bit_length()
        return 2 * address + lines * (2 * address + 2) if lines > 1 else 0

    @staticmethod
    def _decoder_inputs(lines: int) -> float:
        """Gate terminals that hang on the address: each bit reaches every line's NAND, in one polarity."""
        address = (lines - 1).bit_length()
        return float(address * (2 * lines + 2)) if lines > 1 else 0.0


@cache
def read_only_memory(size: str) -> ReadOnlyMemory:
    """The memory of a size written ENTRIESxBITS, as in ``256x27``; ValueError otherwise."""
    match = re.fullmatch(r"([1-9]\d*)x([1-9]\d*)", size)
    if not match:
        raise ValueError(f"a table's size is written ENTRIESxBITS, as in 256x27, not {size!r}")
    return ReadOnlyMemory(int(match[1]), int(match[2]))
