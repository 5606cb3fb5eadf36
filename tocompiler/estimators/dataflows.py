"""What one pass over the processing elements does, for each dataflow: every choice that fits, as numpy columns.

A *pass* is the work between two fillings of the array: ``m1`` filters by ``c1`` channels by ``r1 x s1`` taps by
``p1 x q1`` outputs of one image. A dataflow says which of these lie in space, which stay in a register file, and
so how often a word that reaches the array is used there. Row-stationary: Chen, Emer, Sze, ISCA 2016; the two others
as that paper defines them (weights stay in the registers; partial sums stay in the registers).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tocompiler.estimators.hierarchy import Hierarchy
from tocompiler.operators import Loops

__all__ = ["DATAFLOWS", "Column", "Passes", "fixed_row_stationary", "steps"]

Column = NDArray[np.float64]


@dataclass(frozen=True)
class Passes:
    """Candidates, one per row of every column. All are counts; the last four are 0 or 1.

    m1, c1, r1, s1, p1, q1  extent of a pass;
    m0                      filters that one element works on (uses of an input word in its register file);
    share_p, share_q        output rows and columns that share one reading of an input word from the buffer;
    weight_fan              elements that receive each weight;
    summed                  elements whose partial sums are added before they leave the array;
    elements                elements at work;
    window                  1: a delivered input word serves all taps of its row;
    keep_weight, keep_input, keep_output
                            1: the registers hold that operand of a whole pass, so the next pass may reuse it.
    """

    m1: Column
    c1: Column
    r1: Column
    s1: Column
    p1: Column
    q1: Column
    m0: Column
    share_p: Column
    share_q: Column
    weight_fan: Column
    summed: Column
    elements: Column
    window: Column
    keep_weight: Column
    keep_input: Column
    keep_output: Column

    def __len__(self) -> int:
        return len(self.m1)

    def take(self, index: Any) -> Passes:
        """The candidates at those positions."""
        return Passes(*(getattr(self, f.name)[index] for f in fields(self)))


def _table(rows: Iterable[tuple[float, ...]]) -> Passes:
    return Passes(*np.array(list(rows), dtype=float).T)


def _distinct(rows: Iterable[tuple[float, ...]]) -> Passes:
    return Passes(*np.unique(np.array(list(rows), dtype=float), axis=0).T)


def steps(limit: int) -> list[int]:
    """1, 2, 3, 4, 6, 8, 12, 16, 24, ... up to the limit, and the limit itself."""
    steps = {2 ** k for k in range(limit.bit_length())} | {3 * 2 ** k for k in range(limit.bit_length())} | {limit}
    return sorted(s for s in steps if 1 <= s <= limit)


def _sets(h: Hierarchy, rows: int, columns: int) -> int:
    """How many sets of rows x columns elements the array holds; a set wider than the array is folded."""
    folds = -(-columns // h.width)
    return (h.height // rows) // folds if folds > 1 else (h.height // rows) * (h.width // columns)


def _spans(extent: int, most: int) -> list[int]:
    """The whole extent and, where it is longer than ``most``, its halves down to that."""
    spans = [extent]
    while spans[-1] > max(most, 1):
        spans.append(-(-spans[-1] // 2))
    return spans


def _row_stationary_pass(h: Hierarchy, layer: Loops, m0: int, c0: int, p1: int, q1: int, c_sets: int,
                         m_sets: int) -> tuple[float, ...]:
    """An element keeps one filter row of m0 filters and c0 channels and slides along an input row; r1 elements of a
    column add up, p1 columns make as many output rows; sets work on other channels (their sums go down the same
    column) and other filters."""
    r1, s1 = min(layer.r, h.height), min(layer.s, h.input_words)
    c1, m1 = min(layer.c, c0 * c_sets), min(layer.m, m0 * m_sets)
    summed = r1 * -(-c1 // c0)
    keep_input = c0 * ((q1 - 1) * layer.stride[1] + s1) <= h.input_words
    return (m1, c1, r1, s1, p1, q1, m0, p1, q1, p1, summed, summed * p1 * -(-m1 // m0), 1,
            1, keep_input, m0 * q1 <= h.output_words)


def _row_stationary(h: Hierarchy, layer: Loops) -> Passes:
    r1, s1 = min(layer.r, h.height), min(layer.s, h.input_words)
    widest = min(layer.p, h.width * (h.height // r1))
    one_fold = min(widest, h.width)
    rows = []
    for p1 in {widest, one_fold, -(-layer.p // -(-layer.p // one_fold)), -(-one_fold // 2), 1}:
        sets = _sets(h, r1, p1)
        for q1 in _spans(layer.q, h.buffer_words // 64):
            for c0 in range(1, min(layer.c, h.input_words // s1) + 1):
                for m0 in steps(min(layer.m, h.weight_words // (c0 * s1), h.output_words)):
                    for c_sets in steps(min(sets, h.height // r1, -(-layer.c // c0))):
                        m_sets = min(sets // c_sets, -(-layer.m // m0))
                        rows.append(_row_stationary_pass(h, layer, m0, c0, p1, q1, c_sets, m_sets))
    return _distinct(rows)


def fixed_row_stationary(h: Hierarchy, layer: Loops) -> Passes:
    """Row-stationary without search: registers filled channels first, then filters; the sets of the array go to
    channels first (the schedule that Manasi et al. 2020 derive from the array's sizes). The first that fits counts:
    after it come rows cut into halves, then fewer filters."""
    r1, s1 = min(layer.r, h.height), min(layer.s, h.input_words)
    p1 = min(layer.p, h.width)
    sets = _sets(h, r1, p1)
    c0 = min(layer.c, h.input_words // s1)
    c_sets = min(sets, h.height // r1, -(-layer.c // c0))
    most = min(layer.m, h.weight_words // (c0 * s1), h.output_words)
    return _table(_row_stationary_pass(h, layer, m0, c0, p1, q1, c_sets, min(sets // c_sets, -(-layer.m // m0)))
                  for q1 in _spans(layer.q, 1) for m0 in range(most, 0, -1))


def _weight_stationary(h: Hierarchy, layer: Loops) -> Passes:
    """An element keeps r1 x s1 taps of m0 filters and c0 channels while the outputs stream by; its row of the array
    is a group of channels (their sums are added down the column), its column a group of filters."""
    rows = []
    for r1, s1 in {(layer.r, layer.s), (1, layer.s), (1, 1)}:
        for c0 in steps(min(layer.c, h.weight_words // (r1 * s1))):
            for m0 in steps(min(layer.m, h.weight_words // (r1 * s1 * c0), h.output_words)):
                down, across = min(h.height, -(-layer.c // c0)), min(h.width, -(-layer.m // m0))
                slides = c0 * s1 <= h.input_words
                for p1 in _spans(layer.p, 1):
                    for q1 in _spans(layer.q, h.buffer_words // 64):
                        rows.append((min(layer.m, m0 * across), min(layer.c, c0 * down), r1, s1, p1, q1, m0,
                                     1, q1 if slides else 1, 1, down, down * across, slides,
                                     1, 0, m0 * p1 * q1 <= h.output_words))
    return _distinct(rows)


def _output_stationary(h: Hierarchy, layer: Loops) -> Passes:
    """An element keeps the partial sums of m0 filters at one output position until all channels are summed; weights
    are broadcast, input words pass from element to element."""
    rows = []
    down, across = min(layer.p, h.height), min(layer.q, h.width)
    for p1 in {down, -(-down // 2), 1}:
        for q1 in {across, -(-across // 2), 1}:
            for m0 in steps(min(layer.m, h.output_words, h.weight_words)):
                m_sets = min((h.height // p1) * (h.width // q1), -(-layer.m // m0))
                for c1 in _spans(layer.c, 1):
                    keep_weight = m0 * c1 * layer.r * layer.s <= h.weight_words
                    rows.append((min(layer.m, m0 * m_sets), c1, layer.r, layer.s, p1, q1, m0, p1, q1, p1 * q1, 1,
                                 p1 * q1 * m_sets, 0, keep_weight, 0, 1))
    return _distinct(rows)


DATAFLOWS: dict[str, Callable[[Hierarchy, Loops], Passes]] = {
    "row_stationary": _row_stationary,
    "weight_stationary": _weight_stationary,
    "output_stationary": _output_stationary,
}
