"""Cells: one statement for transistors and switching."""

import pytest

from alu_library.circuits.cells import BASES, CELLS, FULL_ADDERS


@pytest.mark.parametrize("cell", CELLS.values(), ids=lambda c: c.name)
def test_terminals_lie_on_inputs_and_nodes_and_are_the_transistors(cell):
    assert set(cell.terminals) <= {*cell.inputs, *cell.nodes}
    assert all(count > 0 for count in cell.terminals.values())
    assert cell.static_cmos == sum(cell.terminals.values()) > 0
    assert set(cell.outputs) <= set(cell.nodes)


@pytest.mark.parametrize(("style", "cell"), FULL_ADDERS.items())
def test_full_adder_styles_have_their_published_counts_and_add(style, cell):
    assert [cell.transistors(basis) for basis in BASES] == [style, style]
    for bits, (total, carry) in cell.truth_table().items():
        assert total + 2 * carry == sum(bits)


def test_published_styles_are_all_there():
    assert sorted(FULL_ADDERS) == [10, 14, 16, 20, 24, 28]


@pytest.mark.parametrize(("name", "logic"), [
    ("NOT", lambda a: 1 - a), ("BUFFER", lambda a: a), ("REGISTER", lambda a: a),
    ("NAND2", lambda a, b: 1 - a * b), ("NOR2", lambda a, b: int(a + b == 0)),
    ("NAND3", lambda a, b, c: 1 - a * b * c), ("NOR3", lambda a, b, c: int(a + b + c == 0)),
    ("AND2", lambda a, b: a * b), ("OR2", lambda a, b: int(a + b > 0)),
    ("XOR2", lambda a, b: (a + b) % 2), ("XNOR2", lambda a, b: int(a == b)),
    ("AOI21", lambda a, b, c: int(a * b + c == 0)), ("AO21", lambda a, b, c: int(a * b + c > 0)),
    ("OAI21", lambda a, b, c: int((a + b) * c == 0)), ("OA21", lambda a, b, c: int((a + b) * c > 0)),
    ("AOI22", lambda a, b, c, d: int(a * b + c * d == 0)), ("AO22", lambda a, b, c, d: int(a * b + c * d > 0)),
    ("OAI22", lambda a, b, c, d: int((a + b) * (c + d) == 0)), ("MUX2", lambda s, a, b: b if s else a),
    ("MAJORITY", lambda a, b, c: int(a + b + c > 1)),
])
def test_gates_do_what_their_names_say(name, logic):
    for bits, (y,) in CELLS[name].truth_table().items():
        assert y == logic(*bits), (name, bits)


def test_half_adder_adds():
    assert CELLS["HALF_ADDER"].truth_table() == {(0, 0): (0, 0), (1, 0): (1, 0), (0, 1): (1, 0), (1, 1): (0, 1)}


def test_textbook_counts():
    counts = {name: CELLS[name].textbook for name in ("HALF_ADDER", "AND2", "OR2", "XOR2", "NAND2", "NOT")}
    assert counts == {"HALF_ADDER": 14, "AND2": 6, "OR2": 6, "XOR2": 8, "NAND2": 4, "NOT": 2}
    assert CELLS["XOR2"].static_cmos == 12


def test_unknown_basis_is_named():
    with pytest.raises(ValueError, match="nonsense"):
        CELLS["NOT"].transistors("nonsense")


def test_delays_count_inverting_stages():
    assert CELLS["FULL_ADDER_28"].delays == {"nc": 1, "ns": 2, "sum": 3, "carry": 2}
