"""Closed forms and recurrences are equal to the netlists at every width."""

from functools import lru_cache

import pytest
import sympy

from alu_library.circuits import closed_forms, recurrences
from alu_library.circuits.adders import adder
from alu_library.circuits.dividers import divider
from alu_library.circuits.multipliers import multiplier
from alu_library.circuits.netlist import Netlist
from alu_library.circuits.roots import square_rooter


@lru_cache(maxsize=1000)
def _counts(name: str, width: int) -> dict[str, int]:
    return dict(_netlist(name, width).counts)


def _netlist(name: str, width: int) -> Netlist:
    family, _, kind = name.partition("/")
    if family == "square_root":
        return square_rooter(width)
    if family == "multiplier":
        return multiplier(kind.removesuffix("_signed"), width, signed=kind.endswith("_signed"))
    return {"adder": adder, "divider": divider}[family](kind, width)


@pytest.mark.parametrize("name", closed_forms.CLOSED_FORMS)
def test_closed_forms_equal_the_netlists(name):
    for width in range(2, 65):
        if name in closed_forms.POWERS_OF_TWO and width & (width - 1):
            continue
        assert closed_forms.cells(name, width) == _counts(name, width), width
    for basis in ("textbook", "static_cmos"):
        assert closed_forms.transistors(name, 16, basis) == _netlist(name, 16).transistors(basis)


@pytest.mark.parametrize("name", recurrences.RECURRENCES)
def test_recurrences_equal_the_netlists(name):
    for width in range(2, 65):
        assert recurrences.cells(name, width) == _counts(name, width), width


@pytest.mark.parametrize("name", closed_forms.CLOSED_FORMS)
def test_the_formula_and_the_integers_are_one(name):
    formula = closed_forms.transistors(name)
    (symbol,) = formula.free_symbols
    for width in (2, 4, 8, 32, 64):
        assert sympy.simplify(formula.subs(symbol, width)) == closed_forms.transistors(name, width)


def test_no_form_is_an_error_by_name():
    with pytest.raises(ValueError, match="adder/kogge_stone"):
        closed_forms.cells("adder/kogge_stone", 12)
    with pytest.raises(ValueError, match="multiplier/karatsuba"):
        closed_forms.transistors("multiplier/karatsuba", 8)
