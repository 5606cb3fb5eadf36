"""The cheapest mapping of a contraction onto a hierarchy: tiles, loop orders and dataflow, all at once in numpy.

A layer is cut into buffer tiles (n2 m2 c2 p2 q2), a tile into passes (see ``dataflows``). Both nests run in one of
three orders, named for the operand that stays while the innermost loop turns: ``weight`` (images and output
positions innermost), ``input`` (filters innermost), ``output`` (channels innermost). A word is fetched again at a
level whenever a loop that it does not depend on turns outside one that it does.

Accesses follow the split of Chen, Emer, Sze (ISCA 2016, equations 3 and 4): an input or weight that is fetched a
times from DRAM, b times from the buffer for each of these, reaches c elements each time and is used d times there,
costs a accesses to DRAM, ab to the buffer, abc across the array and abcd in registers; a partial sum 2a - 1 to
DRAM, 2a(b - 1) to the buffer, ab(c - 1) across the array and 2abc(d - 1) in registers.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tocompiler.estimators.dataflows import DATAFLOWS, Column, Passes, fixed_row_stationary, steps
from tocompiler.estimators.hierarchy import Hierarchy
from tocompiler.operators import Loops

__all__ = ["LEVELS", "OPERANDS", "ORDERS", "Accesses", "Data", "Schedule", "best_mapping", "fixed_mapping"]

LEVELS = ("register_file", "array", "buffer", "dram")
OPERANDS = ("input", "weight", "output")
ORDERS = ("weight", "input", "output")

# Loops that an operand depends on, and that it does not; and, for each order, those of the former that turn inside
# the latter. n images, m filters, c channels and taps, x output positions.
_RELEVANT = {"weight": "mc", "input": "ncx", "output": "nmx"}
_OTHER = {"weight": "nx", "input": "m", "output": "c"}
_INSIDE = {
    "weight": {"weight": "", "input": "nx", "output": "nmx"},
    "input": {"weight": "mc", "input": "", "output": "m"},
    "output": {"weight": "mc", "input": "c", "output": ""},
}


@dataclass(frozen=True)
class Data:
    """Fractions of zeros, and the widths that scale energy: a product by both, an access by its own (Yang et al.)."""

    input_zeros: float = 0.0
    weight_zeros: float = 0.0
    output_zeros: float = 0.0
    input_bits: int = 16
    weight_bits: int = 16


@dataclass(frozen=True)
class Schedule:
    """One mapping: dataflow, loop orders (of tiles, of passes), extents, and what it occupies."""

    dataflow: str
    orders: tuple[str, str]
    extents: Mapping[str, int]
    buffer_words: int
    weight_words: int
    elements: int


@dataclass(frozen=True)
class Accesses:
    """What a layer (all its images) moves: words by (level, operand), in words of the hierarchy; its products that
    are not gated; the cycles of its passes."""

    words: Mapping[tuple[str, str], float]
    products: float
    cycles: float
    schedule: Schedule


@dataclass(frozen=True)
class _Tiles:
    """Candidates, one row each: a pass and the buffer tile around it."""

    passes: Passes
    n2: Column
    m2: Column
    c2: Column
    p2: Column
    q2: Column

    def take(self, index: Any) -> _Tiles:
        return _Tiles(self.passes.take(index), self.n2[index], self.m2[index], self.c2[index], self.p2[index],
                      self.q2[index])


def best_mapping(h: Hierarchy, layer: Loops, data: Data | None = None,
                 dataflows: Iterable[str] = ("row_stationary",)) -> Accesses:
    """The mapping with the least energy of accesses (DRAM included) among everything searched and the fixed
    row-stationary one, so it is never worse than that. ValueError where nothing fits the hierarchy."""
    data = data or Data()
    found = [_cheapest(h, layer, data, name, _tiles(h, layer, DATAFLOWS[name](h, layer)), ORDERS)
             for name in dataflows]
    found.append(_fixed(h, layer, data))
    fitting = [f for f in found if f is not None]
    if not fitting:
        raise ValueError(f"{h.name}: no mapping of {layer} fits its {h.buffer_words} buffer words; enlarge the buffer")
    return min(fitting, key=lambda f: f[0])[1]


def fixed_mapping(h: Hierarchy, layer: Loops, data: Data | None = None) -> Accesses:
    """Row-stationary with registers, array and buffer filled in a fixed way (see ``fixed_row_stationary``): one pass'
    filters and channels per tile, then as many rows and images as fit, channels innermost over tiles.
    ValueError where it does not fit."""
    found = _fixed(h, layer, data or Data())
    if found is None:
        raise ValueError(f"{h.name}: the fixed row-stationary mapping of {layer} does not fit its buffer")
    return found[1]


def _fixed(h: Hierarchy, layer: Loops, data: Data) -> tuple[float, Accesses] | None:
    passes = fixed_row_stationary(h, layer)
    for i in range(len(passes)):
        one = [float(getattr(passes, name)[i]) for name in ("m1", "c1", "q1")]
        rows = [(n, *one[:2], p, one[2]) for n in steps(layer.n) for p in _multiples(int(passes.p1[i]), layer.p)]
        table = np.array(rows, dtype=float)
        tiles = _Tiles(passes.take(np.full(len(rows), i)), *table.T)
        fits = np.flatnonzero(_buffer_words(layer, tiles, "output", "weight") <= h.buffer_words)
        if len(fits):
            largest = max(fits, key=lambda k: (table[k, 3], table[k, 0]))
            return _cheapest(h, layer, data, "row_stationary", tiles.take([largest]), ("output",), ("weight",))
    return None


def _multiples(unit: int, extent: int) -> list[int]:
    """unit x 1, 2, 3, 4, 6, 8, ... up to the extent, which ends the list."""
    return sorted({min(extent, unit * k) for k in steps(-(-extent // unit))})


def _tiles(h: Hierarchy, layer: Loops, passes: Passes) -> _Tiles:
    """Every pass with every tile of power-of-two multiples around it whose inputs fit the buffer."""
    extents = ((np.ones(len(passes)), layer.n), (passes.m1, layer.m), (passes.c1, layer.c), (passes.p1, layer.p),
               (passes.q1, layer.q))
    index = np.arange(len(passes))
    columns: list[Column] = []
    for unit, extent in extents:
        factors = 2.0 ** np.arange(int(extent).bit_length() + 1)
        if unit is passes.q1:
            factors = factors[[0, -1]]  # one pass' columns, or all
        grown = unit[:, None] * factors
        new = np.concatenate([np.ones((len(passes), 1), dtype=bool), grown[:, :-1] < extent], axis=1)
        rows, steps_taken = np.nonzero(new[index])
        index, columns = index[rows], [c[rows] for c in columns]
        columns.append(np.minimum(extent, grown[index, steps_taken]))
    tiles = _Tiles(passes.take(index), *columns)
    return tiles.take(np.flatnonzero(_input_words(layer, tiles) <= h.buffer_words))


def _ceil(a: Any, b: Any) -> Column:
    turns: Column = np.ceil(np.asarray(a, dtype=float) / np.asarray(b, dtype=float))
    return turns


def _reach(extent: float, share: Any, taps: Any, stride: int, dilation: int) -> Column:
    """Input rows (or columns) read when every ``share`` outputs share one reading of what they touch together."""
    groups = _ceil(extent, share)
    each = extent / groups
    reached: Column = groups * np.minimum((each - 1) * stride + (taps - 1) * dilation + 1, each * taps)
    return reached


def _input_words(layer: Loops, t: _Tiles) -> Column:
    (uh, uw), (dh, dw) = layer.stride, layer.dilation
    rows = np.minimum((t.p2 - 1) * uh + (layer.r - 1) * dh + 1, t.p2 * layer.r)
    columns = np.minimum((t.q2 - 1) * uw + (layer.s - 1) * dw + 1, t.q2 * layer.s)
    words: Column = t.n2 * t.c2 * rows * columns
    return words


def _trips(layer: Loops, t: _Tiles) -> tuple[dict[str, Column], dict[str, Column]]:
    """How often each loop turns: over tiles, and over the passes of a tile."""
    w = t.passes
    outer = {"n": _ceil(layer.n, t.n2), "m": _ceil(layer.m, t.m2), "c": _ceil(layer.c, t.c2),
             "x": _ceil(layer.p, t.p2) * _ceil(layer.q, t.q2)}
    inner = {"n": t.n2, "m": _ceil(t.m2, w.m1), "c": _ceil(t.c2, w.c1) * _ceil(layer.r, w.r1) * _ceil(layer.s, w.s1),
             "x": _ceil(t.p2, w.p1) * _ceil(t.q2, w.q1)}
    return outer, inner


def _turns(trips: Mapping[str, Column], loops: str) -> Column:
    return np.prod([trips[name] for name in loops], axis=0) if loops else np.ones_like(trips["n"])


def _buffer_words(layer: Loops, t: _Tiles, outer_order: str, inner_order: str) -> Column:
    """Words of inputs and of partial sums that wait in the buffer."""
    outer, inner = _trips(layer, t)
    w = t.passes
    tile_sums = t.n2 * t.m2 * t.p2 * t.q2
    pass_sums = np.where(w.keep_output > 0, 0.0, w.m1 * w.p1 * w.q1)
    stays = (outer["c"] == 1) & (inner_order == "output")
    sums = np.where(stays, pass_sums, tile_sums)
    return _input_words(layer, t) + np.where(outer["c"] * inner["c"] == 1, 0.0, sums)


def _fetches(outer: Mapping[str, Column], inner: Mapping[str, Column], orders: tuple[str, str], operand: str,
             keep: Column) -> tuple[Column, Column]:
    """How often each word crosses into the buffer, and into the array, for loops that it does not depend on."""
    again_outer = _turns(outer, _INSIDE[orders[0]][operand]) > 1
    again_inner = (keep == 0) | (_turns(inner, _INSIDE[orders[1]][operand]) > 1)
    turned = (keep == 0) | again_outer | (_turns(inner, _RELEVANT[operand]) > 1)
    across, within = _turns(outer, _OTHER[operand]), _turns(inner, _OTHER[operand])
    return np.where(again_outer, across, 1.0), np.where(turned, across, 1.0) * np.where(again_inner, within, 1.0)


def _count(h: Hierarchy, layer: Loops, data: Data, t: _Tiles, orders: tuple[str, str]) -> dict[tuple[str, str], Column]:
    """Words by (level, operand) for every candidate."""
    w = t.passes
    outer, inner = _trips(layer, t)
    images = layer.n * layer.g
    products = float(layer.products)
    alive = (1 - data.input_zeros) * (1 - data.weight_zeros)
    (uh, uw), (dh, dw) = layer.stride, layer.dilation

    tile, visits = _fetches(outer, inner, orders, "input", w.keep_input)
    columns = _ceil(layer.s, w.s1) * _reach(layer.q, w.share_q, w.s1, uw, dw)
    rows = _ceil(layer.r, w.r1) * _reach(layer.p, w.share_p, w.r1, uh, dh)
    sets = _ceil(layer.m, w.m0) / _ceil(layer.m, w.m1)
    far = images * layer.c * _reach(layer.p, t.p2, layer.r, uh, dh) * _reach(layer.q, t.q2, layer.s, uw, dw) * tile
    near = images * layer.c * rows * columns * visits
    spread = images * layer.c * layer.r * layer.p * np.where(w.window > 0, columns, layer.s * layer.q) * visits * sets
    scale = data.input_bits / h.word_bits
    words = {("dram", "input"): far * h.compressed(data.input_zeros) * scale, ("buffer", "input"): near * scale,
             ("array", "input"): spread * scale, ("register_file", "input"): np.full_like(far, products * scale)}

    tile, visits = _fetches(outer, inner, orders, "weight", w.keep_weight)
    weights = float(layer.g * layer.m * layer.c * layer.r * layer.s)
    resident = t.m2 * t.c2 * layer.r * layer.s <= h.buffer_weight_words
    full = (layer.p / _ceil(layer.p, w.p1) / w.p1) * (layer.q / _ceil(layer.q, w.q1) / w.q1)
    scale = data.weight_bits / h.word_bits
    words |= {("dram", "weight"): weights * np.where(resident, tile, visits) * scale,
              ("buffer", "weight"): weights * visits * scale,
              ("array", "weight"): weights * visits * np.maximum(1.0, w.weight_fan * full) * scale,
              ("register_file", "weight"): np.full_like(far, products * (1 - data.input_zeros) * scale)}

    spills, visits = _fetches(outer, inner, orders, "output", w.keep_output)
    outputs = float(images * layer.m * layer.p * layer.q)
    depth = np.maximum(1.0, layer.c * layer.r * layer.s / (visits * w.summed))
    words |= {("dram", "output"): outputs * (2 * (spills - 1) + h.compressed(data.output_zeros)),
              ("buffer", "output"): outputs * 2 * (visits - spills),
              ("array", "output"): outputs * visits * (w.summed - 1),
              ("register_file", "output"): outputs * 2 * visits * w.summed * (depth - 1) * alive}
    return words


def _cheapest(h: Hierarchy, layer: Loops, data: Data, dataflow: str, tiles: _Tiles, outers: Sequence[str],
              inners: Sequence[str] = ORDERS) -> tuple[float, Accesses] | None:
    """The candidate and orders with the least access energy that fit the buffer; None where none does."""
    cost = {"register_file": h.register_file, "array": h.array, "buffer": h.buffer, "dram": h.dram}
    best: tuple[float, Accesses] | None = None
    for orders in itertools.product(outers, inners):
        fits = np.flatnonzero(_buffer_words(layer, tiles, *orders) <= h.buffer_words)
        if not len(fits):
            continue
        kept = tiles.take(fits)
        words = _count(h, layer, data, kept, orders)
        energy = np.sum([cost[level] * column for (level, _), column in words.items()], axis=0)
        i = int(np.argmin(energy))
        if best is None or energy[i] < best[0]:
            best = float(energy[i]), _accesses(layer, data, dataflow, kept.take([i]), orders,
                                               {key: float(column[i]) for key, column in words.items()})
    return best


def _accesses(layer: Loops, data: Data, dataflow: str, t: _Tiles, orders: tuple[str, str],
              words: dict[tuple[str, str], float]) -> Accesses:
    w = t.passes
    passes = (layer.n * layer.g * _ceil(layer.m, w.m1) * _ceil(layer.c, w.c1) * _ceil(layer.r, w.r1)
              * _ceil(layer.s, w.s1) * _ceil(layer.p, w.p1) * _ceil(layer.q, w.q1))
    cycles = passes * w.m1 * w.c1 * w.r1 * w.s1 * w.p1 * w.q1 / w.elements
    extents = {name: int(getattr(w, name)[0]) for name in ("m1", "c1", "r1", "s1", "p1", "q1", "m0")}
    extents |= {name: int(getattr(t, name)[0]) for name in ("n2", "m2", "c2", "p2", "q2")}
    schedule = Schedule(dataflow, orders, extents, int(_buffer_words(layer, t, *orders)[0]),
                        int(t.m2[0] * t.c2[0]) * layer.r * layer.s, int(w.elements[0]))
    alive = (1 - data.input_zeros) * (1 - data.weight_zeros)
    return Accesses(words, float(layer.products) * alive, float(cycles[0]), schedule)
