"""Adders as generators over a builder.

Every adder has one signature: ``(builder, x, y, carry) -> (sum, carry out)`` for two buses of one width, and takes its
place in larger circuits that way. :func:`adder` and :func:`subtractor` wrap one into a netlist of its own.

>>> adder("ripple_carry", 8).transistors("textbook"), adder("ripple_carry", 32).transistors("textbook")
(210, 882)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from alu_library.circuits.netlist import ONE, ZERO, Builder, Bus, Net, Netlist

__all__ = [
    "ADDERS", "Adder", "add", "adder", "brent_kung", "carry_lookahead", "carry_select", "increment", "kogge_stone",
    "negate_if", "ripple_carry", "subtract", "subtractor",
]

Adder: TypeAlias = Callable[[Builder, Bus, Bus, Net], tuple[Bus, Net]]
"""Sum (as wide as the operands) and carry out of ``x + y + carry``."""

_GROUP = 4  # bits per lookahead group and per carry-select block


def ripple_carry(b: Builder, x: Bus, y: Bus, carry: Net = ZERO) -> tuple[Bus, Net]:
    """A full adder per bit, the carry handed from one to the next: O(n) cells and depth."""
    total = []
    for p, q in zip(x, y, strict=True):
        bit, carry = b.full_adder(p, q, carry)
        total.append(bit)
    return total, carry


def carry_lookahead(b: Builder, x: Bus, y: Bus, carry: Net = ZERO) -> tuple[Bus, Net]:
    """Groups of four bits whose carries are sums of products of generate and propagate; between groups the carry
    passes one AND-OR cell (Weinberger and Smith 1958; Weste and Harris, section 11.2.2.5)."""
    total: Bus = []
    for start in range(0, len(x), _GROUP):
        pairs = [b.half_adder(p, q) for p, q in zip(x[start:start + _GROUP], y[start:start + _GROUP], strict=True)]
        into = carry
        for k, (propagate, _) in enumerate(pairs):
            total.append(b.xor(propagate, carry))
            carry = _lookahead(b, pairs[:k + 1], into)
    return total, carry


def _lookahead(b: Builder, pairs: list[tuple[Net, Net]], carry: Net) -> Net:
    """The carry out of a run of (propagate, generate) pairs."""
    propagates = [p for p, _ in pairs]
    products = [b.and_(g, *propagates[j + 1:]) for j, (_, g) in enumerate(pairs)]
    through = ZERO if carry == ZERO else b.and_(*propagates)
    return b.ao21(through, carry, b.or_(*products))


def carry_select(b: Builder, x: Bus, y: Bus, carry: Net = ZERO) -> tuple[Bus, Net]:
    """Blocks of four bits added for both carries, the right sum selected when the carry arrives (Bedrij 1962)."""
    total, carry = ripple_carry(b, x[:_GROUP], y[:_GROUP], carry)
    for start in range(_GROUP, len(x), _GROUP):
        block = x[start:start + _GROUP], y[start:start + _GROUP]
        without, carry_without = ripple_carry(b, *block, ZERO)
        with_one, carry_with = ripple_carry(b, *block, ONE)
        total += [b.mux(carry, low, high) for low, high in zip(without, with_one, strict=True)]
        # A block that carries without a carry in carries with one: AND-OR does for a multiplexer.
        carry = b.ao21(carry, carry_with, carry_without)
    return total, carry


def kogge_stone(b: Builder, x: Bus, y: Bus, carry: Net = ZERO) -> tuple[Bus, Net]:
    """Parallel prefix with the fewest levels and fan-out two: O(n log n) cells (Kogge and Stone 1973)."""
    def spans(width: int) -> list[list[tuple[int, int]]]:
        distances = [1 << k for k in range((width - 1).bit_length())]
        return [[(k, k - d) for k in range(d, width)] for d in distances]
    return _prefix(b, x, y, carry, spans(len(x)))


def brent_kung(b: Builder, x: Bus, y: Bus, carry: Net = ZERO) -> tuple[Bus, Net]:
    """Parallel prefix as a tree up and a tree down: O(n) cells, 2 log n levels (Brent and Kung 1982)."""
    def spans(width: int) -> list[list[tuple[int, int]]]:
        distances = [1 << k for k in range((width - 1).bit_length())]
        up = [[(k, k - d) for k in range(2 * d - 1, width, 2 * d)] for d in distances]
        down = [[(k, k - d) for k in range(3 * d - 1, width, 2 * d)] for d in reversed(distances)]
        return up + down
    return _prefix(b, x, y, carry, spans(len(x)))


def _prefix(b: Builder, x: Bus, y: Bus, carry: Net, levels: list[list[tuple[int, int]]]) -> tuple[Bus, Net]:
    """A parallel prefix adder: on each level, pairs (k, j) merge the span that ends at bit k with the one at bit j."""
    pairs = [b.half_adder(p, q) for p, q in zip(x, y, strict=True)]
    propagate, generate = [p for p, _ in pairs], [g for _, g in pairs]
    half_sums = list(propagate)
    # A span that reaches bit 0 takes the carry in with it and propagates nothing.
    generate[0], propagate[0] = b.ao21(propagate[0], carry, generate[0]), ZERO
    for level in levels:
        merged = [(k, b.ao21(propagate[k], generate[j], generate[k]), b.and_(propagate[k], propagate[j]))
                  for k, j in level]
        for k, g, p in merged:
            generate[k], propagate[k] = g, p
    carries = [carry, *generate]
    return [b.xor(p, c) for p, c in zip(half_sums, carries, strict=False)], carries[-1]


ADDERS: Mapping[str, Adder] = {
    "ripple_carry": ripple_carry, "carry_lookahead": carry_lookahead, "carry_select": carry_select,
    "kogge_stone": kogge_stone, "brent_kung": brent_kung,
}
"""Adders by name."""


def add(b: Builder, kind: str, x: Bus, y: Bus, carry: Net = ZERO) -> tuple[Bus, Net]:
    """``x + y + carry`` with the named adder; ValueError for a name that is not in :data:`ADDERS`."""
    if kind not in ADDERS:
        raise ValueError(f"unknown adder {kind!r}: use one of {', '.join(ADDERS)}")
    return ADDERS[kind](b, x, y, carry)


def subtract(b: Builder, kind: str, x: Bus, y: Bus) -> tuple[Bus, Net]:
    """``x - y`` modulo 2**width, and 1 where nothing had to be borrowed (x >= y, unsigned)."""
    return add(b, kind, x, [b.not_(n) for n in y], ONE)


def increment(b: Builder, x: Bus, carry: Net = ONE) -> tuple[Bus, Net]:
    """``x + carry`` for a carry bit, with a half adder per bit."""
    return ripple_carry(b, x, [ZERO] * len(x), carry)


def negate_if(b: Builder, x: Bus, negative: Net) -> Bus:
    """``-x`` modulo 2**width where ``negative`` is 1, else ``x``."""
    return increment(b, [b.xor(n, negative) for n in x], negative)[0]


def adder(kind: str, width: int, signed: bool = False, full_adder_style: int = 28) -> Netlist:
    """A netlist that adds ``a`` and ``b`` of ``width`` bits to ``sum`` of ``width + 1`` bits, which never overflows."""
    b = Builder(f"adder_{kind}_{width}{'_signed' if signed else ''}", full_adder_style)
    x, y = b.input("a", width), b.input("b", width)
    total, carry = add(b, kind, x, y)
    b.output("sum", [*total, b.xor(x[-1], y[-1], carry) if signed else carry])
    return b.build()


def subtractor(kind: str, width: int, signed: bool = False, full_adder_style: int = 28) -> Netlist:
    """A netlist that subtracts ``b`` from ``a``: ``difference`` of ``width + 1`` bits in two's complement."""
    b = Builder(f"subtractor_{kind}_{width}{'_signed' if signed else ''}", full_adder_style)
    x, y = b.input("a", width), b.input("b", width)
    total, no_borrow = subtract(b, kind, x, y)
    sign = b.xor(x[-1], b.not_(y[-1]), no_borrow) if signed else b.not_(no_borrow)
    b.output("difference", [*total, sign])
    return b.build()
