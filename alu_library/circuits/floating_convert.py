"""Conversions: float to float, float to integer and back, rounding to nearest, ties to even."""

from __future__ import annotations

from alu_library.circuits.adders import add as integer_add
from alu_library.circuits.adders import increment, negate_if, subtract
from alu_library.circuits.combinational import select
from alu_library.circuits.floating_parts import (
    Unrounded,
    align,
    constant,
    exponent_width,
    extend,
    finish,
    normal,
    normalise,
    unpack,
)
from alu_library.circuits.netlist import ZERO, Builder, Bus, Net
from alu_library.formats import Format

__all__ = ["convert", "from_integer", "to_integer"]


def convert(b: Builder, source: Format, target: Format, x: Bus, adder: str = "kogge_stone") -> Bus:
    """A float of one format rounded to another."""
    p = unpack(b, source, x)
    width = max(exponent_width(source), exponent_width(target))
    significand, exponent = normal(b, source, p.significand, extend(p.exponent, width), adder)
    exponent, _ = integer_add(b, adder, exponent, constant(target.bias - source.bias - 1, width))
    return finish(b, target, Unrounded(p.sign, exponent, significand, ZERO, p.zero, p.infinity, p.nan))


def to_integer(b: Builder, source: Format, target: Format, x: Bus, adder: str = "kogge_stone") -> Bus:
    """A float rounded to the nearest integer of a signed format, saturating; NaN becomes 0.

    The significand starts at the top of the word and is shifted down to its weight. Rounding up and taking the two's
    complement are one increment: -(x + up) = ~x + (1 - up).
    """
    p = unpack(b, source, x)
    width = max(source.exponent_bits, target.bits.bit_length()) + 2
    amount, _ = subtract(b, adder, constant(target.bits - 1 + source.bias, width), extend(p.exponent, width))
    beyond = amount[-1]  # 2**bits and more
    window = [ZERO] * (target.bits + 1 - len(p.significand)) + p.significand
    shifted, sticky = align(b, window, [b.and_(n, b.not_(beyond)) for n in amount[:-1]])
    whole, below = shifted[-target.bits:], shifted[:-target.bits]
    guard, sticky = below[-1], b.or_(sticky, *below[:-1])
    up = b.and_(guard, b.or_(sticky, whole[0]))
    result, _ = increment(b, [b.xor(n, p.sign) for n in whole], b.xor(p.sign, up))
    return _saturate(b, result, whole[-1], p.sign, b.or_(beyond, p.infinity), p.nan)


def _saturate(b: Builder, result: Bus, top: Net, sign: Net, beyond: Net, nan: Net) -> Bus:
    """The result, the end of the range on its side where it does not fit, or 0 for NaN."""
    too_large = b.and_(b.not_(sign), b.or_(top, result[-1]))
    too_small = b.and_(sign, top, b.not_(result[-1]))
    saturated = b.or_(beyond, too_large, too_small)
    ends = [*[b.not_(sign)] * (len(result) - 1), sign]
    return [b.and_(n, b.not_(nan)) for n in select(b, saturated, result, ends)]


def from_integer(b: Builder, source: Format, target: Format, x: Bus, adder: str = "kogge_stone") -> Bus:
    """An integer rounded to a float: magnitude, leading zeros, shift, round."""
    sign = x[-1] if source.kind == "int" else ZERO
    magnitude = negate_if(b, x, sign) if source.kind == "int" else x
    significand, count, empty = normalise(b, magnitude)
    width = max(exponent_width(target), source.bits.bit_length() + 2)
    highest = constant(source.bits - 1 + target.bias - 1, width)
    exponent, _ = subtract(b, adder, highest, extend(count, width))
    return finish(b, target, Unrounded(sign, exponent, significand, ZERO, empty, ZERO, ZERO))
