"""Mappings fit, are counted as a loop nest would fetch, and beat the fixed one."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from tocompiler.estimators.dataflows import DATAFLOWS
from tocompiler.estimators.hierarchy import load_hierarchy
from tocompiler.estimators.mapping import Accesses, Data, _fetches, best_mapping, fixed_mapping
from tocompiler.operators import Loops

EYERISS = load_hierarchy()
LAYERS = [
    Loops(n=4, m=96, c=3, p=55, q=55, r=11, s=11, stride=(4, 4)),
    Loops(n=2, g=2, m=128, c=48, p=27, q=27, r=5, s=5),
    Loops(n=3, m=64, c=64, p=224, q=224, r=3, s=3),
    Loops(m=2048, c=512, p=7, q=7),
    Loops(n=18, m=1000, c=4096),
    Loops(g=32, m=1, c=1, p=56, q=56, r=3, s=3, stride=(2, 2)),
    Loops(m=8, c=8, p=30, q=30, r=3, s=3, dilation=(2, 2)),
    Loops(m=768, c=3, p=14, q=14, r=16, s=16, stride=(16, 16)),
    Loops(g=12, m=128, c=64, p=128),
    Loops(m=32, c=16, p=1, q=20000, s=9),
]
_LOOPS = {"weight": "cmnx", "input": "nxcm", "output": "nxmc"}  # outermost first
_RELEVANT = {"weight": "mc", "input": "ncx", "output": "nmx"}


def _energy(a: Accesses) -> float:
    cost = {"register_file": EYERISS.register_file, "array": EYERISS.array, "buffer": EYERISS.buffer,
            "dram": EYERISS.dram}
    return sum(cost[level] * words for (level, _), words in a.words.items())


def _walk(outer: dict[str, int], inner: dict[str, int], orders: tuple[str, str], operand: str) -> tuple[int, int]:
    """Run the nest: how often the operand's tile changes at the buffer, and at the array."""
    names = [*(("o", v) for v in _LOOPS[orders[0]]), *(("i", v) for v in _LOOPS[orders[1]])]
    ranges = [range((outer if side == "o" else inner)[v]) for side, v in names]
    seen_outer = seen_all = None
    buffer = array = 0
    for step in itertools.product(*ranges):
        at = dict(zip(names, step, strict=True))
        tile = tuple(at["o", v] for v in _RELEVANT[operand])
        word = tile + tuple(at["i", v] for v in _RELEVANT[operand])
        buffer += tile != seen_outer
        array += word != seen_all
        seen_outer, seen_all = tile, word
    return buffer, array


@pytest.mark.parametrize("orders", list(itertools.product(_LOOPS, _LOOPS)))
@pytest.mark.parametrize("operand", _RELEVANT)
def test_fetches_are_those_of_the_loop_nest(orders: tuple[str, str], operand: str) -> None:
    random = np.random.default_rng(0)
    for _ in range(25):
        outer, inner = ({v: int(random.integers(1, 4)) for v in "nmcx"} for _ in range(2))
        columns = [{v: np.array([float(k)]) for v, k in trips.items()} for trips in (outer, inner)]
        tile, visits = _fetches(columns[0], columns[1], orders, operand, np.array([1.0]))
        tiles = np.prod([outer[v] for v in _RELEVANT[operand]])
        words = tiles * np.prod([inner[v] for v in _RELEVANT[operand]])
        assert (tile[0] * tiles, visits[0] * words) == _walk(outer, inner, orders, operand)


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("dataflow", DATAFLOWS)
def test_every_mapping_fits(layer: Loops, dataflow: str) -> None:
    s = best_mapping(EYERISS, layer, dataflows=(dataflow,)).schedule
    e = s.extents
    assert s.buffer_words <= EYERISS.buffer_words
    assert s.elements <= EYERISS.elements
    assert e["m0"] <= EYERISS.output_words
    for letter in "mcpq":
        assert 1 <= e[f"{letter}1"] <= e[f"{letter}2"] <= getattr(layer, letter)
    assert 1 <= e["n2"] <= layer.n


@pytest.mark.parametrize("layer", LAYERS)
def test_row_stationary_passes_fit_registers_and_array(layer: Loops) -> None:
    passes = DATAFLOWS["row_stationary"](EYERISS, layer)
    columns = passes.summed / passes.r1  # sets that add down one column
    channels = np.ceil(passes.c1 / columns)
    assert np.all(channels * passes.s1 <= EYERISS.input_words)
    assert np.all(passes.m0 * channels * passes.s1 <= EYERISS.weight_words)
    assert np.all(passes.m0 <= EYERISS.output_words)
    assert np.all(passes.elements <= EYERISS.elements)
    assert np.all(passes.summed <= EYERISS.height)


@pytest.mark.parametrize("layer", LAYERS)
def test_the_other_dataflows_fit_registers_and_array(layer: Loops) -> None:
    weight, output = (DATAFLOWS[name](EYERISS, layer) for name in ("weight_stationary", "output_stationary"))
    assert np.all(weight.m0 * np.ceil(weight.c1 / weight.summed) * weight.r1 * weight.s1 <= EYERISS.weight_words)
    for passes in (weight, output):
        assert np.all(passes.m0 <= EYERISS.output_words)
        assert np.all(passes.elements <= EYERISS.elements)


@pytest.mark.parametrize("layer", LAYERS)
def test_never_worse_than_the_fixed_mapping(layer: Loops) -> None:
    fixed = _energy(fixed_mapping(EYERISS, layer))
    assert _energy(best_mapping(EYERISS, layer)) <= fixed
    assert _energy(best_mapping(EYERISS, layer, dataflows=tuple(DATAFLOWS))) <= fixed


def test_better_than_the_fixed_mapping_in_sum() -> None:
    fixed = sum(_energy(fixed_mapping(EYERISS, layer)) for layer in LAYERS)
    assert sum(_energy(best_mapping(EYERISS, layer)) for layer in LAYERS) < 0.95 * fixed


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("dataflow", DATAFLOWS)
def test_no_level_moves_less_than_it_must(layer: Loops, dataflow: str) -> None:
    words = best_mapping(EYERISS, layer, dataflows=(dataflow,)).words
    outputs = layer.n * layer.g * layer.m * layer.p * layer.q
    weights = layer.g * layer.m * layer.c * layer.r * layer.s
    assert words["dram", "output"] >= outputs
    for operand, least in (("weight", weights), ("input", layer.n * layer.g * layer.c)):
        assert words["dram", operand] >= least
        assert words["buffer", operand] >= words["dram", operand] * 0.999 or operand == "input"
        assert words["array", operand] >= words["buffer", operand] * 0.999
    assert words["register_file", "weight"] == layer.products
    assert words["register_file", "output"] <= 2 * layer.products


def test_accesses_of_a_layer_small_enough_to_count_by_hand() -> None:
    # One filter, one channel, 1x1, four outputs: everything fits everywhere, so each word moves once.
    words = best_mapping(EYERISS, Loops(p=2, q=2)).words
    assert {k: v for k, v in words.items() if v} == {
        ("dram", "input"): 4, ("buffer", "input"): 4, ("array", "input"): 4, ("register_file", "input"): 4,
        ("dram", "weight"): 1, ("buffer", "weight"): 1, ("array", "weight"): words["array", "weight"],
        ("register_file", "weight"): 4, ("dram", "output"): 4,
    }
    assert words["array", "weight"] in (1, 2)  # one or two elements work


def test_nothing_fits_a_buffer_of_one_word() -> None:
    with pytest.raises(ValueError, match=r"eyeriss: no mapping of .* fits its 1 buffer words; enlarge the buffer"):
        best_mapping(replace(EYERISS, buffer_words=1), LAYERS[0])


def test_zeros_gate_products_and_compress_dram() -> None:
    dense, sparse = (best_mapping(EYERISS, LAYERS[1], Data(input_zeros=z, output_zeros=z)) for z in (0.0, 0.75))
    assert sparse.products == dense.products / 4
    assert sparse.words["register_file", "weight"] == dense.words["register_file", "weight"] / 4
    assert sparse.words["register_file", "input"] == dense.words["register_file", "input"]  # a zero is read to be seen
    assert sparse.words["dram", "output"] == pytest.approx(dense.words["dram", "output"] / 3)


def test_narrow_operands_move_fewer_words() -> None:
    wide = fixed_mapping(EYERISS, LAYERS[1])
    narrow = fixed_mapping(EYERISS, LAYERS[1], Data(input_bits=8, weight_bits=4))
    for level in ("register_file", "array", "buffer", "dram"):
        assert narrow.words[level, "input"] == wide.words[level, "input"] / 2
        assert narrow.words[level, "weight"] == wide.words[level, "weight"] / 4
