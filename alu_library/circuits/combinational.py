"""Circuits around the arithmetic: multiplexers, shifters, leading-zero counters, comparators.

The functions with a builder as their first argument are pieces for larger circuits; the functions at the end wrap them
into netlists of their own.
"""

from __future__ import annotations

from collections.abc import Sequence

from alu_library.circuits.netlist import ZERO, Builder, Bus, Net, Netlist

__all__ = [
    "comparator", "equal", "leading_zero_counter", "leading_zeros", "less_than", "maximum", "multiplexer", "select",
    "shift_left", "shift_right", "shift_right_sticky", "shifter",
]


def select(b: Builder, which: Net, low: Sequence[Net], high: Sequence[Net]) -> Bus:
    """``high`` where ``which`` is 1, else ``low``, over a word."""
    return [b.mux(which, p, q) for p, q in zip(low, high, strict=True)]


def shift_left(b: Builder, x: Bus, amount: Bus) -> Bus:
    """``x << amount`` in the width of ``x``: a barrel shifter, one row of multiplexers per bit of the amount."""
    for k, bit in enumerate(amount):
        distance = min(1 << k, len(x))
        x = select(b, bit, x, [ZERO] * distance + x[:len(x) - distance])
    return x


def shift_right(b: Builder, x: Bus, amount: Bus, fill: Net = ZERO) -> Bus:
    """``x >> amount``: a barrel shifter that shifts ``fill`` in at the top (the sign for an arithmetic shift)."""
    for k, bit in enumerate(amount):
        distance = min(1 << k, len(x))
        x = select(b, bit, x, x[distance:] + [fill] * distance)
    return x


def shift_right_sticky(b: Builder, x: Bus, amount: Bus) -> tuple[Bus, Net]:
    """``x >> amount``, and 1 if any bit that was shifted out is 1: what rounding needs to know of the lost bits."""
    sticky = ZERO
    for k, bit in enumerate(amount):
        distance = min(1 << k, len(x))
        sticky = b.or_(sticky, b.and_(bit, b.or_(*x[:distance])))
        x = select(b, bit, x, x[distance:] + [ZERO] * distance)
    return x, sticky


def leading_zeros(b: Builder, x: Bus) -> tuple[Bus, Net]:
    """How many zeros stand above the highest 1 (as many bits as the width needs), and whether there is no 1 at all,
    in which case every bit of the count is 1. A tree that merges halves (Oklobdzija 1994)."""
    padding = (1 << (len(x) - 1).bit_length()) - len(x)
    layer: list[tuple[Bus, Net]] = [([], b.not_(n)) for n in reversed([ZERO] * padding + x)]
    while len(layer) > 1:
        layer = [_merge(b, high, low) for high, low in zip(layer[::2], layer[1::2], strict=True)]
    return layer[0]


def _merge(b: Builder, high: tuple[Bus, Net], low: tuple[Bus, Net]) -> tuple[Bus, Net]:
    """Zeros of two halves: those of the low half count where the high half has no 1."""
    return [*select(b, high[1], high[0], low[0]), high[1]], b.and_(high[1], low[1])


def equal(b: Builder, x: Bus, y: Bus) -> Net:
    """``x == y``."""
    return b.and_(*[b.xnor(p, q) for p, q in zip(x, y, strict=True)])


def less_than(b: Builder, x: Bus, y: Bus, signed: bool = False) -> Net:
    """``x < y``: a tree over (less, equal) pairs, the more significant half deciding unless it is equal."""
    if signed:  # in two's complement the sign bit weighs the other way
        x, y = [*x[:-1], y[-1]], [*y[:-1], x[-1]]
    layer = [(b.and_(b.not_(p), q), b.xnor(p, q)) for p, q in zip(x, y, strict=True)]
    while len(layer) > 1:
        merged = [(b.ao21(high[1], low[0], high[0]), b.and_(high[1], low[1]))
                  for low, high in zip(layer[::2], layer[1::2], strict=False)]
        layer = merged + layer[len(merged) * 2:]
    return layer[0][0]


def shifter(width: int, kind: str = "left") -> Netlist:
    """A barrel shifter netlist: ``a`` by ``amount`` to ``y``; ``kind`` is left, right (logical) or arithmetic."""
    b = Builder(f"shifter_{kind}_{width}")
    x, amount = b.input("a", width), b.input("amount", max(1, (width - 1).bit_length()))
    if kind == "left":
        b.output("y", shift_left(b, x, amount))
    elif kind in ("right", "arithmetic"):
        b.output("y", shift_right(b, x, amount, fill=x[-1] if kind == "arithmetic" else ZERO))
    else:
        raise ValueError(f"unknown shifter {kind!r}: use left, right or arithmetic")
    return b.build()


def leading_zero_counter(width: int) -> Netlist:
    """A netlist that counts the leading zeros of ``a`` to ``count``, with ``empty`` where ``a`` is 0."""
    b = Builder(f"leading_zero_counter_{width}")
    count, empty = leading_zeros(b, b.input("a", width))
    b.output("count", count)
    b.output("empty", [empty])
    return b.build()


def comparator(width: int, signed: bool = False) -> Netlist:
    """A netlist with ``less`` (a < b) and ``equal`` (a == b)."""
    b = Builder(f"comparator_{width}{'_signed' if signed else ''}")
    x, y = b.input("a", width), b.input("b", width)
    b.output("less", [less_than(b, x, y, signed)])
    b.output("equal", [equal(b, x, y)])
    return b.build()


def maximum(width: int, signed: bool = False) -> Netlist:
    """A netlist for ``y``, the larger of ``a`` and ``b``: a comparison that selects one of its operands."""
    b = Builder(f"maximum_{width}{'_signed' if signed else ''}")
    x, y = b.input("a", width), b.input("b", width)
    b.output("y", select(b, less_than(b, x, y, signed), x, y))
    return b.build()


def multiplexer(width: int) -> Netlist:
    """A netlist for ``y = select ? b : a`` over words."""
    b = Builder(f"multiplexer_{width}")
    x, y, which = b.input("a", width), b.input("b", width), b.input("select", 1)
    b.output("y", select(b, which[0], x, y))
    return b.build()
