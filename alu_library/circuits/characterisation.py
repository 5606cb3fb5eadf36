"""Characterisation: simulate every circuit under every operand statistic and write the table that prices come from.

``python -m alu_library.circuits.characterisation`` regenerates ``data/characterised.json``, always to the same bytes:
the operands of a row are seeded by its circuit, format and distributions. A row holds transistor operations at zeros of
0, 1/2 and 1 for each operand, by pairs of distributions; the same operands serve all points of a row, with more of them
replaced by zeros. The error of a row is the largest deviation of its interpolation from simulation at :data:`CHECKS`,
relative to the switching without zeros. Circuits of products have grids for streams besides, where one operand is held,
or where the running sums are those of other outputs.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from itertools import product
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import numpy.typing as npt

from alu_library.circuits import blocks, streams
from alu_library.circuits.catalogue import build
from alu_library.circuits.listing import entries
from alu_library.circuits.netlist import Netlist
from alu_library.circuits.pipelining import stage_glitch_factor
from alu_library.circuits.side_by_side import Switched, switched
from alu_library.formats import Format, accumulator, decode, encode, parse, quantize
from alu_library.pricing import DISTRIBUTIONS, HELD, PAIRS, Operand, Operands, Row

__all__ = ["CHECKS", "VECTORS", "ZEROS", "Draw", "as_columns", "characterise", "draw", "operands_at", "regenerate",
           "write"]

ZEROS = (0.0, 0.5, 1.0)
"""Grid points of the probability of zero."""

CHECKS = ((0.9, 0.9), (0.0, 0.9), (0.9, 0.5), (0.25, 0.75))
"""Points between them (zeros of a, of b) at which interpolation is compared with simulation."""

VECTORS = 4097
"""Operands per point: 4096 operations, which leaves a standard error of about half a percent."""

HOLD = 8
"""Operations for which an operand is held in simulation, from which every other hold follows."""

DOT_PRODUCT = 256
"""Products that an accumulator sums before it starts again."""

GLITCH_VECTORS = 257
"""Operands for the glitch factor, which costs an evaluation per gate delay."""


DEEPEST = 500
"""Cells on the longest path of the deepest circuit whose own glitches are followed."""


@dataclass(frozen=True)
class Draw:
    """Operands of both inputs before zeros, with the uniform numbers that decide which of them become zero."""

    format: Format
    a: npt.NDArray[np.uint64]
    b: npt.NDArray[np.uint64]
    chance_a: npt.NDArray[np.float64]
    chance_b: npt.NDArray[np.float64]
    other: npt.NDArray[np.uint64]
    other_sums: bool = False

    def holding(self, which: str, hold: int = HOLD) -> Draw:
        """The stream of :data:`alu_library.pricing.HELD` in which an operand is held, or none, and sums are others'."""
        kept: dict[str, Any] = {field: streams.weight_stationary(getattr(self, field), hold)
                                for field in (which, f"chance_{which}") if which != "c"}
        return replace(self, other_sums=True, **kept)


def draw(format: Format, pair: str, seed: int, count: int = VECTORS) -> Draw:
    """Operands of a pair of distributions (``"normal/relu"``) as bit patterns of a format."""
    rng = np.random.default_rng(seed)
    first, _, second = pair.partition("/")
    a, b = (_patterns(format, d, rng, count) for d in (first, second or first))
    other = rng.integers(0, 1 << 64, count, dtype=np.uint64)
    return Draw(format, a, b, rng.random(count), rng.random(count), other)


def _patterns(format: Format, distribution: str, rng: np.random.Generator, count: int) -> npt.NDArray[np.uint64]:
    """Uniform floats are uniform in [-1, 1); integers are as :mod:`alu_library.circuits.streams` draws them."""
    if not format.is_float:
        drawn = streams.DISTRIBUTIONS[distribution](rng, count, format.bits, format.kind == "int", zeros=0.0)
        return np.asarray(drawn).astype(np.uint64) & np.uint64((1 << format.bits) - 1)
    return encode(format, _reals(distribution, rng, count))


def _reals(distribution: str, rng: np.random.Generator, shape: int | tuple[int, ...]) -> npt.NDArray[np.float64]:
    values = rng.uniform(-1, 1, shape) if distribution == "uniform" else rng.standard_normal(shape)
    return np.abs(values) if distribution == "relu" else values


def operands_at(netlist: Netlist, drawn: Draw, zeros_a: float, zeros_b: float) -> dict[str, npt.NDArray[Any]]:
    """Operands for each input bus of a netlist, with the given shares of zeros."""
    a = np.where(drawn.chance_a < zeros_a, np.uint64(0), drawn.a)
    b = np.where(drawn.chance_b < zeros_b, np.uint64(0), drawn.b)
    # Any order of the sums but their own: successive ones have nothing to do with one another.
    places = np.argsort(drawn.other) if drawn.other_sums else slice(None)
    if netlist.name.startswith("accumulator_"):
        product, total = _accumulating(drawn.format, a, b)
        return {"a": product, "b": total[places]}
    buses = {"a": a, "b": b, "select": drawn.other, "amount": drawn.other}
    if "c" in netlist.inputs:
        fused = parse(f"int{netlist.width('c')}") if not drawn.format.is_float else drawn.format
        buses["c"] = _accumulating(drawn.format, a, b, fused)[1][places]
    return {name: buses[name] & np.uint64((1 << min(64, netlist.width(name))) - 1) for name in netlist.inputs}


def _accumulating(
    format: Format, a: npt.NDArray[np.uint64], b: npt.NDArray[np.uint64], wide: Format | None = None
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
    """Products and the running sums they meet, in the accumulator's format, dot product after dot product."""
    wide = wide or parse(accumulator(format.name))
    x, y = decode(format, a), decode(format, b)
    if not format.is_float:
        exact = (x.astype(np.int64) * y.astype(np.int64)).view(np.uint64)
        return exact, streams.accumulating(x, y, wide.bits, DOT_PRODUCT)
    products = np.zeros(-(-len(x) // DOT_PRODUCT) * DOT_PRODUCT)
    products[:len(x)] = quantize(wide, x * y)
    terms = products.reshape(-1, DOT_PRODUCT)
    sums = np.zeros_like(terms)
    for k in range(1, DOT_PRODUCT):
        total = sums[:, k - 1] + terms[:, k - 1]
        sums[:, k] = total.astype(np.float32) if wide.name == "fp32" else quantize(wide, total)
    return encode(wide, products[:len(x)]), encode(wide, sums.reshape(-1)[:len(x)])


def characterise(circuit: str, format: str, vectors: int = VECTORS) -> Row:
    """Simulate one circuit in one format at every statistic."""
    netlist = build(circuit, format)
    if circuit.partition(":")[0].endswith("/dot_product"):
        return _row_of_lanes(netlist, circuit, format, vectors)
    unary = set(netlist.inputs) <= {"a", "amount"}
    pairs = DISTRIBUTIONS if unary else PAIRS
    grid = [(z, 0.0) for z in ZEROS] if unary else list(product(ZEROS, ZEROS))
    switching, load, held = (dict[str, tuple[float, ...]]() for _ in range(3))
    error = 0.0
    for pair in pairs:
        drawn = draw(parse(format), pair, crc32(f"{circuit} {format} {pair}".encode()), vectors)
        points = [operands_at(netlist, drawn, *point) for point in (*grid, *CHECKS)]
        found = switched(netlist, points)
        operations = [round(each.transistor_operations, 1) for each in found]
        switching[pair] = tuple(operations[:len(grid)])
        load[pair] = tuple(round(each.load, 1) for each in found[:len(grid)])
        error = max(error, _deviation(pair, switching[pair], operations[len(grid):]))
        for which in streams_of(circuit):
            held[f"{pair} {which}"] = _held(netlist, drawn.holding(which), which, grid, held.get(f"{pair} c"), found)
    return Row(circuit, format, netlist.transistors("textbook"), netlist.transistors("static_cmos"), netlist.depth,
               round(_glitch(circuit, format), 3), round(error, 4), switching, load, held)


def streams_of(circuit: str) -> str:
    """The streams of :data:`alu_library.pricing.HELD` that a circuit is characterised for, the free one first."""
    family = circuit.partition(":")[0]
    sums = family.startswith(("multiply_add/", "accumulator/")) or family == "floating_point/multiply_add"
    products = family.startswith("multiplier/") or family == "floating_point/multiply"
    return "cab" if sums else "ab" if products else ""


def _held(netlist: Netlist, drawn: Draw, which: str, grid: Sequence[tuple[float, float]],
          free: tuple[float, ...] | None, plain: Sequence[Switched]) -> tuple[float, ...]:
    """Switching of operations in which the held operand stays: a stream with one change in :data:`HOLD` operations is
    that, and for one of them the stream in which everything changes."""
    found = [each.transistor_operations
             for each in switched(netlist, [operands_at(netlist, drawn, *point) for point in grid])]
    if which == "c":
        return tuple(round(to, 1) for to in found)
    changing = free or [each.transistor_operations for each in plain[:len(grid)]]
    return tuple(round(max(0.0, HOLD * to - all_) / (HOLD - 1), 1) for to, all_ in zip(found, changing, strict=True))


def _row_of_lanes(netlist: Netlist, circuit: str, format: str, vectors: int) -> Row:
    """A row per multiply-accumulate of a unit that takes several at a time."""
    kind = parse(format)
    lanes = sum(name.startswith("a") for name in netlist.inputs)
    operations = max(257, vectors // lanes)
    switching, load = dict[str, tuple[float, ...]](), dict[str, tuple[float, ...]]()
    for pair in PAIRS:
        rng = np.random.default_rng(crc32(f"{circuit} {format} {pair}".encode()))
        values = [_lanes(kind, name, rng, (operations, lanes)) for name in pair.split("/")]
        chances = [rng.random((operations, lanes)), rng.random((operations, lanes))]
        points = []
        for point in product(ZEROS, ZEROS):
            a, b = (np.where(chance < zeros, v.dtype.type(0), v)
                    for v, chance, zeros in zip(values, chances, point, strict=True))
            points.append(_lane_buses(kind, netlist.width("c"), a, b))
        found = switched(netlist, points)
        switching[pair] = tuple(round(each.transistor_operations / lanes, 1) for each in found)
        load[pair] = tuple(round(each.load / lanes, 1) for each in found)
    return Row(circuit, format, round(netlist.transistors("textbook") / lanes),
               round(netlist.transistors("static_cmos") / lanes), netlist.depth, 1.0, 0.0, switching, load)


def _lanes(format: Format, distribution: str, rng: np.random.Generator, shape: tuple[int, int]) -> npt.NDArray[Any]:
    """Numbers of a distribution: real ones, or for integers their patterns."""
    if format.is_float or format.block:
        return _reals(distribution, rng, shape)
    return _patterns(format, distribution, rng, shape[0] * shape[1]).reshape(shape)


def _lane_buses(format: Format, width: int, a: npt.NDArray[Any], b: npt.NDArray[Any]) -> dict[str, npt.NDArray[Any]]:
    """Operands of every lane, and the running sum that each operation meets."""
    length = DOT_PRODUCT // a.shape[1]
    if format.block:
        return blocks.buses(format, a, b, length)
    x, y = (encode(format, v) if format.is_float else v for v in (a, b))
    products = (decode(format, x) * decode(format, y)).sum(axis=1)
    padded = np.zeros(-(-len(products) // length) * length, dtype=products.dtype)
    padded[:len(products)] = products
    terms = padded.reshape(-1, length)
    before = (np.cumsum(terms, axis=1) - terms).reshape(-1)[:len(products)]
    wide = parse("fp16" if width == 16 else "fp32")
    total = encode(wide, before) if format.is_float else before.astype(np.uint64) & np.uint64((1 << width) - 1)
    lanes = {f"{name}{k}": bus[:, k] for name, bus in (("a", x), ("b", y)) for k in range(a.shape[1])}
    return lanes | {"c": total}


def _deviation(pair: str, grid: tuple[float, ...], simulated: Sequence[float]) -> float:
    """Largest difference of interpolation and simulation at the checks, relative to the switching without zeros."""
    row = Row("", "", 0, 0, 0, 1.0, 0.0, {pair: grid})
    first, _, second = pair.partition("/")
    worst = 0.0
    for (zeros_a, zeros_b), value in zip(CHECKS, simulated, strict=True):
        operands = Operands(Operand(first, zeros_a), Operand(second or first, zeros_b))
        worst = max(worst, abs(row.transistor_operations(operands) - value) / max(grid[0], 1.0))
    return worst


def _glitch(circuit: str, format: str) -> float:
    """The glitch factor under normal operands. The rows of a deep recurrence are alike, and stages cut them at equal
    depths, so that a narrow format stands for the widest; a circuit from a file has one width and is what it is."""
    if build(circuit, format).depth > DEEPEST and not circuit.partition(":")[0].endswith(".v"):
        format = "fp16" if parse(format).is_float else "int16"
    netlist = build(circuit, format)
    drawn = draw(parse(format), PAIRS[1], crc32(f"{circuit} {format} glitch".encode()), GLITCH_VECTORS)
    return stage_glitch_factor(netlist, operands_at(netlist, drawn, 0.0, 0.0))


def regenerate(target: str | Path) -> None:
    """Characterise every circuit of :func:`alu_library.circuits.listing.entries` and write the table; progress goes to
    standard error."""
    rows, start = [], time.perf_counter()
    for circuit, format in entries():
        begun = time.perf_counter()
        rows.append(characterise(circuit, format))
        print(f"{circuit} {format} {time.perf_counter() - begun:.2f} s", file=sys.stderr)
    write(rows, Path(target))
    print(f"{len(rows)} rows in {time.perf_counter() - start:.0f} s", file=sys.stderr)


def write(rows: Iterable[Row], target: Path) -> None:
    """Write rows as JSON, one a line: the fields of a row in order, its grids without the names of their pairs. Reading
    must be quick: every run of the compiler does."""
    from hardware.files import write_text

    about: Mapping[str, Any] = {
        "source": "simulation of this package's netlists by python -m alu_library.circuits.characterisation",
        "obtained": "derived", "basis_of_switching": "static_cmos", "zeros": ZEROS, "vectors": VECTORS,
        "columns": [f.name for f in fields(Row)], "grids_of_two_operands": PAIRS, "grids_of_one": DISTRIBUTIONS,
    }
    lines = ",\n".join(json.dumps(_short(as_columns(row)), separators=(",", ":")) for row in rows)
    write_text(target, json.dumps(about)[:-1] + ', "rows": [\n' + lines + "\n]}\n")


def as_columns(row: Row) -> list[Any]:
    """The fields of a row in order, its grids without the names of their pairs: what ``pricing.row_of`` reads."""
    values = [getattr(row, f.name) for f in fields(Row)]
    held = [row.held[f"{pair} {which}"] for pair in PAIRS for which in HELD if f"{pair} {which}" in row.held]
    return [*values[:-3], list(row.switching.values()), list(row.load.values()), held]


def _short(columns: list[Any]) -> list[Any]:
    """Below a thousand a tenth is a thousandth; above it says nothing that the sample knows."""
    grids = [[[v if v < 1000 else round(v) for v in grid] for grid in column] for column in columns[-3:]]
    return [*columns[:-3], *grids]


if __name__ == "__main__":
    regenerate(Path(__file__).parent.parent / "data" / "characterised.json")
