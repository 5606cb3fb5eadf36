"""Traffic: how many bits of one operator cross a memory level of a given capacity."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from alu_library import formats
from alu_library.tasks import Count

if TYPE_CHECKING:
    from tocompiler.lowering import AluRow

__all__ = ["crossing_bit"]


def crossing_bit(row: AluRow, capacity_bit: int) -> Count:
    """Bits that cross the boundary above a memory of ``capacity_bit``, at the least.

    Compulsory traffic (every operand once, every result once), or, for a contraction that does not fit, the
    communication lower bound ``2 P / sqrt(S)`` words for P products and S words of memory (Hong and Kung 1981;
    constant by Smith, Lowery, Langou and van de Geijn 2019), whichever is larger. A well-tiled kernel comes
    within a small factor of it. ValueError if the capacity is not positive.
    """
    if capacity_bit <= 0:
        raise ValueError(f"capacity of a memory level must be positive, not {capacity_bit} bit")
    compulsory = row.traffic_bit
    if row.loops is None or not row.reads or not isinstance(compulsory, int) or compulsory <= capacity_bit:
        return compulsory
    word = formats.parse(row.reads[0].format).bits
    words = max(capacity_bit // word, 1)
    return max(compulsory, math.ceil(2 * row.multiply_accumulates / math.sqrt(words)) * word)
