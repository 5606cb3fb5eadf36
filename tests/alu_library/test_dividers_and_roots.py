"""Division and square root against Python integers, remainders included."""

from math import isqrt

import pytest

from alu_library.circuits.dividers import DIVIDERS, divider
from alu_library.circuits.netlist import Builder
from alu_library.circuits.roots import square_rooter
from alu_library.circuits.simulation import evaluate

KINDS = pytest.mark.parametrize("kind", DIVIDERS)


def _truncated(p, q):
    quotient = abs(p) // abs(q)
    return quotient if (p < 0) == (q < 0) else -quotient


def _check_divider(netlist, operands, words, width):
    x, y = zip(*[(p, q) for p, q in zip(*operands, strict=True) if q], strict=True)
    got = evaluate(netlist, {"a": words(list(x)), "b": words(list(y))})
    quotients = [_truncated(p, q) for p, q in zip(x, y, strict=True)]
    assert got["quotient"].tolist() == [q % (1 << width) for q in quotients]
    assert got["remainder"].tolist() == [(p - q * n) % (1 << width) for p, q, n in zip(x, y, quotients, strict=True)]


@KINDS
@pytest.mark.parametrize("signed", [False, True], ids=["unsigned", "signed"])
@pytest.mark.parametrize("width", range(2, 9))
def test_small_dividers_exhaustively(kind, signed, width, pairs, words):
    _check_divider(divider(kind, width, signed), pairs(width, signed), words, width)


@KINDS
def test_wider_dividers(kind, pairs, words, widths):
    for width in widths:
        _check_divider(divider(kind, width), pairs(width, False, 20), words, width)


@KINDS
@pytest.mark.parametrize("width", [16, 24, 32, 53, 64])
def test_many_random_divisions(kind, width, pairs, words):
    x, y = pairs(width, True, 10_000)
    # Divisors of all lengths, so that quotients have all lengths as well.
    y = [q >> k % width for k, q in enumerate(y)]
    _check_divider(divider(kind, width, True), (x, y), words, width)


@KINDS
def test_division_by_zero_gives_ones_and_the_dividend(kind):
    got = evaluate(divider(kind, 6), {"a": range(64), "b": [0] * 64})
    assert got["quotient"].tolist() == [63] * 64
    assert got["remainder"].tolist() == list(range(64))


@KINDS
@pytest.mark.parametrize("bits", [1, 5, 9])
def test_division_goes_on_behind_the_point(kind, bits):
    """From a partial remainder less than the divisor, with zeros brought down: a fraction and its remainder."""
    b = Builder("fraction")
    x, y = b.input("a", 4), b.input("b", 4)
    quotient, remainder = DIVIDERS[kind](b, [0] * bits, y, x)
    b.output("quotient", quotient)
    b.output("remainder", remainder)
    p, q = zip(*[(i, j) for j in range(1, 16) for i in range(j)], strict=True)
    got = evaluate(b.build(), {"a": p, "b": q})
    assert got["quotient"].tolist() == [(i << bits) // j for i, j in zip(p, q, strict=True)]
    assert got["remainder"].tolist() == [(i << bits) % j for i, j in zip(p, q, strict=True)]


@pytest.mark.parametrize("width", range(2, 17))
def test_small_roots_exhaustively(width):
    values = range(1 << width)
    got = evaluate(square_rooter(width), {"a": values})
    assert got["root"].tolist() == [isqrt(v) for v in values]
    assert got["remainder"].tolist() == [v - isqrt(v)**2 for v in values]


def test_wider_roots(pairs, words, widths):
    for width in (w for w in widths if w > 16):
        values, _ = pairs(width, False, 10_000 if width in (24, 32, 53, 64) else 50)
        squares = [v for root in values for v in (isqrt(root)**2, max(0, isqrt(root)**2 - 1))]
        for radicands in (values, squares):
            got = evaluate(square_rooter(width), {"a": words(radicands)})
            assert got["root"].tolist() == [isqrt(v) for v in radicands]
            assert got["remainder"].tolist() == [v - isqrt(v)**2 for v in radicands]


def test_unknown_divider_is_named():
    with pytest.raises(ValueError, match="'srt'"):
        divider("srt", 8)
