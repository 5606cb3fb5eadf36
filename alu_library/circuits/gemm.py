"""What a tiled matrix product switches: its operands in the order in which a processor feeds them to one unit.

A GPU cuts a matrix product into tiles of threadblock, warp and register, and the order inside the register tile
decides which operand one arithmetic unit holds and which passes by, hence what switches. A :class:`Unit` states that
order with its source; :func:`gemm_switching` samples tiles all over the product, runs the real running sums up to each
sample in the accumulator's format (they may overflow, and then stop switching), and simulates the unit's netlist on
what it meets.

Besides the gates of the unit, it counts the bits that flip on the operand and result buses, those that change in the
accumulators' registers when a sum is written back, and the ones that are read (a precharged bit line discharges for one
value of a bit only: Weste and Harris, CMOS VLSI Design, section 12.2).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from alu_library.circuits.catalogue import build
from alu_library.circuits.simulation import switchings
from alu_library.formats import Format, decode, encode, parse, quantize

__all__ = ["GemmSwitching", "Operand", "Unit", "cuda_core", "gemm_switching", "tensor_core"]

_INTEGER_SUM = "int32"

Patterns: TypeAlias = npt.NDArray[np.uint64]

Operand: TypeAlias = Callable[[npt.NDArray[np.int64], npt.NDArray[np.int64]], npt.NDArray[Any]]
"""Bit patterns of a matrix at chosen rows and columns (all combinations, both ascending)."""


@dataclass(frozen=True)
class Unit:
    """An arithmetic unit, and the order in which one tile of a product comes to it.

    ``circuit`` computes ``products`` products and a sum. In the tile, the unit serves outputs at the offsets ``rows``
    and ``columns``; ``order`` lists (row, column, step) of its operations on one block of ``steps`` · ``products``
    terms, each step taking the next products of the block.
    """

    name: str
    circuit: str
    format: str
    accumulator: str
    products: int
    rows: tuple[int, ...]
    columns: tuple[int, ...]
    order: tuple[tuple[int, int, int], ...]
    steps: int = 1


@dataclass(frozen=True)
class GemmSwitching:
    """Per multiply-accumulate of a matrix product: transistor operations of the multiplier and of what adds to the
    running sum (of integers all in one: their products are rows of the sum), and bits: flips on the buses of operands
    and of sums (read and written), changes written to the registers of the sums, ones read as operands."""

    multiplier: float
    addition: float
    operand_flips: float
    sum_flips: float
    register_changes: float
    ones_read: float
    multiply_accumulates: int

    @property
    def transistor_operations(self) -> float:
        """Of the whole arithmetic unit, per multiply-accumulate."""
        return self.multiplier + self.addition


def cuda_core(format: str) -> Unit:
    """A fused multiply-add on 8 by 8 outputs a thread: terms of the sum outermost, then columns, then rows back and
    forth, so that b is held for eight operations (CUTLASS 3.5, gemm/thread/mma_sm50.h; warp tile 32 by 64 in
    gemm/device/default_gemm_configuration.h)."""
    order = tuple((row, column, 0) for column in range(8) for row in _back_and_forth(8, column))
    near = (0, 1, 2, 3)
    integer = not _element(format).is_float
    circuit = "multiply_add/dadda:kogge_stone" if integer else "floating_point/multiply_add:dadda,kogge_stone,full"
    return Unit("cuda_core", circuit, format, _INTEGER_SUM if integer else format, 1,
                (*near, *(16 + n for n in near)), (*near, *(32 + n for n in near)), order)


def tensor_core(format: str, accumulator: str) -> Unit:
    """A unit of eight products in a warp tile of 64 by 64: instructions of 16 by 8 outputs and 16 terms in rows, a held
    over eight of them (CUTLASS 3.5, gemm/warp/mma_tensor_op.h, from compute capability 8.0), each in eight steps of 8
    by 4 outputs and 8 terms (NVIDIA A100 whitepaper 2020: 256 multiply-adds per tensor core and clock): terms
    outermost, as two instructions of eight terms, then rows, then columns."""
    order = tuple(
        (2 * row + upper, 2 * column + right, term)
        for row in range(4) for column in _back_and_forth(8, row)
        for term in (0, 1) for upper in (0, 1) for right in (0, 1)
    )
    rows = tuple(16 * f + 8 * h for f in range(4) for h in (0, 1))
    columns = tuple(8 * f + 4 * h for f in range(8) for h in (0, 1))
    integer = not _element(format).is_float
    circuit = "integer/dot_product:8" if integer else f"floating_point/dot_product:8,{accumulator}"
    return Unit("tensor_core", circuit, format, _INTEGER_SUM if integer else accumulator, 8, rows, columns, order, 2)


def _element(name: str) -> Format:
    """A format whose numbers are what a unit takes; ValueError for blocks and for wide integers."""
    found = parse(name)
    if found.block or not (found.is_float or found.bits <= 8):
        what = "blocks share a scale: name the format of their elements" if found.block else "use at most 8 bits"
        raise ValueError(f"no unit here takes {name}: {what}")
    return found


def _back_and_forth(count: int, turn: int) -> range:
    return range(count) if turn % 2 == 0 else range(count - 1, -1, -1)


def gemm_switching(a: Operand | npt.ArrayLike, b: Operand | npt.ArrayLike, unit: Unit,
                   size: tuple[int, int, int] | None = None, tiles: int = 20, blocks: int = 2,
                   seed: int = 0) -> GemmSwitching:
    """What one multiply-accumulate of ``a`` (M by K) times ``b`` (K by N) switches in a unit, from samples.

    ``a`` and ``b`` are arrays of numbers, rounded to the unit's format here (in an integer format real numbers are
    scaled first, so that the largest takes the largest integer), or functions that give bit patterns, for which
    ``size`` is (M, N, K). ``blocks`` neighbouring blocks of terms are followed in each of ``tiles`` places,
    spread evenly over rows, columns and terms. ValueError for shapes that do not fit, or too short a sum.
    """
    first, second, (m, n, k) = _operands(a, b, unit, size)
    block = unit.steps * unit.products
    if k < 2 * block:
        raise ValueError(f"{unit.name} sums {block} terms at a time: a sum of {k} is too short to follow")
    blocks = min(blocks, k // block - 1)
    rng = np.random.default_rng(seed)
    at_m, at_n, at_k = (_spread(rng, tiles, limit) for limit in (m, n, k // block - blocks))
    rows, columns, terms = np.array(unit.rows), np.array(unit.columns), np.arange(k // block * block)
    left = np.stack([_taken(first, (at + rows) % m, terms, 0) for at in at_m])  # tile, row, term
    right = np.stack([_taken(second, terms, (at + columns) % n, 1) for at in at_n])  # tile, term, column
    sums = _running_sums(unit, left, right, at_k, blocks)
    return _simulated(unit, left, right, sums, at_k, blocks)


def _operands(a: Operand | npt.ArrayLike, b: Operand | npt.ArrayLike, unit: Unit, size: tuple[int, int, int] | None
              ) -> tuple[Operand, Operand, tuple[int, int, int]]:
    if callable(a) and callable(b):
        if size is None:
            raise ValueError("operands given as functions need their size: (M, N, K)")
        return a, b, size
    format, x, y = parse(unit.format), np.asarray(a), np.asarray(b)
    if x.ndim != 2 or y.ndim != 2 or x.shape[1] != y.shape[0]:
        raise ValueError(f"a matrix product takes (M, K) and (K, N), not {x.shape} and {y.shape}")
    return _encoded(format, x), _encoded(format, y), (x.shape[0], y.shape[1], x.shape[1])


def _encoded(format: Format, values: npt.NDArray[Any]) -> Operand:
    if not format.is_float and values.dtype.kind == "f":  # symmetric quantisation: the largest takes the largest code
        values = np.rint(values * (float(format.maximum) / max(float(np.abs(values).max(initial=0.0)), 1e-300)))
    if not format.is_float and values.size and not format.minimum <= values.min() <= values.max() <= format.maximum:
        raise ValueError(f"numbers from {values.min():g} to {values.max():g} are more than {format.name} has")
    return lambda rows, columns: encode(format, values[np.ix_(rows, columns)])


def _spread(rng: np.random.Generator, count: int, limit: int) -> npt.NDArray[np.int64]:
    """One place in each of ``count`` equal parts of a range, in random order."""
    return ((rng.permutation(count) + rng.random(count)) / count * max(1, limit)).astype(np.int64)


def _taken(operand: Operand, rows: npt.NDArray[np.int64], columns: npt.NDArray[np.int64], axis: int
           ) -> npt.NDArray[Any]:
    """Patterns at rows and columns, of which those along ``axis`` may come in any order."""
    along = (rows, columns)[axis]
    order = np.argsort(along, kind="stable")
    asked = (along[order], columns) if axis == 0 else (rows, along[order])
    return np.take(operand(*asked), np.argsort(order), axis=axis)


def _running_sums(unit: Unit, left: npt.NDArray[Any], right: npt.NDArray[Any], at: npt.NDArray[np.int64], blocks: int
                  ) -> npt.NDArray[Any]:
    """The sums before each step of the blocks that are followed, and after the last: (tile, step, row, column)."""
    wide = parse(unit.accumulator)
    x, y = decode(unit.format, left), decode(unit.format, right)
    tiles, steps = len(left), blocks * unit.steps
    total = np.zeros((tiles, left.shape[1], right.shape[2]))
    kept = np.zeros((tiles, steps + 1, *total.shape[1:]))
    begin = at * unit.steps
    with np.errstate(all="ignore"):  # sums overflow, and then are infinite or not a number, as on the device
        for step in range(int(begin.max()) + steps + 1):
            wanted = np.nonzero((begin <= step) & (step <= begin + steps))[0]
            kept[wanted, step - begin[wanted]] = total[wanted]
            of = slice(step * unit.products, (step + 1) * unit.products)
            if of.stop <= x.shape[2]:
                total = _rounded(wide, total + np.einsum("trk,tkc->trc", x[:, :, of], y[:, of]))
    return encode(wide, kept)


_NATIVE = {"fp16": np.float16, "fp32": np.float32, "fp64": np.float64}


def _rounded(format: Format, values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    native = _NATIVE.get(format.name)
    return quantize(format, values) if native is None else values.astype(native).astype(np.float64)


def _simulated(unit: Unit, left: npt.NDArray[Any], right: npt.NDArray[Any], sums: npt.NDArray[Any],
               at: npt.NDArray[np.int64], blocks: int) -> GemmSwitching:
    row, column, step = np.array(unit.order).T
    tile = np.arange(len(left))[:, None, None, None]
    local = (np.arange(blocks)[:, None] * unit.steps + step)[None, :, :, None]
    term = (at[:, None, None, None] * unit.steps + local) * unit.products + np.arange(unit.products)
    a = left[tile, row[None, None, :, None], term].reshape(-1, unit.products)
    b = right[tile, term, column[None, None, :, None]].reshape(-1, unit.products)
    before, after = (sums[tile[..., 0], local[..., 0] + later, row, column].reshape(-1) for later in (0, 1))
    names = [""] if unit.products == 1 else [str(k) for k in range(unit.products)]
    buses = {f"a{name}": a[:, k] for k, name in enumerate(names)}
    buses |= {f"b{name}": b[:, k] for k, name in enumerate(names)} | {"c": before}
    parts = switchings(build(unit.circuit, unit.format), buses).by_part()
    multiplier = parts.pop("multiplier", 0.0)
    operand_flips = sum(_flips(word) for word in (*a.T, *b.T))
    ones = (np.bitwise_count(a).sum() + np.bitwise_count(b).sum()) / len(a)
    each = unit.products
    return GemmSwitching(
        multiplier / each, sum(parts.values()) / each, operand_flips / each, (_flips(before) + _flips(after)) / each,
        float(np.bitwise_count(before ^ after).mean()) / each, float(ones) / each, a.size,
    )


def _flips(words: npt.NDArray[Any]) -> float:
    return float(np.bitwise_count(words[1:] ^ words[:-1]).mean())
