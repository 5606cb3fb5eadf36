"""A parser for structural Verilog: text to modules of gates between named bits.

What is read, and what is refused, is said in :mod:`alu_library.circuits.verilog_reader`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from alu_library.circuits.verilog_tokens import LARGEST, Tokens, VerilogError, literal

__all__ = ["HIGH", "LOW", "Gate", "Module", "Parser", "Placed"]


_DEEPEST = 64
"""Parentheses, braces and conditions inside each other; written circuits have a handful."""
_PRIMITIVES = ("and", "or", "nand", "nor", "xor", "xnor", "not", "buf", "mux")
LOW, HIGH = "1'b0", "1'b1"
"""The constant bits."""


@dataclass(frozen=True)
class Gate:
    """One gate between named bits; ``kind`` is a cell, a primitive or ``add``, whose outputs have one bit more."""

    kind: str
    outputs: tuple[str, ...]
    inputs: tuple[str, ...]


class Signed(list[str]):
    """Bits of a number in two's complement, which Verilog extends by its sign."""


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


class Parser(Tokens):
    """Recursive descent over tokens; an expression is the list of its bits, least significant first."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.module = Module("", [])
        self.fresh = 0
        self.depth = 0

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
        elif re.match(r"[A-Za-z_\\]", word) and word not in ("always", "reg", "initial", "inout", "parameter"):
            self.instance(word.removeprefix("\\"))
        else:
            raise VerilogError(f"{word!r} in module {self.module.name}: only structure is read")

    def declare(self, direction: str, ports: bool = False) -> None:
        self.accept("wire")
        self.accept("logic")
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
                self.drive(bits, self.expression())
            if self.accept(";"):
                return
            if ports and (self.peek() == ")" or self.peek(1) in ("input", "output", "wire")):
                return
            self.expect(",")

    def assign(self) -> None:
        while True:
            target = self.primary()
            self.expect("=")
            self.drive(target, self.expression())
            if self.accept(";"):
                return
            self.expect(",")

    def drive(self, target: Sequence[str], value: Sequence[str]) -> None:
        if LOW in target or HIGH in target:
            raise VerilogError(f"module {self.module.name} drives a constant")
        padded = _extended(value, len(target))
        self.module.gates += [Gate("buf", (t,), (v,)) for t, v in zip(target, padded, strict=False)]

    def primitive(self, kind: str) -> None:
        while True:
            if self.peek() != "(":
                self.take()  # the instance name
            self.expect("(")
            bits = [self.expression()[0]]
            while self.accept(","):
                bits.append(self.expression()[0])
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
                bound[port] = [] if self.peek() == ")" else self.expression()
                self.expect(")")
            else:
                bound[str(len(bound))] = self.expression()  # by position
            self.accept(",")
        self.expect(";")
        self.module.instances.append(Placed(kind, name, bound))

    # Expressions.

    def expression(self) -> list[str]:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise VerilogError(f"an expression of module {self.module.name} nests deeper than {_DEEPEST}")
        bits = self.conditional()
        self.depth -= 1
        return bits

    def conditional(self) -> list[str]:
        condition = self.binary(0)
        if not self.accept("?"):
            return condition
        high = self.expression()
        self.expect(":")
        low = self.expression()
        return [self.gate("mux", condition[0], p, q) for p, q in _aligned(low, high)]

    def binary(self, level: int) -> list[str]:
        operators = ({"|": "or"}, {"^": "xor", "~^": "xnor", "^~": "xnor"}, {"&": "and"})
        if level == len(operators):
            return self.sum()
        left = self.binary(level + 1)
        while self.peek() in operators[level]:
            kind = operators[level][self.take()]
            left = [self.gate(kind, p, q) for p, q in _aligned(left, self.binary(level + 1))]
        return left

    def sum(self) -> list[str]:
        """Additions; a sum has one bit more than its terms, which whoever takes fewer bits drops."""
        left = self.unary()
        while self.accept("+"):
            right = self.unary()
            both = isinstance(left, Signed) and isinstance(right, Signed)
            width = max(len(left), len(right)) + both
            kind = Signed if both else list
            p, q = _extended(kind(left), width), _extended(kind(right), width)
            self.fresh += 1
            bits = tuple(f" {self.fresh}.{k}" for k in range(width + 1))
            self.module.gates.append(Gate("add", bits, (*p, *q)))
            left = kind(bits[:-1] if both else bits)
        return left

    def unary(self) -> list[str]:
        inversions = 0
        while self.peek() in ("~", "!"):
            self.take()
            inversions += 1
        bits = self.primary()
        for _ in range(inversions):
            bits = [self.gate("not", bit) for bit in bits]
        return bits

    def primary(self) -> list[str]:
        token = self.take()
        if token == "(":
            inner = self.expression()
            self.expect(")")
            return inner
        if token == "{":
            parts = [self.own_width()]
            while self.accept(","):
                parts.append(self.own_width())
            self.expect("}")
            return [bit for part in reversed(parts) for bit in part]
        if token[0].isdigit() or token[0] == "'":
            return [HIGH if bit else LOW for bit in literal(token)]
        if not re.match(r"[A-Za-z_\\]", token):
            raise VerilogError(f"{token!r:.40} in an expression of module {self.module.name}")
        return self.selected(self.module.bits(token.removeprefix("\\")), token.removeprefix("\\"))

    def own_width(self) -> list[str]:
        """An expression where nothing around it widens it: a sum has the width of its terms."""
        begun = self.fresh
        bits = self.expression()
        grown = len(bits) > 1 and bits[-1].startswith(" ") and "." in bits[-1] and int(bits[-1].split(".")[0]) > begun
        return bits[:-1] if grown else bits

    def selected(self, bits: list[str], name: str) -> list[str]:
        if not self.accept("["):
            return bits
        first = self.number()
        last = self.number() if self.accept(":") else first
        self.expect("]")
        labels = {bit: k for k, bit in enumerate(bits)}
        low, high = (labels.get(f"{name}[{k}]") for k in (last, first))
        if low is None or high is None or high < low:
            asked = f"{first}" if first == last else f"{first}:{last}"
            raise VerilogError(f"{name}[{asked}] in module {self.module.name}: no such bit")
        return bits[low:high + 1]

    def gate(self, kind: str, *inputs: str) -> str:
        self.fresh += 1
        bit = f" {self.fresh}"  # no identifier starts with a blank
        self.module.gates.append(Gate(kind, (bit,), inputs))
        return bit


def _aligned(left: list[str], right: list[str]) -> list[tuple[str, str]]:
    width = max(len(left), len(right))
    return list(zip(_extended(left, width), _extended(right, width), strict=True))


def _extended(bits: Sequence[str], width: int) -> list[str]:
    """Bits made at least ``width`` wide, by their sign where they have one."""
    fill = bits[-1] if isinstance(bits, Signed) else LOW
    return [*bits, *[fill] * (width - len(bits))]
