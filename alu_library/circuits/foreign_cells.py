"""Cells of common standard-cell libraries by name: which of our cells each one is, and what its ports are called.

A foreign name is a function and a drive strength: ``NAND2X1`` (OSU FreePDK45), ``NAND2_X1`` (Nangate FreePDK45),
``sky130_fd_sc_hd__nand2_1`` (SkyWater). The functions are those that the libraries' Liberty files state. Names differ
from ours, and so do ports; any of the usual ones are accepted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

__all__ = ["Equivalent", "equivalent"]


@dataclass(frozen=True)
class Equivalent:
    """A foreign cell: the cell of ours that it is, and its port names by our pin names."""

    cell: str
    ports: Mapping[str, str]


_FIRST, _SECOND, _THIRD, _FOURTH = ("A", "A1"), ("B", "A2"), ("C", "A3"), ("D", "A4")
_OUT = ("Y", "Z", "ZN", "X", "O", "Q")
_SUM, _CARRY = ("S", "SUM", "YS"), ("CO", "COUT", "YC", "C1")
_PAIR = {"a": _FIRST, "b": _SECOND, "y": _OUT}
_TRIPLE = {**_PAIR, "c": _THIRD}
_HALF = {"a": _FIRST, "b": ("B",), "sum": _SUM, "carry": _CARRY}
_FULL = {**_HALF, "c": ("C", "CI", "CIN", "C0")}
_MUX = {"s": ("S", "S0"), "y": _OUT}

_CELLS: Mapping[str, tuple[str, tuple[Mapping[str, tuple[str, ...]], ...]]] = {
    **{name: ("NOT", ({"a": _FIRST, "y": _OUT},)) for name in ("INV", "NOT")},
    **{name: ("BUFFER", ({"a": _FIRST, "y": _OUT},)) for name in ("BUF", "BUFFER", "CLKBUF")},
    **{name: (name, (_PAIR,)) for name in ("NAND2", "NOR2", "AND2", "OR2", "XOR2", "XNOR2")},
    **{name: (name, (_TRIPLE,)) for name in ("NAND3", "NOR3")},
    # ~(a & b | c): OSU has the single input last, Nangate first.
    **{name: (name, (
        {"a": ("A1",), "b": ("A2",), "c": ("B1",), "y": _OUT}, {"a": ("B1",), "b": ("B2",), "c": ("A",), "y": _OUT},
        {"a": ("A",), "b": ("B",), "c": ("C",), "y": _OUT})) for name in ("AOI21", "OAI21", "AO21", "OA21")},
    **{name: (name, (
        {"a": ("A1",), "b": ("A2",), "c": ("B1",), "d": ("B2",), "y": _OUT},
        {"a": ("A",), "b": ("B",), "c": ("C",), "d": ("D",), "y": _OUT})) for name in ("AOI22", "OAI22", "AO22")},
    "MUX2": ("MUX2", ({**_MUX, "a": ("A0",), "b": ("A1",)}, {**_MUX, "a": ("I0",), "b": ("I1",)},
                      {**_MUX, "a": ("A",), "b": ("B",)})),
    **dict.fromkeys(("HA", "HAX", "HALFADDER"), ("HALF_ADDER", (_HALF,))),
    **dict.fromkeys(("FA", "FAX", "FULLADDER"), ("FULL_ADDER_28", (_FULL,))),
}


_SKYWATER = {"A21OI": "AOI21", "O21AI": "OAI21", "A21O": "AO21", "O21A": "OA21", "A22OI": "AOI22", "O22AI": "OAI22",
             "A22O": "AO22"}


def equivalent(name: str, ports: Iterable[str]) -> Equivalent | None:
    """Our cell for a foreign one that is connected by these ports (upper or lower case), or None.

    >>> equivalent("NAND2_X1", ["A1", "A2", "ZN"])
    Equivalent(cell='NAND2', ports={'a': 'A1', 'b': 'A2', 'y': 'ZN'})
    """
    upper = re.sub(r"^SKY130_FD_SC_[A-Z]+__|^PDKGEN", "", name.upper())
    bases = [upper, re.sub(r"_?X?\d+$", "", upper), re.sub(r"X\d+$", "", upper)]
    found = next((_CELLS[base] for base in (_SKYWATER.get(b, b) for b in bases) if base in _CELLS), None)
    if found is None:
        return None
    given = {port.upper(): port for port in ports}
    for pins in found[1]:
        named = {pin: next((given[p] for p in names if p in given), None) for pin, names in pins.items()}
        bound = {pin: port for pin, port in named.items() if port is not None}
        if set(bound.values()) == set(given.values()):
            return Equivalent(found[0], bound)
    return None
