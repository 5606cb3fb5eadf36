"""Floating-point division and square root by digit recurrence: one quotient bit per row, the remainder is the sticky.

Correctly rounded like the other circuits (Ercegovac and Lang, Division and Square Root, 1994: restoring recurrences
of radix 2). A row is a subtraction and a row of multiplexers that keep the old remainder where it was negative.
"""

from __future__ import annotations

from alu_library.circuits.adders import add as integer_add
from alu_library.circuits.adders import subtract
from alu_library.circuits.combinational import select
from alu_library.circuits.floating_parts import Unrounded, constant, exponent_width, extend, finish, normal, unpack
from alu_library.circuits.netlist import ONE, ZERO, Builder, Bus
from alu_library.formats import Format

__all__ = ["divide", "sqrt"]


def divide(b: Builder, format: Format, x: Bus, y: Bus, adder: str = "ripple_carry") -> Bus:
    """x / y, correctly rounded; a nonzero number over zero is infinity."""
    p, q = unpack(b, format, x), unpack(b, format, y)
    width = exponent_width(format)
    top, top_exponent = normal(b, format, p.significand, extend(p.exponent, width), adder)
    bottom, bottom_exponent = normal(b, format, q.significand, extend(q.exponent, width), adder)
    digits, remainder = _quotient(b, top, bottom, format.mantissa_bits + 3, adder)
    units = digits[-1]
    significand = select(b, units, [ZERO, *digits[:-1]], digits)
    exponent, _ = integer_add(b, adder, top_exponent, [b.not_(n) for n in bottom_exponent], units)
    exponent, _ = integer_add(b, adder, exponent, constant(format.bias - 1, width))
    nan = b.or_(p.nan, q.nan, b.and_(p.zero, q.zero), b.and_(p.infinity, q.infinity))
    zero, infinity = b.or_(p.zero, q.infinity), b.or_(p.infinity, q.zero)
    sign = b.xor(p.sign, q.sign)
    return finish(b, format, Unrounded(sign, exponent, significand, b.or_(*remainder), zero, infinity, nan))


def sqrt(b: Builder, format: Format, x: Bus, adder: str = "ripple_carry") -> Bus:
    """Square root, correctly rounded; of -0 it is -0, of other negative numbers NaN."""
    p = unpack(b, format, x)
    width = exponent_width(format)
    significand, exponent = normal(b, format, p.significand, extend(p.exponent, width), adder)
    odd = exponent[0]  # the bias is odd, so an odd field is an even exponent
    radicand = select(b, odd, [ZERO, *significand], [*significand, ZERO])
    root, remainder = _root(b, [ZERO] * (format.mantissa_bits + 2) + radicand, adder)
    exponent, _ = integer_add(
        b, adder, [*exponent[1:], exponent[-1]], constant((format.bias + 1) // 2 - 2, width), odd
    )
    nan = b.or_(p.nan, b.and_(p.sign, b.not_(p.zero)))
    sign = b.and_(p.sign, p.zero)
    result = Unrounded(sign, exponent, root, b.or_(*remainder), p.zero, p.infinity, nan)
    # A root is subnormal only where the smallest number lies more than its own exponent below the smallest normal one.
    return finish(b, format, result, denormalise=format.bias <= format.mantissa_bits)


def _quotient(b: Builder, top: Bus, bottom: Bus, digits: int, adder: str) -> tuple[Bus, Bus]:
    """Quotient bits of two significands in [1, 2), units digit on top, and the remainder."""
    remainder, divisor = [*top, ZERO], [*bottom, ZERO]
    quotient: Bus = []
    for _ in range(digits):
        difference, fits = subtract(b, adder, remainder, divisor)
        remainder = [ZERO, *select(b, fits, remainder, difference)[:-1]]
        quotient.append(fits)
    return quotient[::-1], remainder


def _root(b: Builder, radicand: Bus, adder: str) -> tuple[Bus, Bus]:
    """Integer square root of an even number of bits: two bits of the radicand and one of the root per row."""
    root: Bus = []
    remainder: Bus = []
    for k in range(len(radicand) - 2, -1, -2):
        remainder = [*radicand[k:k + 2], *remainder]
        trial = extend([ONE, ZERO, *root], len(remainder))
        difference, fits = subtract(b, adder, remainder, trial)
        root = [fits, *root]
        # After the row the remainder is at most twice the root, one bit more than the root has.
        remainder = select(b, fits, remainder, difference)[:len(root) + 1]
    return root, remainder
