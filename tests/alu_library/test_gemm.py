"""Operand streams of tiled matrix products, and what they switch."""

import numpy as np
import pytest

import alu_library
from alu_library.circuits.catalogue import build
from alu_library.circuits.simulation import switchings
from alu_library.formats import encode

RNG = np.random.default_rng(3)
A, B = RNG.standard_normal((64, 96)), RNG.standard_normal((96, 64))
UNITS = [alu_library.cuda_core("fp16"), alu_library.cuda_core("fp32"), alu_library.tensor_core("fp16", "fp32")]


@pytest.mark.parametrize("unit", UNITS, ids=lambda u: f"{u.name}-{u.format}")
def test_every_output_of_a_tile_is_visited_once_a_step(unit: alu_library.Unit) -> None:
    assert len(set(unit.order)) == len(unit.order) == len(unit.rows) * len(unit.columns) * unit.steps


@pytest.mark.parametrize("unit", UNITS, ids=lambda u: f"{u.name}-{u.format}")
def test_constant_operands_switch_only_what_the_sum_moves(unit: alu_library.Unit) -> None:
    found = alu_library.gemm_switching(np.ones((64, 96)), np.ones((96, 64)), unit, tiles=4)
    assert found.operand_flips == 0
    assert found.multiplier == 0
    assert 0 < found.transistor_operations < alu_library.gemm_switching(A, B, unit, tiles=4).transistor_operations / 3


def test_zeros_switch_nothing() -> None:
    found = alu_library.gemm_switching(np.zeros((64, 96)), np.zeros((96, 64)), UNITS[0], tiles=4)
    assert (found.transistor_operations, found.sum_flips, found.ones_read) == (0, 0, 0)


def test_functions_and_arrays_say_the_same() -> None:
    a, b = encode("fp16", A), encode("fp16", B)
    by_function = alu_library.gemm_switching(lambda i, k: a[np.ix_(i, k)], lambda k, j: b[np.ix_(k, j)], UNITS[0],
                                             (64, 64, 96), tiles=4)
    assert by_function == alu_library.gemm_switching(A, B, UNITS[0], tiles=4)


def test_sums_that_overflow_stop_switching() -> None:
    dense = alu_library.gemm_switching(A, B, UNITS[0], tiles=4)
    overflown = alu_library.gemm_switching(A * 3e4, B * 3e4, UNITS[0], tiles=4)
    assert overflown.register_changes < 0.2 * dense.register_changes


@pytest.mark.parametrize("unit", [alu_library.cuda_core("int8"), alu_library.tensor_core("int8", "fp16")],
                         ids=lambda u: u.name)
def test_integers_are_summed_as_integers(unit: alu_library.Unit) -> None:
    whole = RNG.integers(-127, 128, (64, 96)), RNG.integers(-127, 128, (96, 64))
    found = alu_library.gemm_switching(*whole, unit, tiles=4)
    assert (unit.accumulator, found.multiplier) == ("int32", 0)
    whole[0].flat[0] = whole[1].flat[0] = 127  # real numbers are scaled by their largest: the same codes
    scaled = alu_library.gemm_switching(whole[0] / 3.0, whole[1] * 7.0, unit, tiles=4)
    assert scaled == alu_library.gemm_switching(*whole, unit, tiles=4)
    positive = alu_library.gemm_switching(*(np.abs(w) // 16 for w in whole), unit, tiles=4)
    assert positive.addition < 0.7 * found.addition  # no sign to extend


def test_formats_that_no_unit_takes_are_refused() -> None:
    for format, message in (("mxfp4", "share a scale"), ("int16", "at most 8 bits")):
        with pytest.raises(ValueError, match=message):
            alu_library.tensor_core(format, "fp32")
    with pytest.raises(ValueError, match="more than uint8 has"):
        alu_library.gemm_switching(-np.ones((64, 96), int), np.ones((96, 64), int), alu_library.cuda_core("uint8"))


def test_parts_add_up() -> None:
    netlist = build("floating_point/multiply_add:dadda,kogge_stone,full", "fp16")
    found = switchings(netlist, {name: RNG.integers(0, 1 << 16, 500) for name in "abc"})
    parts = found.by_part()
    assert set(parts) == {"", "multiplier"}
    assert sum(parts.values()) == pytest.approx(found.transistor_operations)


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match=r"takes \(M, K\) and \(K, N\)"):
        alu_library.gemm_switching(A, A, UNITS[0])
    with pytest.raises(ValueError, match="too short"):
        alu_library.gemm_switching(A[:, :16], B[:16], UNITS[2])
