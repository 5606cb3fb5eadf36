"""The builder: folding keeps the function, and what nobody reads is not built."""

from itertools import product

import pytest

from alu_library.circuits.netlist import ONE, ZERO, Builder
from alu_library.circuits.simulation import evaluate

_FUNCTIONS = {
    "and_": (3, lambda a, b, c: a & b & c), "or_": (3, lambda a, b, c: a | b | c),
    "xor": (3, lambda a, b, c: a ^ b ^ c),
    "nand": (2, lambda a, b: 1 - (a & b)), "nor": (2, lambda a, b: 1 - (a | b)), "xnor": (2, lambda a, b: 1 - (a ^ b)),
    "ao21": (3, lambda a, b, c: a & b | c), "mux": (3, lambda s, a, b: b if s else a),
    "majority": (3, lambda a, b, c: int(a + b + c > 1)),
    "half_adder": (2, lambda a, b: ((a + b) % 2, (a + b) // 2)),
    "full_adder": (3, lambda a, b, c: ((a + b + c) % 2, (a + b + c) // 2)),
}


@pytest.mark.parametrize("name", _FUNCTIONS)
def test_folding_constants_repeats_and_complements_keeps_the_function(name):
    """Every pin is tried as 0, 1, either of two inputs, and the complement of one."""
    arity, function = _FUNCTIONS[name]
    for pins in product(range(5), repeat=arity):
        b = Builder("folded")
        x, y = b.input("x", 2)
        wires = (ZERO, ONE, x, y, b.not_(x))
        result = getattr(b, name)(*(wires[p] for p in pins))
        b.output("y", result if isinstance(result, tuple) else [result])
        got = evaluate(b.build(), {"x": range(4)})["y"]
        for v in range(4):
            bits = [(0, 1, v & 1, v >> 1, 1 - (v & 1))[p] for p in pins]
            expected = function(*bits)
            assert got[v] == (expected[0] + 2 * expected[1] if isinstance(expected, tuple) else expected), (pins, v)


def test_constants_cost_nothing():
    b = Builder("free")
    x = b.input("x", 1)[0]
    b.output("y", [b.and_(x, ONE), b.or_(x, ZERO), b.xor(x, ZERO), b.mux(x, ZERO, ONE), b.mux(ONE, ZERO, x)])
    assert b.build().transistors() == 0


def test_one_inverter_serves_all_readers():
    b = Builder("inverters")
    x = b.input("x", 1)[0]
    assert b.not_(x) == b.not_(x)
    assert b.not_(b.not_(x)) == x


def test_cells_that_nothing_reads_are_left_out():
    b = Builder("pruned")
    x, y = b.input("x", 2)
    b.and_(x, y)
    b.output("y", [b.or_(x, y)])
    assert b.build().counts == {"OR2": 1}


def test_registers_are_transparent_and_counted():
    b = Builder("registers")
    x = b.input("x", 2)
    b.output("y", b.register([*x, ONE]))
    netlist = b.build()
    assert evaluate(netlist, {"x": [0, 1, 2, 3]})["y"].tolist() == [4, 5, 6, 7]
    assert netlist.transistors("static_cmos") == 32


def test_a_bus_name_is_used_once():
    b = Builder("twice")
    b.input("x", 2)
    with pytest.raises(ValueError, match="'x'"):
        b.output("x", [ZERO])


def test_an_unknown_full_adder_is_refused():
    with pytest.raises(ValueError, match="27"):
        Builder("odd", full_adder_style=27)
