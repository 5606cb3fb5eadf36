"""Reading structural Verilog, so that foreign circuits can be simulated and priced like our own.

Read are modules of gate primitives (``and``, ``nand``, ...), cell instances (cells of
:mod:`alu_library.circuits.cells`, other modules of the same text, which are flattened, cells of common libraries by
name (:mod:`alu_library.circuits.foreign_cells`), or foreign cells that the caller names an equivalent for), and
``assign`` with ``~ & ^ |``, ``?:``, ``+`` and ``-`` (ripple-carry adders), reductions, ``! && || == !=``,
concatenations, replications, bit and part selects and literals (:mod:`alu_library.circuits.verilog_expressions`).
Other arithmetic operators, registers and ``always`` blocks are behaviour, not structure, and are refused. Compiler
directives are skipped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from graphlib import CycleError, TopologicalSorter

from alu_library.circuits.adders import ripple_carry
from alu_library.circuits.cells import CELLS, Cell
from alu_library.circuits.foreign_cells import Equivalent, equivalent
from alu_library.circuits.netlist import ONE, ZERO, Builder, Net, Netlist
from alu_library.circuits.verilog_expressions import HIGH, LOW, extended
from alu_library.circuits.verilog_parser import Gate, Module, Parser
from alu_library.circuits.verilog_tokens import VerilogError

__all__ = ["Equivalent", "VerilogError", "from_verilog"]

_MOST = 500_000
"""Gates of a circuit with all that it contains: more than ten 64-bit multipliers, and less than a gigabyte."""


def from_verilog(text: str, top: str | None = None, equivalents: Mapping[str, Equivalent] | None = None) -> Netlist:
    """The netlist of a module (default: the one that no other contains). Gates with more than two inputs become trees;
    ``equivalents`` says which of our cells stands for a foreign one.

    VerilogError on anything that is not structure, on a bit without a driver, on a combinational loop, and where
    several modules could be meant and none is named.
    """
    found = [m for m in Parser(text).modules() if m.name not in CELLS]
    modules = {m.name: m for m in found}
    if len(modules) < len(found):
        raise VerilogError(f"two modules {next(m.name for m in found if modules[m.name] is not m)}")
    if not modules or (top is not None and top not in modules):
        raise VerilogError(f"no module {top!r}: the text has {', '.join(modules)}" if modules else
                           "no module in the text")
    contained = {placed.kind for m in modules.values() for placed in m.instances}
    tops = [top] if top else [name for name in modules if name not in contained]
    if not tops:
        raise VerilogError("every module is contained in another: they contain each other")
    if len(tops) > 1:
        raise VerilogError(f"several modules could be the top: name one of {', '.join(tops)}")
    module = modules[tops[0]]
    if (gates := _size(module, modules, {})) > _MOST:
        raise VerilogError(f"module {module.name} has {gates} gates; up to {_MOST} are read")
    return _build(module, _flatten(module, modules, equivalents or {}))


def _size(module: Module, modules: Mapping[str, Module], sizes: dict[str, int]) -> int:
    """Gates and instances of a module with those inside it, counted before any is made; VerilogError where one
    contains itself."""
    order = TopologicalSorter({m.name: {p.kind for p in m.instances if p.kind in modules} for m in modules.values()})
    try:
        for name in order.static_order():
            inside = modules[name]
            sizes[name] = len(inside.gates) + sum(1 + sizes.get(p.kind, 0) for p in inside.instances)
    except CycleError as error:
        raise VerilogError(f"module {error.args[1][0]} contains itself") from None
    return sizes[module.name]


def _flatten(module: Module, modules: Mapping[str, Module], equivalents: Mapping[str, Equivalent],
             prefix: str = "") -> list[Gate]:
    """All gates of a module and the modules inside it, bits named by their path."""
    def path(bit: str) -> str:
        return bit if bit in (LOW, HIGH) else prefix + bit

    gates = [Gate(g.kind, tuple(map(path, g.outputs)), tuple(map(path, g.inputs))) for g in module.gates]
    for placed in module.instances:
        kind, bound = placed.kind, {port: type(bits)(map(path, bits)) for port, bits in placed.bound.items()}
        known = kind in modules or kind in CELLS
        foreign = equivalents.get(kind) or (None if known else equivalent(kind, placed.bound))
        if foreign is not None:
            kind, bound = foreign.cell, {pin: bound[port] for pin, port in foreign.ports.items() if port in bound}
        if kind in CELLS:
            gates.append(_cell_gate(CELLS[kind], _by_name(bound, CELLS[kind].inputs + CELLS[kind].outputs, kind),
                                    f"{prefix}{placed.name}"))
        elif kind in modules:
            inside = f"{prefix}{placed.name}."
            gates += _flatten(modules[kind], modules, equivalents, inside)
            gates += _bind(modules[kind], bound, inside)
        else:
            raise VerilogError(f"module {module.name}: {kind!r:.40} is neither a cell nor a module of the text")
    return gates


def _cell_gate(cell: Cell, pins: Mapping[str, list[str]], name: str) -> Gate:
    missing = [pin for pin in cell.inputs if not pins.get(pin)]
    if missing:
        raise VerilogError(f"{cell.name} {name}: nothing on {', '.join(missing)}")
    # An open output still needs a name of its own; no identifier has a blank.
    outputs = tuple(pins[pin][0] if pins.get(pin) else f"{name} {pin}" for pin in cell.outputs)
    return Gate(cell.name, outputs, tuple(pins[pin][0] for pin in cell.inputs))


def _bind(inner: Module, bound: Mapping[str, list[str]], inside: str) -> list[Gate]:
    """Wires between the ports of a module and what is bound to them."""
    gates = []
    for port, outer in _by_name(bound, inner.ports, inner.name).items():
        bits = [inside + bit for bit in inner.bits(port)]
        targets, sources = (bits, extended(outer, len(bits))) if port in inner.inputs and outer else (outer, bits)
        gates += [Gate("buf", (t,), (s,)) for t, s in zip(targets, sources, strict=False)]
    return gates


def _by_name(bound: Mapping[str, list[str]], ports: Sequence[str], kind: str) -> dict[str, list[str]]:
    """What is bound, by port; VerilogError on a port that is not there."""
    if len(bound) > len(ports):
        raise VerilogError(f"{kind} has {len(ports)} ports, and {len(bound)} are bound")
    named = {ports[int(port)] if port.isdecimal() else port: bits for port, bits in bound.items()}
    for port in named:
        if port not in ports:
            raise VerilogError(f"{kind} has no port {port:.40}")
    return named


def _build(module: Module, gates: Sequence[Gate]) -> Netlist:
    builder = Builder(module.name)
    nets: dict[str, Net] = {LOW: ZERO, HIGH: ONE}
    for name, bits in module.inputs.items():
        nets.update(zip(bits, builder.input(name, len(bits)), strict=True))
    driver: dict[str, Gate] = {}
    for gate in gates:
        for bit in gate.outputs:
            if driver.setdefault(bit, gate) is not gate:
                raise VerilogError(f"module {module.name}: two gates drive {bit.strip()}")
    graph = {bit: gate.inputs for bit, gate in driver.items()}
    try:
        order = list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        raise VerilogError(f"module {module.name}: a combinational loop through {error.args[1][0]}") from None
    for bit in order:
        if bit in nets:
            continue
        if bit not in driver:
            raise VerilogError(f"module {module.name}: nothing drives {bit.strip()}")
        gate = driver[bit]
        nets.update(zip(gate.outputs, _place(builder, gate.kind, [nets[i] for i in gate.inputs]), strict=True))
    for name, bits in module.outputs.items():
        undriven = next((bit for bit in bits if bit not in nets), None)
        if undriven is not None:
            raise VerilogError(f"module {module.name}: nothing drives its output {undriven}")
        builder.output(name, [nets[bit] for bit in bits])
    return builder.build()


def _place(b: Builder, kind: str, nets: list[Net]) -> tuple[Net, ...]:
    """Cells exactly as named; primitives through the builder."""
    if kind in CELLS:
        return b.cell(kind, *nets)
    if kind == "add":
        width = len(nets) // 2
        total, carry = ripple_carry(b, nets[:width], nets[width:-1], nets[-1])
        return (*total, carry)
    if kind in ("nand", "nor", "xnor"):
        inverted = {"nand": b.nand, "nor": b.nor, "xnor": b.xnor}[kind]
        rest = {"nand": b.and_, "nor": b.or_, "xnor": b.xor}[kind](*nets[:-1])
        return (inverted(rest, nets[-1]),)
    if kind == "mux":
        return (b.mux(*nets),)
    if kind in ("and", "or", "xor"):
        return ({"and": b.and_, "or": b.or_, "xor": b.xor}[kind](*nets),)
    return (b.not_(nets[0]) if kind == "not" else nets[0],)
