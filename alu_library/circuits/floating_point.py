"""Floating-point addition, multiplication, multiply-add and maximum: IEEE 754, round to nearest, ties to even.

Every generator takes a builder, a format and operand buses laid out as in memory (fraction, exponent, sign), and
returns the result's bus; the adder and multiplier inside are named. A format with subnormals is served in full; a
flushed one (``fp32_ftz``) reads and writes them as zeros, which is what spares the shifters. NaN results are
``format.nan_pattern``. :mod:`alu_library.circuits.reference` says what each must compute.
"""

from __future__ import annotations

from dataclasses import dataclass

from alu_library.circuits.adders import add as integer_add
from alu_library.circuits.adders import negate_if, subtract
from alu_library.circuits.combinational import leading_zeros, less_than, select, shift_left
from alu_library.circuits.floating_parts import (
    Parts,
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
from alu_library.circuits.multipliers import multiply as integer_multiply
from alu_library.circuits.netlist import ONE, ZERO, Builder, Bus, Net
from alu_library.formats import Format

__all__ = ["add", "maximum", "multiply", "multiply_add"]


def add(b: Builder, format: Format, x: Bus, y: Bus, adder: str = "kogge_stone") -> Bus:
    """x + y on a single path: order by magnitude, align, add or subtract, normalise, round.

    With the operands in order the difference is never negative, so nothing has to be negated; guard, round and sticky
    bits suffice for correct rounding (Muller et al., Handbook of Floating-Point Arithmetic, 2nd ed., section 7.3).
    """
    p, q = unpack(b, format, x), unpack(b, format, y)
    swap = less_than(b, x[:-1], y[:-1])
    big_sign = b.mux(swap, p.sign, q.sign)
    big_exponent, small_exponent = _exchange(b, swap, p.exponent, q.exponent)
    big, small = _exchange(b, swap, p.significand, q.significand)
    opposite = b.xor(p.sign, q.sign)
    distance, _ = subtract(b, adder, big_exponent, small_exponent)
    aligned, sticky = align(b, [ZERO, ZERO, *small], distance)
    addend = [b.xor(n, opposite) for n in [sticky, *aligned]]
    total, carry = integer_add(b, adder, [ZERO, ZERO, ZERO, *big], addend, opposite)
    total = [*total, b.and_(carry, b.not_(opposite))]
    exponent, significand, empty = _normalise_sum(b, format, big_exponent, total, adder)
    sign = b.mux(empty, big_sign, b.and_(p.sign, q.sign))
    infinity = b.or_(p.infinity, q.infinity)
    nan = b.or_(p.nan, q.nan, b.and_(p.infinity, q.infinity, opposite))
    return finish(b, format, Unrounded(sign, exponent, significand, ZERO, empty, infinity, nan), denormalise=False)


def _exchange(b: Builder, swap: Net, x: Bus, y: Bus) -> tuple[Bus, Bus]:
    return select(b, swap, x, y), select(b, swap, y, x)


def _normalise_sum(b: Builder, format: Format, exponent: Bus, total: Bus, adder: str) -> tuple[Bus, Bus, Net]:
    """Exponent and significand of a sum, and whether it is zero. With subnormals the shift stops at the smallest
    exponent: the fraction then needs no second shifter."""
    count, empty = leading_zeros(b, total)
    width = max(format.exponent_bits, len(count)) + 2
    remaining, enough = subtract(b, adder, extend(exponent, width), extend(count, width))
    if not format.flush_subnormals:
        count = select(b, enough, extend(exponent, len(count))[:len(count)], count)
        remaining = [b.and_(n, enough) for n in remaining]
    return remaining, shift_left(b, total, count), empty


def multiply(
    b: Builder, format: Format, x: Bus, y: Bus, multiplier: str = "dadda", adder: str = "kogge_stone"
) -> Bus:
    """x · y: multiply significands, add exponents, normalise, round."""
    p, q = unpack(b, format, x), unpack(b, format, y)
    product = integer_multiply(b, multiplier, p.significand, q.significand, final_adder=adder)
    zero, infinity, nan = _product_specials(b, p, q)
    width = exponent_width(format)
    exponents = extend(p.exponent, width), extend(q.exponent, width)
    if format.flush_subnormals:  # the product of two normal significands is in [1, 4): one multiplexer normalises it
        top = product[-1]
        exponent = _exponent_sum(b, format, *exponents, top, adder)
        significand = select(b, top, [ZERO, *product[:-1]], product)
    else:
        count, _ = leading_zeros(b, product)
        count = [b.and_(n, b.not_(zero)) for n in count]  # lest the shifter swing from end to end at every zero
        significand = shift_left(b, product, count)
        exponent = _exponent_sum(b, format, *exponents, ONE, adder)
        exponent, _ = subtract(b, adder, exponent, extend(count, width))
    sign = b.xor(p.sign, q.sign)
    return finish(b, format, Unrounded(sign, exponent, significand, ZERO, zero, infinity, nan))


def _product_specials(b: Builder, p: Parts, q: Parts) -> tuple[Net, Net, Net]:
    """Whether a product is zero, infinite, not a number (infinity times zero, or a NaN operand)."""
    zero, infinity = b.or_(p.zero, q.zero), b.or_(p.infinity, q.infinity)
    return zero, infinity, b.or_(p.nan, q.nan, b.and_(zero, infinity))


def _exponent_sum(b: Builder, format: Format, x: Bus, y: Bus, carry: Net, adder: str) -> Bus:
    """x + y - bias - 1 + carry, which is x + y + carry - 2**(exponent bits - 1)."""
    total, _ = integer_add(b, adder, x, y, carry)
    return integer_add(b, adder, total, constant(-(1 << (format.exponent_bits - 1)), len(x)))[0]


def multiply_add(
    b: Builder, format: Format, x: Bus, y: Bus, z: Bus, multiplier: str = "dadda", adder: str = "kogge_stone"
) -> Bus:
    """x · y + z with one rounding: the addend is aligned to the exact product in a window of 3·precision + 2 bits
    (Muller et al., section 7.5). An addend beyond the window's top stays there, with the product below its guard."""
    p, q, r = (unpack(b, format, bus) for bus in (x, y, z))
    width = exponent_width(format)
    significand_x, exponent_x = normal(b, format, p.significand, extend(p.exponent, width), adder)
    significand_y, exponent_y = normal(b, format, q.significand, extend(q.exponent, width), adder)
    with b.part("multiplier"):
        product = integer_multiply(b, multiplier, significand_x, significand_y, final_adder=adder)
    zero, infinity, nan = _product_specials(b, p, q)
    top = _exponent_sum(b, format, exponent_x, exponent_y, ONE, adder)
    window = _place_addend(b, format, r, top, zero, adder)
    sign = b.xor(p.sign, q.sign)
    opposite = b.xor(sign, r.sign)
    addend = [b.xor(n, opposite) for n in window.significand]
    total, carry = integer_add(b, adder, extend([ZERO, *product], len(addend)), addend, opposite)
    negative = b.and_(opposite, b.not_(carry))
    significand, count, empty = normalise(b, negate_if(b, total, negative))
    exponent, _ = subtract(b, adder, window.exponent, extend(count, width))
    nan = b.or_(nan, r.nan, b.and_(infinity, r.infinity, opposite))
    total_sign = b.mux(b.and_(b.or_(negative, r.infinity), b.not_(infinity)), sign, r.sign)
    infinity = b.or_(infinity, r.infinity)
    total_sign = b.mux(b.and_(empty, b.not_(infinity)), total_sign, b.and_(sign, r.sign))
    return finish(b, format, Unrounded(total_sign, exponent, significand, ZERO, empty, infinity, nan))


@dataclass(frozen=True)
class _Window:
    """The addend in place: significand with a sticky bit at the bottom, and the exponent of the window's top bit."""

    significand: Bus
    exponent: Bus


def _place_addend(b: Builder, format: Format, addend: Parts, product: Bus, no_product: Net, adder: str) -> _Window:
    """Shift the addend into the window whose lower 2·precision bits are a product of exponent ``product``.

    The top of the window is ``mantissa_bits + 3`` places above the product's; an addend that is higher still, or one
    without a product, takes the top itself.
    """
    width = len(product)
    top, _ = integer_add(b, adder, product, constant(format.mantissa_bits + 3, width))
    own, _ = integer_add(b, adder, extend(addend.exponent, width), constant(-1, width))
    distance, _ = subtract(b, adder, top, own)
    above = b.or_(distance[-1], no_product)
    below = [ZERO] * (2 * format.mantissa_bits + 4)
    aligned, sticky = align(b, [*below, *addend.significand], [b.and_(n, b.not_(above)) for n in distance[:-1]])
    return _Window([sticky, *aligned], select(b, above, top, own))


def maximum(b: Builder, format: Format, x: Bus, y: Bus) -> Bus:
    """The larger operand, ``y`` where they are equal, a NaN operand where there is one: sign and magnitude compared."""
    p, q = unpack(b, format, x), unpack(b, format, y)
    magnitude_x = [*p.significand[:-1], *x[format.mantissa_bits:-1]]
    magnitude_y = [*q.significand[:-1], *y[format.mantissa_bits:-1]]
    less = less_than(b, magnitude_x, magnitude_y)
    more = less_than(b, magnitude_y, magnitude_x)
    positive = b.mux(q.sign, more, b.nand(p.zero, q.zero))  # x >= 0
    greater = b.mux(p.sign, positive, b.and_(q.sign, less))
    take_x = b.or_(p.nan, b.and_(greater, b.not_(q.nan)))
    return select(b, take_x, y, x)
