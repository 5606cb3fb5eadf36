"""Multipliers and fused multiply-add against Python integers; what published counts say of them; data dependence."""

import numpy as np
import pytest

from alu_library.circuits import streams
from alu_library.circuits.adders import ADDERS, adder
from alu_library.circuits.multipliers import MULTIPLIERS, multiplier
from alu_library.circuits.multiply_add import multiply_adder
from alu_library.circuits.simulation import evaluate, switchings

KINDS = pytest.mark.parametrize("kind", MULTIPLIERS)
SIGNED = pytest.mark.parametrize("signed", [False, True], ids=["unsigned", "signed"])


def _check(netlist, operands, words):
    x, y = operands
    got = evaluate(netlist, {"a": words(x), "b": words(y)})["product"].tolist()
    modulus = 1 << netlist.width("product")
    assert got == [p * q % modulus for p, q in zip(x, y, strict=True)]


@KINDS
@SIGNED
@pytest.mark.parametrize("width", range(2, 9))
def test_small_widths_exhaustively(kind, signed, width, pairs, words):
    _check(multiplier(kind, width, signed), pairs(width, signed), words)


@KINDS
@SIGNED
def test_wider(kind, signed, pairs, words, widths):
    for width in widths:
        _check(multiplier(kind, width, signed), pairs(width, signed, 20), words)


@KINDS
@SIGNED
@pytest.mark.parametrize("width", [16, 24, 32])
def test_many_random_vectors(kind, signed, width, pairs, words):
    _check(multiplier(kind, width, signed), pairs(width, signed, 10_000), words)


@KINDS
@pytest.mark.parametrize("width", [53, 64])
def test_many_random_vectors_of_long_products(kind, width, pairs, words):
    _check(multiplier(kind, width), pairs(width, False, 10_000), words)


@KINDS
@pytest.mark.parametrize("final_adder", ADDERS)
def test_every_final_adder(kind, final_adder, pairs, words):
    _check(multiplier(kind, 6, True, final_adder), pairs(6, True), words)


@KINDS
@SIGNED
@pytest.mark.parametrize(("width", "accumulator"), [(4, 8), (4, 9), (4, 20), (8, 32), (16, 40), (24, 70)])
def test_multiply_add(kind, signed, width, accumulator, pairs, words):
    x, y = pairs(width, signed)
    x, y = x[:5000], y[:5000]
    modulus = 1 << accumulator
    c = [(p * 0x9E3779B97F4A7C15 + q) % modulus for p, q in zip(x, y, strict=True)]
    got = evaluate(multiply_adder(kind, width, accumulator, signed),
                   {"a": words(x), "b": words(y), "c": words(c)})["sum"].tolist()
    assert got == [(p * q + r) % modulus for p, q, r in zip(x, y, c, strict=True)]


@pytest.mark.parametrize("width", range(3, 33))
def test_dadda_and_array_counts_of_the_literature(width):
    tree = dict(multiplier("dadda", width).counts)
    final = adder("ripple_carry", 2 * width - 2).counts  # the final adder has 2N - 2 bits
    assert tree["FULL_ADDER_28"] - final["FULL_ADDER_28"] == width**2 - 4 * width + 3
    assert tree["HALF_ADDER"] - final["HALF_ADDER"] == width - 1
    assert tree["AND2"] == width**2
    array = multiplier("array", width).counts
    assert (array["FULL_ADDER_28"], array["HALF_ADDER"], array["AND2"]) == (width * (width - 2), width, width**2)


def test_array_transistors_of_the_literature():
    # 48 full adders of 28T, 8 half adders of 14T, 64 AND of 6T.
    assert multiplier("array", 8).transistors("textbook") == 48 * 28 + 8 * 14 + 64 * 6 == 1840


def _switching(kind, zeros, which):
    rng = np.random.default_rng(7)
    operands = {name: streams.uniform(rng, 20_000, 8, zeros=zeros if name == which else 0.0) for name in "ab"}
    return switchings(multiplier(kind, 8), operands).transistor_operations


@KINDS
@pytest.mark.parametrize("which", ["a", "b"])
def test_zeros_save_switching(kind, which):
    by_zeros = [_switching(kind, zeros, which) for zeros in (0.0, 0.5, 0.9, 1.0)]
    assert sorted(by_zeros, reverse=True) == by_zeros


def test_a_zero_operand_silences_dadda_but_not_booths_multiplicand():
    # With one operand at 0 only the other's own 8 x 8 AND inputs switch, half of the time: 64 of the transistors.
    assert _switching("dadda", 1.0, "a") == pytest.approx(64, rel=0.02)
    assert _switching("dadda", 1.0, "a") / _switching("dadda", 0.0, "a") < 0.1
    # Booth's recoding of b goes on, and turns zero rows into rows of ones.
    assert 0.6 < _switching("booth", 1.0, "a") / _switching("booth", 0.0, "a") < 0.8
    assert _switching("booth", 1.0, "b") / _switching("booth", 0.0, "b") < 0.1


def test_unknown_multiplier_is_named():
    with pytest.raises(ValueError, match="'karatsuba'"):
        multiplier("karatsuba", 8)
