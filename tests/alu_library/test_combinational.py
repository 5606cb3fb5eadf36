"""Shifters, counters, comparators and multiplexers against Python integers."""

import pytest

from alu_library.circuits.combinational import (
    comparator,
    leading_zero_counter,
    maximum,
    multiplexer,
    shift_right_sticky,
    shifter,
)
from alu_library.circuits.netlist import Builder
from alu_library.circuits.simulation import evaluate

SIGNED = pytest.mark.parametrize("signed", [False, True], ids=["unsigned", "signed"])
_SHIFTS = {"left": lambda v, n, w: (v << n) % (1 << w), "right": lambda v, n, w: v >> n,
           "arithmetic": lambda v, n, w: ((v - (v >> (w - 1) << w)) >> n) % (1 << w)}


@pytest.mark.parametrize("kind", _SHIFTS)
def test_shifters(kind, pairs, words):
    for width in range(2, 65):
        values, amounts = pairs(width, False, 50)
        amounts = [n % (1 << (width - 1).bit_length()) for n in amounts]
        got = evaluate(shifter(width, kind), {"a": words(values), "amount": amounts})["y"].tolist()
        assert got == [_SHIFTS[kind](v, n, width) for v, n in zip(values, amounts, strict=True)]


@pytest.mark.parametrize("width", [1, 5, 8])
def test_sticky_knows_of_lost_ones(width):
    b = Builder("sticky")
    x, amount = b.input("x", width), b.input("amount", 4)
    shifted, sticky = shift_right_sticky(b, x, amount)
    b.output("y", shifted)
    b.output("sticky", [sticky])
    values, amounts = zip(*[(v, n) for v in range(1 << width) for n in range(16)], strict=True)
    got = evaluate(b.build(), {"x": values, "amount": amounts})
    assert got["y"].tolist() == [v >> n for v, n in zip(values, amounts, strict=True)]
    assert got["sticky"].tolist() == [int(v % (1 << n) > 0) for v, n in zip(values, amounts, strict=True)]


def test_leading_zeros(words):
    for width in range(2, 65):
        values = [0, *(1 << k for k in range(width)), *((1 << k) - 1 for k in range(1, width + 1)),
                  *(3 * v % (1 << width) for v in range(100))]
        got = evaluate(leading_zero_counter(width), {"a": words(values)})
        assert got["empty"].tolist() == [int(v == 0) for v in values]
        counts = [width - v.bit_length() if v else (1 << (width - 1).bit_length()) - 1 for v in values]
        assert got["count"].tolist() == counts


@SIGNED
def test_comparators_and_maximum(signed, pairs, words):
    for width in range(2, 65):
        x, y = pairs(width, signed, 50)
        got = evaluate(comparator(width, signed), {"a": words(x), "b": words(y)})
        assert got["less"].tolist() == [int(p < q) for p, q in zip(x, y, strict=True)]
        assert got["equal"].tolist() == [int(p == q) for p, q in zip(x, y, strict=True)]
        larger = evaluate(maximum(width, signed), {"a": words(x), "b": words(y)})["y"].tolist()
        assert larger == [max(p, q) % (1 << width) for p, q in zip(x, y, strict=True)]


def test_multiplexer():
    values = [(p, q, s) for p in range(8) for q in range(8) for s in (0, 1)]
    p, q, s = zip(*values, strict=True)
    got = evaluate(multiplexer(3), {"a": p, "b": q, "select": s})["y"].tolist()
    assert got == [j if k else i for i, j, k in values]


def test_unknown_shifter_is_named():
    with pytest.raises(ValueError, match="'round'"):
        shifter(8, "round")
