"""Closed forms: how many cells of each kind a circuit of n bits has, as formulas beside the netlists.

Each form is one function of the width, read two ways: with an integer it gives exact counts, with a sympy symbol the
formula. All are tested equal to the generated netlists. Circuits without a closed form have exact recurrences in
:mod:`alu_library.circuits.recurrences`.

>>> transistors("adder/ripple_carry", 32)
882
>>> print(transistors("multiplier/array"))
6*n**2 + 28*n*(n - 2) + 14*n
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from alu_library.circuits.cells import CELLS

__all__ = ["CLOSED_FORMS", "POWERS_OF_TWO", "Counts", "cells", "transistors"]

Width: TypeAlias = Any
"""An integer, or a sympy symbol."""

Counts: TypeAlias = Mapping[str, Any]
"""Cells by kind."""

_FULL_ADDER = "FULL_ADDER_28"


def _least(n: Width, bound: int) -> Any:
    if isinstance(n, int):
        return min(n, bound)
    import sympy

    return sympy.Min(n, bound)


def _exactly(numerator: Any, divisor: int) -> Any:
    """A quotient that is known to be whole."""
    return numerator // divisor if isinstance(numerator, int) else numerator / divisor


def _log2(n: Width) -> Any:
    if isinstance(n, int):
        return n.bit_length() - 1
    import sympy

    return sympy.log(n, 2)


def _ripple_carry(n: Width) -> Counts:
    return {"HALF_ADDER": 1, _FULL_ADDER: n - 1}


def _carry_lookahead(n: Width) -> Counts:
    """In a group, carry k has a product of 1 to k literals each for k generates; from the second group on each carry
    has one more product, with the carry that comes in."""
    groups, rest, first = n // 4, n % 4, _least(n, 4)
    joins = 6 * groups + _exactly(rest * (rest - 1), 2)
    through = joins - _exactly(first * (first - 1), 2)
    products = 10 * groups + _exactly((rest - 1) * rest * (rest + 1), 6)
    return {"HALF_ADDER": n, "XOR2": n - 1, "AND2": products + through, "OR2": joins, "AO21": n - first}


def _carry_select(n: Width) -> Counts:
    """Every block but the first is two ripple-carry adders, one of them with a constant carry."""
    first = _least(n, 4)
    later = (n + 3) // 4 - 1
    return {"HALF_ADDER": 1 + later, _FULL_ADDER: n - 1 - later + n - first - later, "XNOR2": later, "OR2": later,
            "MUX2": n - first, "AO21": later}


def _prefix(n: Width, merges: Any) -> Counts:
    """One merge per bit reaches bit 0 and generates only; the others propagate as well."""
    return {"HALF_ADDER": n, "AO21": merges, "AND2": merges - (n - 1), "XOR2": n - 1}


def _kogge_stone(n: Width) -> Counts:
    return _prefix(n, n * _log2(n) - n + 1)


def _brent_kung(n: Width) -> Counts:
    return _prefix(n, 2 * n - 2 - _log2(n))


def _unsigned_products(n: Width) -> Counts:
    """The adders of an array and of Dadda's tree with its 2n - 2 bit adder are as many: n**2 bits become 2n."""
    return {"AND2": n**2, _FULL_ADDER: n * (n - 2), "HALF_ADDER": n}


def _signed_array(n: Width) -> Counts:
    """Baugh-Wooley: the constant at column n makes a half adder of a wire, and inverts; so does the one at the top."""
    return {"AND2": (n - 1)**2 + 1, "NAND2": 2 * (n - 1), _FULL_ADDER: n * (n - 2), "HALF_ADDER": 2 * n - 2,
            "NOT": 2, "XOR2": 1}


def _signed_dadda(n: Width) -> Counts:
    """Baugh-Wooley: one adder meets the constant at column n and is left with XNOR and OR."""
    return {"AND2": (n - 1)**2 + 1, "NAND2": 2 * (n - 1), _FULL_ADDER: n * (n - 2), "HALF_ADDER": n - 1,
            "NOT": 1, "XNOR2": 1, "OR2": 1}


def _restoring(n: Width) -> Counts:
    """Row i subtracts in i + 1 places, the lowest without a full adder, and only borrows in the n - 1 - i above."""
    below = _exactly(n * (n - 1), 2)
    return {"NOT": n, "XNOR2": n, "OR2": n, _FULL_ADDER: below, "AND2": below, "MUX2": below + n}


def _non_restoring(n: Width) -> Counts:
    """n + 1 adder-subtractors in each of n rows, fewer in the first, whose bits are constant, and a repair row."""
    return {"NOT": 2 * n - 1, "XNOR2": 1, "OR2": 1, "XOR2": n * (n - 1), "AND2": n, "HALF_ADDER": n,
            _FULL_ADDER: n**2 + n - 2}


CLOSED_FORMS: Mapping[str, Callable[[Width], Counts]] = {
    "adder/ripple_carry": _ripple_carry,
    "adder/carry_lookahead": _carry_lookahead,
    "adder/carry_select": _carry_select,
    "adder/kogge_stone": _kogge_stone,
    "adder/brent_kung": _brent_kung,
    "multiplier/array": _unsigned_products,
    "multiplier/array_signed": _signed_array,
    "multiplier/dadda": _unsigned_products,
    "multiplier/dadda_signed": _signed_dadda,
    "divider/restoring": _restoring,
    "divider/non_restoring": _non_restoring,
}
"""Cells by circuit, for 28-transistor full adders and ripple-carry final adders; width 2 and more."""

POWERS_OF_TWO = ("adder/kogge_stone", "adder/brent_kung")
"""Circuits whose form holds where the width is a power of two."""


def cells(name: str, width: int) -> dict[str, int]:
    """Exact counts at a width, kinds without a cell left out; ValueError where there is no form for it."""
    if name in POWERS_OF_TWO and width & (width - 1):
        raise ValueError(f"{name} has a closed form at powers of two, not at {width}")
    return {kind: count for kind, count in sorted(_form(name)(width).items()) if count}


def transistors(name: str, width: int | None = None, basis: str = "textbook") -> Any:
    """Transistors at a width, or without one the sympy formula in ``n``."""
    if width is not None:
        return sum(n * CELLS[kind].transistors(basis) for kind, n in cells(name, width).items())
    import sympy

    n = sympy.Symbol("n", integer=True, positive=True)
    return sum(CELLS[kind].transistors(basis) * count for kind, count in _form(name)(n).items())


def _form(name: str) -> Callable[[Width], Counts]:
    if name not in CLOSED_FORMS:
        raise ValueError(f"no closed form for {name!r}: there is one for {', '.join(CLOSED_FORMS)}")
    return CLOSED_FORMS[name]
