"""Adders against Python integers."""

import pytest

from alu_library.circuits.adders import ADDERS, adder, increment, negate_if, subtractor
from alu_library.circuits.cells import FULL_ADDERS
from alu_library.circuits.netlist import Builder
from alu_library.circuits.simulation import evaluate
from alu_library.circuits.words import to_signed

KINDS = pytest.mark.parametrize("kind", ADDERS)
SIGNED = pytest.mark.parametrize("signed", [False, True], ids=["unsigned", "signed"])


def _mismatches(netlist, output, operands, words, expected):
    x, y = operands
    width = netlist.width(output)
    got = evaluate(netlist, {"a": words(x), "b": words(y)})[output].tolist()
    return [(p, q, g) for p, q, g in zip(x, y, got, strict=True) if g != expected(p, q) % (1 << width)]


@KINDS
@SIGNED
@pytest.mark.parametrize("width", range(2, 9))
def test_small_widths_exhaustively(kind, signed, width, pairs, words):
    operands = pairs(width, signed)
    assert not _mismatches(adder(kind, width, signed), "sum", operands, words, lambda p, q: p + q)
    assert not _mismatches(subtractor(kind, width, signed), "difference", operands, words, lambda p, q: p - q)


@KINDS
@SIGNED
def test_wider(kind, signed, pairs, words, widths):
    for width in widths:
        operands = pairs(width, signed, 10_000 if width in (16, 24, 32, 53, 64) else 50)
        assert not _mismatches(adder(kind, width, signed), "sum", operands, words, lambda p, q: p + q)
        operands = pairs(width, signed, 50)
        assert not _mismatches(subtractor(kind, width, signed), "difference", operands, words, lambda p, q: p - q)


@pytest.mark.parametrize("style", FULL_ADDERS)
def test_every_full_adder_style_adds(style, pairs, words):
    netlist = adder("ripple_carry", 6, full_adder_style=style)
    assert not _mismatches(netlist, "sum", pairs(6), words, lambda p, q: p + q)
    assert netlist.transistors() == 14 + 5 * style


@KINDS
def test_carry_in(kind, pairs):
    b = Builder("with_carry")
    x, y, carry = b.input("a", 5), b.input("b", 5), b.input("carry", 1)
    total, out = ADDERS[kind](b, x, y, carry[0])
    b.output("sum", [*total, out])
    netlist = b.build()
    p, q = pairs(5)
    for bit in (0, 1):
        got = evaluate(netlist, {"a": p, "b": q, "carry": [bit] * len(p)})["sum"].tolist()
        assert got == [i + j + bit for i, j in zip(p, q, strict=True)]


def test_increment_and_negation():
    b = Builder("steps")
    x, negative = b.input("x", 4), b.input("negative", 1)
    b.output("next", increment(b, x)[0])
    b.output("value", negate_if(b, x, negative[0]))
    values = [v for v in range(16) for _ in (0, 1)]
    got = evaluate(b.build(), {"x": values, "negative": [0, 1] * 16})
    assert got["next"].tolist() == [(v + 1) % 16 for v in values]
    assert got["value"].tolist() == [-v % 16 if s else v for v, s in zip(values, [0, 1] * 16, strict=True)]


def test_signed_sum_reads_as_signed():
    got = evaluate(adder("brent_kung", 8, signed=True), {"a": [-128, 127], "b": [-128, 127]})["sum"]
    assert to_signed(got, 9).tolist() == [-256, 254]


def test_ripple_carry_counts_of_the_literature():
    # 14T half adder and 31 (7) full adders of 28T.
    assert adder("ripple_carry", 8).transistors("textbook") == 14 + 7 * 28 == 210
    assert adder("ripple_carry", 32).transistors("textbook") == 14 + 31 * 28 == 882


def test_prefix_adders_are_shallow():
    depths = {kind: adder(kind, 64).depth for kind in ADDERS}
    assert depths["kogge_stone"] == 1 + 6 + 1  # half adders, log2(64) merges, sum
    assert depths["kogge_stone"] < depths["brent_kung"] < depths["carry_lookahead"] < depths["ripple_carry"] == 64


def test_unknown_adder_is_named():
    with pytest.raises(ValueError, match="'sklansky'"):
        adder("sklansky", 8)
