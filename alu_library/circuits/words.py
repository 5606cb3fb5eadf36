"""Operands as words: bits of integers dealt to 64 lanes, and back.

Lane j of word w holds vector j * L + w, so that the words of one bit hold 64 runs of consecutive vectors, and the
switchings between successive vectors are the bits in which neighbouring words differ.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["LANES", "Words", "pack", "to_signed", "unpack"]

Words: TypeAlias = npt.NDArray[np.uint64]

LANES = 64
"""Vectors in a word."""


def pack(values: npt.ArrayLike, width: int, overlap: int = 0) -> Words:
    """Bits of integers as words, shape (width, words). With ``overlap`` 1 each lane repeats the first vector of the
    next, so that no step between vectors is lost; the last vector fills what is left. TypeError for what is not
    integers."""
    array = np.asarray(values)
    if array.dtype == object or width > LANES:
        limbs = range(0, width, LANES)
        integers = [int(v) for v in array]
        parts = [np.array([v >> k & ((1 << LANES) - 1) for v in integers], dtype=np.uint64) for k in limbs]
        return np.concatenate([pack(p, min(LANES, width - k), overlap) for k, p in zip(limbs, parts, strict=True)])
    if array.dtype.kind not in "iub":
        raise TypeError(f"operands are integers, not {array.dtype}")
    # Conversion to the narrowest type that holds the width is also the modulus.
    dealt = array.astype(np.min_scalar_type((1 << width) - 1))[_deal(len(array), overlap)]
    places = np.arange(width, dtype=dealt.dtype)[:, None, None]
    bits = (dealt >> places).astype(np.uint8) & np.uint8(1)
    return np.packbits(bits, axis=2, bitorder="little").view(np.uint64).reshape(width, -1)


def unpack(words: Sequence[Words], count: int) -> npt.NDArray[Any]:
    """The integers whose bits, least significant first, are given as words (packed without overlap)."""
    if len(words) > LANES:
        low, high = unpack(words[:LANES], count), unpack(words[LANES:], count)
        return np.array([a | b << LANES for a, b in zip(low.tolist(), high.tolist(), strict=True)], dtype=object)
    total = np.zeros(count, dtype=np.uint64)
    for bit, row in enumerate(words):
        lanes = np.unpackbits(np.ascontiguousarray(row).view(np.uint8).reshape(-1, 8), axis=1, bitorder="little")
        total |= lanes.T.reshape(-1)[:count].astype(np.uint64) << np.uint64(bit)
    return total


def _deal(count: int, overlap: int) -> npt.NDArray[np.int64]:
    """Which vector stands in (word, lane)."""
    run = -(-max(count - overlap, 1) // LANES)
    dealt: npt.NDArray[np.int64] = np.minimum(np.arange(LANES) * run + np.arange(run + overlap)[:, None], count - 1)
    return dealt


def to_signed(values: npt.NDArray[Any], width: int) -> npt.NDArray[Any]:
    """Read unsigned results of ``width`` bits as two's complement: int64 up to 64 bits, Python integers above."""
    if width > LANES:
        return np.array([v - (v >> (width - 1) << width) for v in values.tolist()], dtype=object)
    shift = np.uint64(LANES - width)
    return (values.astype(np.uint64) << shift).view(np.int64) >> np.int64(shift)
