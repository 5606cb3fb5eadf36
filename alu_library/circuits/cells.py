"""The cell library: every cell says its logic, its internal nodes and the transistor gate terminals on each of them.

A cell's transistors and its switching are one statement. Each transistor has one gate terminal, and that terminal is
driven by one node: an input of the cell, an internal node, or an output that the cell reads again. So the transistors
of a cell are the sum of its gate terminals, and the transistor operations of one evaluation are the terminals on the
nodes that changed value.

Two accounting bases:

- ``static_cmos``: the transistors of the structure written here, which is the structure that is simulated (12T XOR).
- ``textbook``: the counts that papers on arithmetic quote (28T full adder, 14T half adder, 6T AND and OR, and the
  transmission-gate 8T XOR and 6T multiplexer). It is a static count only.

Full adders. 28T is the mirror adder (Weste and Harris, CMOS VLSI Design, section 11.2.1). The smaller ones are
transmission-gate and pass-transistor structures with the published counts: 24T and 20T transmission-gate adders with
and without output inverters (Weste and Harris; Rabaey, Digital Integrated Circuits, section 11.3), 16T transmission
function adder (Zhuang and Wu 1992), 14T (Abu-Shama and Bayoumi 1996), 10T of two four-transistor XORs and a
two-transistor multiplexer (Bui, Wang, Jiang 2002). Their counts and their logic are exact; where a publication names
only the count, the placement of terminals is the plain structure with that count.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

__all__ = ["BASES", "CELLS", "FULL_ADDERS", "Cell", "add_cell"]

BASES = ("textbook", "static_cmos")
"""Accounting bases a transistor count can be asked on."""


@dataclass(frozen=True)
class Cell:
    """One kind of cell.

    ``nodes`` maps every internal node and every output, in order of evaluation, to a Boolean expression over inputs
    and earlier nodes, in the operators ``& | ^ ~`` that Python and Verilog share. ``terminals`` maps inputs and nodes
    to the number of transistor gates they drive inside the cell. ``textbook`` is the count on the textbook basis.
    """

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    nodes: Mapping[str, str]
    terminals: Mapping[str, int]
    textbook: int
    sequential: bool = False

    @property
    def static_cmos(self) -> int:
        """Transistors of the simulated structure: its gate terminals."""
        return sum(self.terminals.values())

    def transistors(self, basis: str) -> int:
        """Transistors on a basis of :data:`BASES`; ValueError for another name."""
        if basis not in BASES:
            raise ValueError(f"unknown accounting basis {basis!r}: use one of {', '.join(BASES)}")
        return self.textbook if basis == "textbook" else self.static_cmos

    @cached_property
    def internal(self) -> tuple[str, ...]:
        """Nodes that are not outputs."""
        return tuple(n for n in self.nodes if n not in self.outputs)

    @cached_property
    def function(self) -> Callable[..., tuple[Any, ...]]:
        """Values of the outputs, then of the internal nodes, from the inputs (integers with ``~`` masked by the
        caller, or numpy words)."""
        return self._compile(self.outputs + self.internal)

    @cached_property
    def logic(self) -> Callable[..., tuple[Any, ...]]:
        """Values of the outputs alone."""
        return self._compile(self.outputs)

    @cached_property
    def delays(self) -> Mapping[str, int]:
        """Inverting stages from the inputs to each node: the inertial delay of that node, in gate delays."""
        found = dict.fromkeys(self.inputs, 0)
        for node, expression in self.nodes.items():
            names = compile(expression, self.name, "eval").co_names
            found[node] = 1 + max(found[n] for n in names)
        return {n: found[n] for n in self.nodes}

    def _compile(self, results: tuple[str, ...]) -> Callable[..., tuple[Any, ...]]:
        lines = [f"    {node} = {expression}" for node, expression in self.nodes.items()]
        body = [f"def {self.name}({', '.join(self.inputs)}):", *lines, f"    return ({', '.join(results)},)"]
        scope: dict[str, Any] = {}
        exec("\n".join(body), scope)  # the text is this module's own table, nothing from outside
        function: Callable[..., tuple[Any, ...]] = scope[self.name]
        return function

    def truth_table(self) -> dict[tuple[int, ...], tuple[int, ...]]:
        """Output bits for every combination of input bits, first input fastest."""
        width = len(self.inputs)
        rows = [tuple(i >> k & 1 for k in range(width)) for i in range(1 << width)]
        return {row: tuple(v & 1 for v in self.logic(*row)) for row in rows}


def _cell(name: str, inputs: str, outputs: str, logic: str, terminals: str, textbook: int | None = None) -> Cell:
    """A cell from compact text: ``logic`` is ``node = expression; ...``, ``terminals`` is ``node:count ...``."""
    nodes = dict(part.strip().split(" = ") for part in logic.split(";"))
    gates = {node: int(n) for node, n in (part.split(":") for part in terminals.split())}
    count = sum(gates.values()) if textbook is None else textbook
    return Cell(name, tuple(inputs.split()), tuple(outputs.split()), nodes, gates, count)


_XOR_PASS = "p = a ^ b; np = ~p; sum = p ^ c; carry = (p & c) | (np & a)"

FULL_ADDERS: Mapping[int, Cell] = {
    28: _cell("FULL_ADDER_28", "a b c", "sum carry",
              "nc = ~((a & b) | (c & (a | b))); ns = ~((a & b & c) | (nc & (a | b | c))); sum = ~ns; carry = ~nc",
              "a:8 b:8 c:6 nc:4 ns:2"),
    24: _cell("FULL_ADDER_24", "a b c", "sum carry",
              "na = ~a; nb = ~b; nc = ~c; p = (a & nb) | (na & b); np = ~p; ns = (p & c) | (np & nc); "
              "nk = (p & nc) | (np & na); sum = ~ns; carry = ~nk",
              "a:4 na:2 b:2 c:2 p:6 np:4 ns:2 nk:2"),
    20: _cell("FULL_ADDER_20", "a b c", "sum carry",
              "na = ~a; nb = ~b; nc = ~c; p = (a & nb) | (na & b); np = ~p; sum = (p & nc) | (np & c); "
              "carry = (p & c) | (np & a)",
              "a:4 na:2 b:2 c:2 p:6 np:4"),
    16: _cell("FULL_ADDER_16", "a b c", "sum carry", "na = ~a; " + _XOR_PASS, "a:3 na:1 b:2 c:2 p:5 np:3"),
    14: _cell("FULL_ADDER_14", "a b c", "sum carry", _XOR_PASS, "a:2 b:2 c:2 p:5 np:3"),
    10: _cell("FULL_ADDER_10", "a b c", "sum carry", "p = a ^ b; sum = p ^ c; carry = (p & c) | (~p & a)",
              "a:2 b:2 c:2 p:4"),
}
"""Full adder styles by their published transistor count: outputs ``sum`` and ``carry`` of ``a + b + c``."""

_GATES = (
    _cell("NOT", "a", "y", "y = ~a", "a:2"),
    _cell("BUFFER", "a", "y", "n = ~a; y = ~n", "a:2 n:2"),
    _cell("NAND2", "a b", "y", "y = ~(a & b)", "a:2 b:2"),
    _cell("NOR2", "a b", "y", "y = ~(a | b)", "a:2 b:2"),
    _cell("NAND3", "a b c", "y", "y = ~(a & b & c)", "a:2 b:2 c:2"),
    _cell("NOR3", "a b c", "y", "y = ~(a | b | c)", "a:2 b:2 c:2"),
    _cell("AND2", "a b", "y", "n = ~(a & b); y = ~n", "a:2 b:2 n:2"),
    _cell("OR2", "a b", "y", "n = ~(a | b); y = ~n", "a:2 b:2 n:2"),
    _cell("AOI21", "a b c", "y", "y = ~((a & b) | c)", "a:2 b:2 c:2"),
    _cell("OAI21", "a b c", "y", "y = ~((a | b) & c)", "a:2 b:2 c:2"),
    _cell("AOI22", "a b c d", "y", "y = ~((a & b) | (c & d))", "a:2 b:2 c:2 d:2"),
    _cell("OAI22", "a b c d", "y", "y = ~((a | b) & (c | d))", "a:2 b:2 c:2 d:2"),
    _cell("AO21", "a b c", "y", "n = ~((a & b) | c); y = ~n", "a:2 b:2 c:2 n:2"),
    _cell("OA21", "a b c", "y", "n = ~((a | b) & c); y = ~n", "a:2 b:2 c:2 n:2"),
    _cell("AO22", "a b c d", "y", "n = ~((a & b) | (c & d)); y = ~n", "a:2 b:2 c:2 d:2 n:2"),
    # Two input inverters and one and-or-invert gate over both polarities.
    _cell("XOR2", "a b", "y", "na = ~a; nb = ~b; y = ~((a & b) | (na & nb))", "a:4 b:4 na:2 nb:2", textbook=8),
    _cell("XNOR2", "a b", "y", "na = ~a; nb = ~b; y = ~((a & nb) | (na & b))", "a:4 b:4 na:2 nb:2", textbook=8),
    # s selects: y = s ? b : a.
    _cell("MUX2", "s a b", "y", "ns = ~s; n = ~((ns & a) | (s & b)); y = ~n", "s:4 a:2 b:2 ns:2 n:2", textbook=6),
    # NAND, or-and-invert and two inverters: the static 14T half adder shares its NAND between sum and carry.
    _cell("HALF_ADDER", "a b", "sum carry", "n = ~(a & b); x = ~((a | b) & n); sum = ~x; carry = ~n",
          "a:4 b:4 n:4 x:2"),
    # The carry half of the mirror adder.
    _cell("MAJORITY", "a b c", "y", "n = ~((a & b) | (c & (a | b))); y = ~n", "a:4 b:4 c:2 n:2"),
)

# Master and slave latch of a transmission-gate flip-flop: four inverters on data nodes and four transmission gates on
# the clock. The clock runs whatever the operands are, so its node is held here and its switching is not counted.
_REGISTER = replace(
    _cell("REGISTER", "a", "y", "m = a; nm = ~m; s = nm; y = ~s; clock = a & ~a", "m:2 nm:2 s:2 y:2 clock:8"),
    sequential=True,
)

CELLS: dict[str, Cell] = {c.name: c for c in (*_GATES, *FULL_ADDERS.values(), _REGISTER)}
"""Every cell by name."""


def add_cell(name: str, inputs: str, outputs: str, logic: str, terminals: str, textbook: int | None = None) -> Cell:
    """Make a cell of one's own known: ``inputs`` and ``outputs`` by name, ``logic`` as ``node = expression; ...`` in
    ``& | ^ ~`` over inputs and earlier nodes, ``terminals`` as ``node:count ...``, the transistor gates on each.

    ValueError for a name that is taken by another cell, logic that says anything else, or terminals on no node.

    >>> add_cell("AND3_TREE", "a b c", "y", "n = ~(a & b & c); y = ~n", "a:2 b:2 c:2 n:2").static_cmos
    8
    """
    known = set(inputs.split())
    for part in logic.split(";"):
        node, equals, expression = (text.strip() for text in part.partition("="))
        words = re.findall(r"\w+", expression)
        if not equals or not node.isidentifier() or keyword.iskeyword(node):
            raise ValueError(f"logic is 'node = expression; ...', not {part.strip()!r}")
        if not words or re.search(r"[^\w\s&|^~()]", expression) or not known.issuperset(words):
            raise ValueError(f"{node} takes inputs and earlier nodes in & | ^ ~ ( ), not {expression!r}")
        known.add(node)
    loaded = {part.partition(":")[0] for part in terminals.split()}
    unknown = sorted((loaded | set(outputs.split())) - known)
    if unknown or not name.isidentifier():
        raise ValueError(f"no input or node {', '.join(unknown)}" if unknown else f"{name!r} is no name of a cell")
    cell = _cell(name, inputs, outputs, logic, terminals, textbook)
    if CELLS.get(name, cell) != cell:
        raise ValueError(f"there is another cell {name} already")
    CELLS[name] = cell
    return cell
