"""Expressions of Verilog: parsed to nodes that know their width and sign, then built as gates in the width asked for.

Widths and signs are those of the standard (IEEE 1800-2017, sections 11.6 and 11.8): what is assigned widens every
operand of ``+ - ~ & | ^ ?:`` before anything is computed, while operands of concatenations, reductions and comparisons
and conditions keep to themselves; an expression is signed where all its operands are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from alu_library.circuits.verilog_tokens import Tokens, VerilogError, literal

__all__ = ["HIGH", "LOW", "Expressions", "Node", "Signed", "extended"]

LOW, HIGH = "1'b0", "1'b1"
"""The constant bits."""

_DEEPEST = 64
"""Parentheses, braces and conditions inside each other; written circuits have a handful."""
_LEVELS: tuple[dict[str, str], ...] = (
    {"||": "either"}, {"&&": "both"}, {"|": "or"}, {"^": "xor", "~^": "xnor", "^~": "xnor"}, {"&": "and"},
    {"==": "equal", "!=": "differ"}, {"+": "add", "-": "subtract"})
_REDUCTIONS = {"&": ("and", False), "|": ("or", False), "^": ("xor", False), "~&": ("and", True), "~|": ("or", True),
               "~^": ("xor", True), "^~": ("xor", True), "!": ("or", True)}
_BEHAVIOUR = ("*", "/", "%", "<<", ">>", "<<<", ">>>", "<", ">", "<=", ">=", "**")


class Signed(list[str]):
    """Bits of a number in two's complement, which Verilog extends by its sign."""


@dataclass(frozen=True)
class Node:
    """An expression: what it does to its parts, or plain ``bits``; its own width and whether it is signed."""

    kind: str
    parts: tuple[Node, ...]
    width: int
    signed: bool
    bits: tuple[str, ...] = ()


class Expressions(Tokens):
    """Recursive descent over expressions. ``place`` is told of every gate, ``name_bits`` gives the bits of a name."""

    place_gate: Callable[[str, tuple[str, ...], tuple[str, ...]], None]
    name_bits: Callable[[str], list[str]]
    module_name: Callable[[], str]

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.fresh = 0
        self.depth = 0
        self.made: dict[tuple[str, ...], str] = {}

    # Parsing.

    def expression(self) -> Node:
        """An expression up to whatever ends it."""
        self.depth += 1
        if self.depth > _DEEPEST:
            raise VerilogError(f"an expression of module {self.module_name()} nests deeper than {_DEEPEST}")
        node = self._binary(0)
        if self.accept("?"):
            high = self.expression()
            self.expect(":")
            low = self.expression()
            node = Node("choose", (node, low, high), max(low.width, high.width), low.signed and high.signed)
        if self.peek() in _BEHAVIOUR:
            raise VerilogError(f"{self.peek()!r} in an expression of module {self.module_name()}: only structure and "
                               "sums are read; synthesis makes gates of the rest (yosys: synth; write_verilog)")
        self.depth -= 1
        return node

    def _binary(self, level: int) -> Node:
        if level == len(_LEVELS):
            return self._unary()
        left = self._binary(level + 1)
        while self.peek() in _LEVELS[level]:
            kind = _LEVELS[level][self.take()]
            right = self._binary(level + 1)
            signed = left.signed and right.signed
            alone = kind in ("either", "both", "equal", "differ")
            left = Node(kind, (left, right), 1 if alone else max(left.width, right.width), signed and not alone)
        return left

    def _unary(self) -> Node:
        operators = []
        while self.peek() in ("~", "-", "+", *_REDUCTIONS):
            operators.append(self.take())
        node = self._primary()
        deep = 0
        for operator in reversed(operators):
            if (operator == "~" and node.kind == "not") or operator == node.kind == "!" == node.parts[0].kind:
                node, deep = node.parts[0], deep - 1  # twice inverted is as it was; a truth value is, from the third on
            elif operator != "+":
                node, deep = _applied(operator, node), deep + 1
        if deep > _DEEPEST:
            raise VerilogError(f"an expression of module {self.module_name()} nests deeper than {_DEEPEST}")
        return node

    def _primary(self) -> Node:
        token = self.peek()
        if token == "(":
            self.take()
            inner = self.expression()
            self.expect(")")
            return inner
        if token == "{":
            bits = self._concatenated()
            return Node("bits", (), len(bits), False, tuple(bits))
        if token[0].isdigit() or token[0] == "'":
            values, signed = literal(self.take())
            return Node("bits", (), len(values), signed, tuple(HIGH if bit else LOW for bit in values))
        bits = self.selected()
        return Node("bits", (), len(bits), isinstance(bits, Signed), tuple(bits))

    def _concatenated(self) -> list[str]:
        self.expect("{")
        times = None
        if self.peek(1) == "{":
            times = self.number()
            self.expect("{")
        parts = [self._alone(self.expression())]
        while self.accept(","):
            parts.append(self._alone(self.expression()))
        self.expect("}")
        if times is not None:
            self.expect("}")
        bits = [bit for part in reversed(parts) for bit in part]
        if times is not None and not 0 < times * len(bits) <= 1 << 16:
            raise VerilogError(f"{{{times}{{...}}}} in module {self.module_name()}: up to {1 << 16} bits are read")
        return bits * (1 if times is None else times)

    def target(self) -> list[str]:
        """What an assignment drives: a name, some of its bits, or a concatenation of these."""
        if self.peek()[0].isdigit() or self.peek()[0] == "'":
            raise VerilogError(f"module {self.module_name()} drives a constant")
        if not self.accept("{"):
            return self.selected()
        parts = [self.target()]
        while self.accept(","):
            parts.append(self.target())
        self.expect("}")
        return [bit for part in reversed(parts) for bit in part]

    def selected(self) -> list[str]:
        """The bits of a name, or some of them, which have no sign."""
        token = self.take()
        if not re.match(r"[A-Za-z_\\]", token):
            raise VerilogError(f"{token!r:.40} in an expression of module {self.module_name()}")
        name = token.removeprefix("\\")
        bits = self.name_bits(name)
        if not self.accept("["):
            return bits
        first = self.number()
        last = self.number() if self.accept(":") else first
        self.expect("]")
        labels = {bit: k for k, bit in enumerate(bits)}
        low, high = (labels.get(f"{name}[{k}]") for k in (last, first))
        if low is None or high is None or high < low:
            asked = f"{first}" if first == last else f"{first}:{last}"
            raise VerilogError(f"{name}[{asked}] in module {self.module_name()}: no such bit")
        return list(bits[low:high + 1])

    # Building: bits, least significant first.

    def built(self, node: Node, width: int | None = None) -> list[str]:
        """The low ``width`` bits of an expression that is assigned to so many (default: its own width)."""
        self.made = {}  # gates are shared within one statement only: text that says something twice has it twice
        bits = self._bits(node, node.width if width is None else width, node.signed)
        return Signed(bits) if node.signed else bits

    def _alone(self, node: Node) -> list[str]:
        return self._bits(node, node.width, node.signed)

    def _bits(self, node: Node, width: int, signed: bool) -> list[str]:
        if node.kind == "bits":
            return extended(Signed(node.bits) if signed else list(node.bits), width)[:width]
        if node.kind in _REDUCTIONS or node.kind in ("either", "both", "equal", "differ"):
            return [self._one_bit(node), *[LOW] * (width - 1)][:width]
        if node.kind == "choose":
            condition = self._any(node.parts[0])
            low, high = (self._bits(part, width, signed) for part in node.parts[1:])
            return [self._gate("mux", condition, p, q) for p, q in zip(low, high, strict=True)]
        parts = [self._bits(part, width, signed) for part in node.parts]
        if node.kind == "add":
            return self._sum(parts[0], parts[1], LOW)
        if node.kind == "subtract":
            return self._sum(parts[0], [self._gate("not", bit) for bit in parts[1]], HIGH)
        return [self._gate(node.kind, *bits) for bits in zip(*parts, strict=True)]

    def _one_bit(self, node: Node) -> str:
        if node.kind in _REDUCTIONS:
            kind, inverted = _REDUCTIONS[node.kind]
            bit = self._tree(kind, self._alone(node.parts[0]))
            return self._gate("not", bit) if inverted else bit
        if node.kind in ("either", "both"):
            return self._gate("or" if node.kind == "either" else "and", *map(self._any, node.parts))
        width, signed = max(part.width for part in node.parts), all(part.signed for part in node.parts)
        left, right = (self._bits(part, width, signed) for part in node.parts)
        differ = self._tree("or", [self._gate("xor", p, q) for p, q in zip(left, right, strict=True)])
        return differ if node.kind == "differ" else self._gate("not", differ)

    def _any(self, node: Node) -> str:
        return self._tree("or", self._alone(node))

    def _tree(self, kind: str, bits: Sequence[str]) -> str:
        return bits[0] if len(bits) == 1 else self._gate(kind, *bits)

    def _gate(self, kind: str, *inputs: str) -> str:
        if kind == "not" and inputs[0] in (LOW, HIGH):
            return LOW if inputs[0] == HIGH else HIGH
        known = self.made.get((kind, *inputs))
        if known is None:
            known = self.made[kind, *inputs] = self._new()
            self.place_gate(kind, (known,), inputs)
        return known

    def _new(self) -> str:
        self.fresh += 1
        return f" {self.fresh}"  # no identifier starts with a blank

    def _sum(self, p: list[str], q: list[str], carry: str) -> list[str]:
        """p + q + carry, by an adder no longer than what is not mere extension."""
        width = len(p)
        if p[-1] == q[-1] == LOW:  # numbers without a sign: the carry is the last bit that can be set
            length = min(width, max(map(_significant, (p, q))))
            bits = self._adder(p[:length], q[:length], carry)
            return [*bits, *[LOW] * (width - len(bits))][:width]
        length = min(width, max(map(_significant, (p, q))) + 2)
        bits = self._adder(p[:length], q[:length], carry)[:-1]
        return [*bits, *[bits[-1]] * (width - length)]

    def _adder(self, p: list[str], q: list[str], carry: str) -> list[str]:
        bits = tuple(self._new() for _ in range(len(p) + 1))
        if p:
            self.place_gate("add", bits, (*p, *q, carry))
        return list(bits) if p else [carry]


def _applied(operator: str, of: Node) -> Node:
    if operator in _REDUCTIONS:
        return Node(operator, (of,), 1, False)
    if operator == "~":
        return Node("not", (of,), of.width, of.signed)
    zero = Node("bits", (), of.width, of.signed, (LOW,) * of.width)
    return Node("subtract", (zero, of), of.width, of.signed)


def _significant(bits: Sequence[str]) -> int:
    """How many bits stand before the run of equal ones at the end."""
    return next((k + 1 for k in reversed(range(len(bits))) if bits[k] != bits[-1]), 0)


def extended(bits: Sequence[str], width: int) -> list[str]:
    """Bits made at least ``width`` wide, by their sign where they have one."""
    fill = bits[-1] if isinstance(bits, Signed) else LOW
    return [*bits, *[fill] * (width - len(bits))]
