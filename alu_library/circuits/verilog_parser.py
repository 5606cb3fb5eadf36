"""A parser for structural Verilog: text to modules of gates between named bits.

What is read, and what is refused, is said in :mod:`alu_library.circuits.verilog_reader`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from alu_library.circuits.verilog_expressions import Expressions, Signed
from alu_library.circuits.verilog_tokens import LARGEST, VerilogError

__all__ = ["Gate", "Module", "Parser", "Placed"]

_BEHAVIOUR = ("always", "always_comb", "always_ff", "reg", "initial", "inout", "parameter", "localparam", "generate",
              "function", "integer", "genvar")
_ONLY = "only structure is read; synthesis makes gates of the rest (yosys: synth; write_verilog)"
_PRIMITIVES = ("and", "or", "nand", "nor", "xor", "xnor", "not", "buf", "mux")

@dataclass(frozen=True)
class Gate:
    """One gate between named bits; ``kind`` is a cell, a primitive or ``add``, which takes two numbers and a carry and
    whose outputs have one bit more."""

    kind: str
    outputs: tuple[str, ...]
    inputs: tuple[str, ...]


@dataclass(frozen=True)
class Placed:
    """One instance of a cell or module; ``bound`` holds bits by port, or by position where no ports are named."""

    kind: str
    name: str
    bound: Mapping[str, list[str]]


@dataclass
class Module:
    """One module: its ports in order, bits of its buses by name, and what stands in it."""

    name: str
    ports: list[str]
    inputs: dict[str, list[str]] = field(default_factory=dict)
    outputs: dict[str, list[str]] = field(default_factory=dict)
    wires: dict[str, list[str]] = field(default_factory=dict)
    gates: list[Gate] = field(default_factory=list)
    instances: list[Placed] = field(default_factory=list)
    signed: set[str] = field(default_factory=set)

    def bits(self, name: str) -> list[str]:
        """Bits of a declared name, least significant first; an undeclared name is a one-bit wire."""
        for table in (self.wires, self.inputs, self.outputs):
            if name in table:
                return Signed(table[name]) if name in self.signed else table[name]
        return self.wires.setdefault(name, [name])


class Parser(Expressions):
    """Recursive descent over tokens."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.module = Module("", [])
        self.name_bits = lambda name: self.module.bits(name)
        self.module_name = lambda: self.module.name
        self.place_gate = lambda kind, outputs, inputs: self.module.gates.append(Gate(kind, outputs, inputs))

    def modules(self) -> list[Module]:
        """All modules of the text."""
        found = []
        while self.place < len(self.tokens):
            self.expect("module")
            found.append(self.read_module())
        return found

    # Modules and statements.

    def read_module(self) -> Module:
        module = self.module = Module(self.name(), [])
        if self.peek() == "#":
            raise VerilogError(f"parameters of module {module.name}: {_ONLY}")
        if self.accept("("):
            while not self.accept(")"):
                if self.peek() in ("input", "output", "wire"):
                    self.declare(self.take(), ports=True)
                else:
                    self.port(self.name())
                self.accept(",")
        self.expect(";")
        while not self.accept("endmodule"):
            self.statement()
        return module

    def port(self, name: str) -> None:
        if name in self.module.ports:
            raise VerilogError(f"module {self.module.name} has two ports {name}")
        self.module.ports.append(name)

    def statement(self) -> None:
        word = self.take()
        if word in ("input", "output", "wire"):
            self.declare(word)
        elif word == "assign":
            self.assign()
        elif word in _PRIMITIVES:
            self.primitive(word)
        elif re.match(r"[A-Za-z_\\]", word) and word not in _BEHAVIOUR:
            self.instance(word.removeprefix("\\"))
        else:
            raise VerilogError(f"{word!r} in module {self.module.name}: {_ONLY}")

    def declare(self, direction: str, ports: bool = False) -> None:
        self.accept("wire")
        self.accept("logic")
        if self.peek() in _BEHAVIOUR:
            raise VerilogError(f"{self.peek()!r} in module {self.module.name}: {_ONLY}")
        signed = self.accept("signed")
        low, width = 0, None
        if self.accept("["):
            high = self.number()
            self.expect(":")
            low = self.number()
            self.expect("]")
            width = high - low + 1
            if not 0 < width <= LARGEST:
                raise VerilogError(f"[{high}:{low}] in module {self.module.name}: a bus has 1 to {LARGEST} bits, the "
                                   "highest first")
        while True:
            name = self.name()
            bits = [name] if width is None else [f"{name}[{low + k}]" for k in range(width)]
            tables = {"input": self.module.inputs, "output": self.module.outputs, "wire": self.module.wires}
            declared = name in self.module.inputs or name in self.module.outputs
            if declared and direction != "wire":
                raise VerilogError(f"module {self.module.name} declares port {name} twice")
            if not declared:
                tables[direction][name] = bits
            if signed:
                self.module.signed.add(name)
            if ports:
                self.port(name)
            if direction == "wire" and self.accept("="):
                self.drive(bits)
            if self.accept(";"):
                return
            if ports and (self.peek() == ")" or self.peek(1) in ("input", "output", "wire")):
                return
            self.expect(",")

    def assign(self) -> None:
        while True:
            target = self.target()
            self.expect("=")
            self.drive(target)
            if self.accept(";"):
                return
            self.expect(",")

    def drive(self, target: Sequence[str]) -> None:
        value = self.built(self.expression(), len(target))
        self.module.gates += [Gate("buf", (t,), (v,)) for t, v in zip(target, value, strict=True)]

    def primitive(self, kind: str) -> None:
        while True:
            if self.peek() != "(":
                self.take()  # the instance name
            self.expect("(")
            bits = self.built(self.expression(), 1)
            while self.accept(","):
                bits += self.built(self.expression(), 1)
            self.expect(")")
            wanted = {"not": 2, "buf": 2, "mux": 4}.get(kind)
            if len(bits) != wanted if wanted else len(bits) < 3:
                raise VerilogError(f"module {self.module.name}: {kind} of {len(bits)} bits")
            self.module.gates.append(Gate(kind, (bits[0],), tuple(bits[1:])))
            if self.accept(";"):
                return
            self.expect(",")

    def instance(self, kind: str) -> None:
        name = self.name()
        self.expect("(")
        bound: dict[str, list[str]] = {}
        while not self.accept(")"):
            if self.accept("."):
                port = self.name()
                if port in bound:
                    raise VerilogError(f"module {self.module.name}: {name} binds port {port} twice")
                self.expect("(")
                bound[port] = [] if self.peek() == ")" else self.built(self.expression())
                self.expect(")")
            else:
                bound[str(len(bound))] = self.built(self.expression())  # by position
            self.accept(",")
        self.expect(";")
        self.module.instances.append(Placed(kind, name, bound))
