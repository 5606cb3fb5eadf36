"""Pieces that all floating-point circuits share: taking operands apart, and rounding and packing results.

Inside a circuit an exponent travels as the *field less one* of the number whose units digit is the top bit of its
significand, in two's complement. Adding the units digit itself then gives the exponent field of normal and subnormal
numbers alike, and so does the carry out of rounding.
"""

from __future__ import annotations

from dataclasses import dataclass

from alu_library.circuits.adders import increment, subtract
from alu_library.circuits.combinational import leading_zeros, shift_left, shift_right_sticky
from alu_library.circuits.netlist import ONE, ZERO, Builder, Bus, Net
from alu_library.formats import Format

__all__ = [
    "Parts", "Unrounded", "align", "constant", "exponent_width", "extend", "finish", "normal", "normalise", "unpack",
]


@dataclass(frozen=True)
class Parts:
    """An operand taken apart: ``exponent`` is its field (1 for subnormals), ``significand`` includes the hidden bit."""

    sign: Net
    exponent: Bus
    significand: Bus
    zero: Net
    infinity: Net
    nan: Net


@dataclass(frozen=True)
class Unrounded:
    """A result before rounding: ``sticky`` stands for anything below the significand's last bit.

    ``zero`` and ``infinity`` force those results, ``nan`` goes before both.
    """

    sign: Net
    exponent: Bus
    significand: Bus
    sticky: Net
    zero: Net
    infinity: Net
    nan: Net


def constant(value: int, width: int) -> Bus:
    """A constant in two's complement."""
    return [ONE if value >> k & 1 else ZERO for k in range(width)]


def extend(bus: Bus, width: int, fill: Net = ZERO) -> Bus:
    """A bus made ``width`` bits wide with ``fill`` on top."""
    return [*bus, *[fill] * (width - len(bus))]


def exponent_width(format: Format) -> int:
    """Bits of two's complement for any exponent inside a circuit.

    The largest is two fields less the bias and up to the top of a multiply-add's window; the smallest is minus the bias
    less the leading zeros of that window and, with subnormals, those of two significands (a count of leading zeros is
    below twice the width it is of).
    """
    precision = format.mantissa_bits + 1
    largest = (2 << format.exponent_bits) - format.bias + precision + 2
    smallest = format.bias + 1 + 6 * precision + 8 + (0 if format.flush_subnormals else 4 * precision)
    return 1 + max(largest, smallest).bit_length()


def unpack(b: Builder, format: Format, bus: Bus) -> Parts:
    """Take an operand apart; a flushed format's subnormals come out as zeros."""
    fraction, field = bus[:format.mantissa_bits], bus[format.mantissa_bits:-1]
    normal, ones, some = b.or_(*field), b.and_(*field), b.or_(*fraction)
    if format.finite_only:
        infinity, nan = ZERO, ZERO if format.saturating else b.and_(ones, *fraction)
    else:
        infinity, nan = b.and_(ones, b.not_(some)), b.and_(ones, some)
    if format.flush_subnormals:
        zero, exponent = b.not_(normal), field
        fraction = [b.and_(n, normal) for n in fraction]
    else:
        zero, exponent = b.nor(normal, some), [b.or_(field[0], b.not_(normal)), *field[1:]]
    return Parts(bus[-1], exponent, [*fraction, normal], zero, infinity, nan)


def normalise(b: Builder, significand: Bus) -> tuple[Bus, Bus, Net]:
    """The significand shifted until its top bit is 1, by how much, and whether it was zero."""
    count, empty = leading_zeros(b, significand)
    return shift_left(b, significand, count), count, empty


def normal(b: Builder, format: Format, significand: Bus, exponent: Bus, adder: str) -> tuple[Bus, Bus]:
    """The significand with its top bit set, and the exponent field that goes with it. Flushed formats have no other."""
    if format.flush_subnormals:
        return significand, exponent
    shifted, count, _ = normalise(b, significand)
    return shifted, subtract(b, adder, exponent, extend(count, len(exponent)))[0]


def align(b: Builder, significand: Bus, amount: Bus) -> tuple[Bus, Net]:
    """The significand shifted right, and whether a 1 was lost; one row of multiplexers clears it where the amount is
    as large as the significand is wide."""
    useful = (len(significand) - 1).bit_length()
    return shift_right_sticky(b, significand, [*amount[:useful], b.or_(*amount[useful:])])


def finish(b: Builder, format: Format, result: Unrounded, denormalise: bool = True) -> Bus:
    """Round to nearest, ties to even, and pack. ``denormalise`` shifts results below the smallest normal number into
    place (needless where the exponent is never negative, and in flushed formats)."""
    significand, sticky, exponent = result.significand, result.sticky, result.exponent
    significand = [ZERO] * (format.mantissa_bits + 2 - len(significand)) + significand
    if denormalise and not format.flush_subnormals:
        significand, sticky, exponent = _denormalise(b, significand, sticky, exponent)
    kept, guard = significand[-format.mantissa_bits - 1:], significand[-format.mantissa_bits - 2]
    below = b.or_(sticky, *significand[:-format.mantissa_bits - 2])
    rounded, carry = increment(b, kept, b.and_(guard, b.or_(below, kept[0])))
    field = _add_units(b, exponent, rounded[-1], carry)
    return _pack(b, format, result, field, rounded[:-1])


def _denormalise(b: Builder, significand: Bus, sticky: Net, exponent: Bus) -> tuple[Bus, Net, Bus]:
    """Shift right by minus the exponent where it is negative: by its complement, and by one more."""
    tiny = exponent[-1]
    shifted, lost = align(b, significand, [b.and_(tiny, b.not_(n)) for n in exponent[:-1]])
    lost_too = b.and_(tiny, shifted[0])
    shifted = [b.mux(tiny, now, above) for now, above in zip(shifted, [*shifted[1:], ZERO], strict=True)]
    return shifted, b.or_(sticky, lost, lost_too), [b.and_(n, b.not_(tiny)) for n in exponent]


def _add_units(b: Builder, exponent: Bus, units: Net, carry: Net) -> Bus:
    """exponent + units + 2·carry: the exponent field of the rounded significand."""
    first, c = b.half_adder(exponent[0], units)
    second, c = b.full_adder(exponent[1], carry, c)
    return [first, second, *increment(b, exponent[2:], c)[0]]


def _pack(b: Builder, format: Format, result: Unrounded, field: Bus, fraction: Bus) -> Bus:
    """Sign, field and fraction as one pattern, or the special result."""
    field, above = field[:format.exponent_bits], field[format.exponent_bits:]
    negative = above[-1]
    full = ZERO if format.saturating else b.and_(*field, *(fraction if format.finite_only else []))
    over = b.and_(b.not_(negative), b.or_(full, *above[:-1]))
    infinity = b.or_(over, result.infinity)
    zero = result.zero
    if format.flush_subnormals:
        zero = b.or_(zero, negative, b.not_(b.or_(*field, *above)))
    special = b.or_(infinity, result.nan)
    keep = b.nor(special, zero)
    set_fraction = special if format.finite_only else ZERO
    fraction = [b.or_(b.and_(n, keep), set_fraction) for n in fraction]
    if not format.finite_only:  # a quiet NaN has the first fraction bit
        fraction[-1] = b.or_(fraction[-1], result.nan)
    field = [b.or_(b.and_(n, keep), special) for n in field]
    return [*fraction, *field, b.and_(result.sign, b.not_(result.nan))]
