"""Array dividers: one row of subtractors per quotient bit, with the remainder that rounding needs.

A row brings down the next dividend bit, subtracts the divisor and keeps the difference if it is not negative
(restoring), or subtracts or adds by the sign of what is there and repairs the remainder at the end (non-restoring;
Ercegovac and Lang, Digital Arithmetic, chapter 5).

Division by zero gives a quotient of ones and the dividend as remainder, as RISC-V's instructions do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from alu_library.circuits.adders import negate_if, ripple_carry
from alu_library.circuits.combinational import select
from alu_library.circuits.netlist import ONE, ZERO, Builder, Bus, Net, Netlist

__all__ = ["DIVIDERS", "divide", "divider", "non_restoring", "restoring", "subtract_if_fits"]


def restoring(b: Builder, dividend: Bus, divisor: Bus, remainder: Sequence[Net] = ()) -> tuple[Bus, Bus]:
    """``(quotient, remainder)`` of unsigned buses: as many quotient bits as the dividend has, as many remainder bits
    as the divisor. A partial ``remainder`` to start from must be less than the divisor; the dividend's bits follow it.
    """
    inverted = [b.not_(n) for n in divisor]
    rest = list(remainder)
    quotient = []
    for bit in reversed(dividend):
        rest, fits = subtract_if_fits(b, [bit, *rest], inverted)
        quotient.append(fits)
    return quotient[::-1], [*rest, *[ZERO] * (len(divisor) - len(rest))]


def subtract_if_fits(b: Builder, rest: Bus, inverted: Bus) -> tuple[Bus, Net]:
    """One row: ``rest`` less a number given by its complement if that fits, and whether it does. Where one is longer
    than the other only the borrow is needed."""
    width = min(len(rest), len(inverted))
    difference, carry = ripple_carry(b, rest[:width], inverted[:width], ONE)
    fits = b.or_(b.and_(carry, *inverted[width:]), *rest[width:])
    return select(b, fits, rest[:width], difference), fits


def non_restoring(b: Builder, dividend: Bus, divisor: Bus, remainder: Sequence[Net] = ()) -> tuple[Bus, Bus]:
    """As :func:`restoring`, with an adder-subtractor per row instead of a subtractor and a multiplexer."""
    width = len(divisor) + 1  # the partial remainder has a sign
    wide = [*divisor, ZERO]
    rest = [*remainder, *[ZERO] * (width - len(remainder))]
    subtracting = ONE
    quotient = []
    for bit in reversed(dividend):
        operand = [b.xor(n, subtracting) for n in wide]
        rest, _ = ripple_carry(b, [bit, *rest[:-1]], operand, subtracting)
        subtracting = b.not_(rest[-1])
        quotient.append(subtracting)
    repair = [b.and_(n, rest[-1]) for n in divisor]
    return quotient[::-1], ripple_carry(b, rest[:-1], repair)[0]


DIVIDERS: Mapping[str, Callable[..., tuple[Bus, Bus]]] = {"restoring": restoring, "non_restoring": non_restoring}
"""Dividers by name."""


def divide(b: Builder, kind: str, x: Bus, y: Bus, signed: bool = False) -> tuple[Bus, Bus]:
    """``(quotient, remainder)`` of ``x / y``, truncated towards zero, the remainder with the sign of ``x``; ValueError
    for an unknown kind. The one signed quotient that does not fit wraps around."""
    if kind not in DIVIDERS:
        raise ValueError(f"unknown divider {kind!r}: use one of {', '.join(DIVIDERS)}")
    if not signed:
        return DIVIDERS[kind](b, x, y)
    quotient, remainder = DIVIDERS[kind](b, negate_if(b, x, x[-1]), negate_if(b, y, y[-1]))
    return negate_if(b, quotient, b.xor(x[-1], y[-1])), negate_if(b, remainder, x[-1])


def divider(kind: str, width: int, signed: bool = False, full_adder_style: int = 28) -> Netlist:
    """A netlist that divides ``a`` by ``b``: ``quotient`` and ``remainder``, all of ``width`` bits."""
    b = Builder(f"divider_{kind}_{width}{'_signed' if signed else ''}", full_adder_style)
    quotient, remainder = divide(b, kind, b.input("a", width), b.input("b", width), signed)
    b.output("quotient", quotient)
    b.output("remainder", remainder)
    return b.build()
