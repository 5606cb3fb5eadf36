"""A parser for structural Verilog: text to modules of gates between named bits.

What is read, and what is refused, is said in :mod:`alu_library.circuits.verilog_reader`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

__all__ = ["HIGH", "LOW", "Gate", "Module", "Parser", "Placed", "VerilogError"]


_PRIMITIVES = ("and", "or", "nand", "nor", "xor", "xnor", "not", "buf", "mux")
_TOKEN = re.compile(r"\\\S+|[A-Za-z_][\w$]*|\d*\s*'\s*[bhdBHD][\da-fA-F_]+|\d+|~\^|\^~|\S")
_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/|\(\*[^)]*?\*\)", re.DOTALL)
LOW, HIGH = "1'b0", "1'b1"
"""The constant bits."""


class VerilogError(ValueError):
    """The text is not structural Verilog as far as it is read here."""


@dataclass(frozen=True)
class Gate:
    """One gate between named bits; ``kind`` is a cell, a module or a primitive."""

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

    def bits(self, name: str) -> list[str]:
        """Bits of a declared name, least significant first; an undeclared name is a one-bit wire."""
        for table in (self.wires, self.inputs, self.outputs):
            if name in table:
                return table[name]
        return self.wires.setdefault(name, [name])


class Parser:
    """Recursive descent over tokens; an expression is the list of its bits, least significant first."""

    def __init__(self, text: str) -> None:
        self.tokens: list[str] = _TOKEN.findall(_COMMENT.sub(" ", text))
        self.place = 0
        self.module = Module("", [])
        self.fresh = 0

    def modules(self) -> list[Module]:
        """All modules of the text."""
        found = []
        while self.place < len(self.tokens):
            self.expect("module")
            found.append(self.read_module())
        return found

    # Tokens.

    def peek(self) -> str:
        if self.place >= len(self.tokens):
            raise VerilogError("the text ends inside a module")
        return self.tokens[self.place]

    def take(self) -> str:
        token = self.peek()
        self.place += 1
        return token

    def accept(self, token: str) -> bool:
        if self.peek() != token:
            return False
        self.place += 1
        return True

    def expect(self, token: str) -> None:
        if not self.accept(token):
            around = " ".join(self.tokens[max(0, self.place - 4):self.place + 4])
            raise VerilogError(f"expected {token!r}, found {self.peek()!r} in: {around}")

    # Modules and statements.

    def read_module(self) -> Module:
        module = self.module = Module(self.take().lstrip("\\"), [])
        if self.accept("("):
            while not self.accept(")"):
                if self.peek() in ("input", "output", "wire"):
                    self.declare(self.take(), ports=True)
                else:
                    module.ports.append(self.take().lstrip("\\"))
                self.accept(",")
        self.expect(";")
        while not self.accept("endmodule"):
            self.statement()
        return module

    def statement(self) -> None:
        word = self.take()
        if word in ("input", "output", "wire"):
            self.declare(word)
        elif word == "assign":
            self.assign()
        elif word in _PRIMITIVES:
            self.primitive(word)
        elif re.match(r"[A-Za-z_\\]", word) and word not in ("always", "reg", "initial", "inout", "parameter"):
            self.instance(word.lstrip("\\"))
        else:
            raise VerilogError(f"{word!r} in module {self.module.name}: only structure is read")

    def declare(self, direction: str, ports: bool = False) -> None:
        self.accept("wire")
        low, width = 0, None
        if self.accept("["):
            high = int(self.take())
            self.expect(":")
            low = int(self.take())
            self.expect("]")
            width = high - low + 1
        while True:
            name = self.take().lstrip("\\")
            bits = [name] if width is None else [f"{name}[{low + k}]" for k in range(width)]
            tables = {"input": self.module.inputs, "output": self.module.outputs, "wire": self.module.wires}
            if direction != "wire" or name not in {**self.module.inputs, **self.module.outputs}:
                tables[direction][name] = bits
            if ports:
                self.module.ports.append(name)
            if direction == "wire" and self.accept("="):
                self.drive(bits, self.expression())
            if self.accept(";"):
                return
            if ports and (self.peek() == ")" or self.tokens[self.place + 1] in ("input", "output", "wire")):
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
        padded = [*value, *[LOW] * (len(target) - len(value))]
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
            self.module.gates.append(Gate(kind, (bits[0],), tuple(bits[1:])))
            if self.accept(";"):
                return
            self.expect(",")

    def instance(self, kind: str) -> None:
        name = self.take().lstrip("\\")
        self.expect("(")
        bound: dict[str, list[str]] = {}
        while not self.accept(")"):
            if self.accept("."):
                port = self.take().lstrip("\\")
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
            return self.unary()
        left = self.binary(level + 1)
        while self.peek() in operators[level]:
            kind = operators[level][self.take()]
            left = [self.gate(kind, p, q) for p, q in _aligned(left, self.binary(level + 1))]
        return left

    def unary(self) -> list[str]:
        if self.peek() in ("~", "!"):
            self.take()
            return [self.gate("not", bit) for bit in self.unary()]
        return self.primary()

    def primary(self) -> list[str]:
        token = self.take()
        if token == "(":
            inner = self.expression()
            self.expect(")")
            return inner
        if token == "{":
            parts = [self.expression()]
            while self.accept(","):
                parts.append(self.expression())
            self.expect("}")
            return [bit for part in reversed(parts) for bit in part]
        if token[0].isdigit() or token[0] == "'":
            return _literal(token)
        if not re.match(r"[A-Za-z_\\]", token):
            raise VerilogError(f"{token!r} in an expression of module {self.module.name}")
        return self.selected(self.module.bits(token.lstrip("\\")), token)

    def selected(self, bits: list[str], name: str) -> list[str]:
        if not self.accept("["):
            return bits
        first = int(self.take())
        last = int(self.take()) if self.accept(":") else first
        self.expect("]")
        labels = {bit: k for k, bit in enumerate(bits)}
        low = labels.get(f"{name.lstrip(chr(92))}[{last}]")
        if low is None:
            raise VerilogError(f"{name}[{last}] in module {self.module.name}: no such bit")
        return bits[low:low + first - last + 1]

    def gate(self, kind: str, *inputs: str) -> str:
        self.fresh += 1
        bit = f" {self.fresh}"  # no identifier starts with a blank
        self.module.gates.append(Gate(kind, (bit,), inputs))
        return bit


def _aligned(left: list[str], right: list[str]) -> list[tuple[str, str]]:
    width = max(len(left), len(right))
    return [(p, q) for p, q in zip(*([*bits, *[LOW] * (width - len(bits))] for bits in (left, right)), strict=True)]


def _literal(token: str) -> list[str]:
    size, quote, rest = token.replace(" ", "").replace("_", "").partition("'")
    value = int(rest[1:], {"b": 2, "h": 16, "d": 10}[rest[0].lower()]) if quote else int(size)
    width = int(size) if quote and size else max(1, value.bit_length())
    return [HIGH if value >> k & 1 else LOW for k in range(width)]
