"""Traffic: how many bits of one operator cross a memory level of a given capacity."""

from __future__ import annotations

import math

from alu_library.tasks import Count

__all__ = ["crossing_bit"]


def crossing_bit(compulsory_bit: Count, products: Count, word_bit: int, capacity_bit: int) -> Count:
    """Bits that cross the boundary above a memory of ``capacity_bit``, at the least.

    ``compulsory_bit`` (every operand once, every result once), or, for a contraction of ``products`` products over
    words of ``word_bit`` that does not fit, the communication lower bound ``2 P / sqrt(S)`` words for P products and S
    words of memory (Hong and Kung 1981; constant by Smith, Lowery, Langou and van de Geijn 2019), whichever is larger.
    A well-tiled kernel comes within a small factor of it. ValueError if the capacity is not positive.
    """
    if capacity_bit <= 0:
        raise ValueError(f"capacity of a memory level must be positive, not {capacity_bit} bit")
    if not isinstance(compulsory_bit, int) or not isinstance(products, int) or compulsory_bit <= capacity_bit:
        return compulsory_bit
    words = max(capacity_bit // word_bit, 1)
    return max(compulsory_bit, math.ceil(2 * products / math.sqrt(words)) * word_bit)
