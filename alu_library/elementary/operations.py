"""The operations that programs are made of, as functions of operands: each is one entry of ``programs.CHARGES``."""

from __future__ import annotations

from collections.abc import Sequence

from alu_library.elementary.programs import EXPONENT, Operand
from alu_library.formats import parse

__all__ = [
    "absolute", "bit_pattern", "constant", "convert", "copy_sign", "exponent", "from_fixed", "has_bit",
    "integer_product", "is_finite", "is_infinite", "is_nan", "is_negative", "is_zero", "less", "low_bits", "maximum",
    "minimum", "multiply_signs", "nearest_integer", "negate_if", "pattern_index", "scale", "scale_gradually",
    "select", "shift_left", "shift_right", "significand", "sqrt", "table", "to_fixed", "to_float", "truncate",
]


def constant(like: Operand, value: float, format: str | None = None) -> Operand:
    """A constant in ``format`` (that of ``like`` unless given)."""
    return like.reading.constant(value, format or like.format)


def sqrt(x: Operand) -> Operand:
    """Square root, correctly rounded."""
    return x.reading.apply("sqrt", x.format, x)


def maximum(x: Operand, y: Operand | float) -> Operand:
    """The larger of two values: one comparison. A NaN among them is the result."""
    return x.reading.apply("maximum", x.format, x, y)


def minimum(x: Operand, y: Operand | float) -> Operand:
    """The smaller of two values: one comparison. A NaN among them is the result."""
    return x.reading.apply("minimum", x.format, x, y)


def less(x: Operand | float, y: Operand | float) -> Operand:
    """The bit x < y: one comparison."""
    reading = x.reading if isinstance(x, Operand) else y.reading  # type: ignore[union-attr]
    return reading.apply("less", "uint2", x, y)


def select(bit: Operand, yes: Operand | float, no: Operand | float) -> Operand:
    """``yes`` where the bit is set, ``no`` elsewhere."""
    like = yes if isinstance(yes, Operand) else no
    format = like.format if isinstance(like, Operand) else bit.format
    sides = [side if isinstance(side, Operand) else bit.reading.constant(side, format) for side in (yes, no)]
    return bit.reading.apply("select", format, sides[0], sides[1], bit)


def absolute(x: Operand) -> Operand:
    """|x|: the sign bit cleared."""
    return x.reading.apply("absolute", x.format, x)


def copy_sign(magnitude: Operand, sign: Operand) -> Operand:
    """``magnitude`` with the sign of ``sign`` in place of its own."""
    return magnitude.reading.apply("copy_sign", magnitude.format, magnitude, sign)


def multiply_signs(magnitude: Operand, x: Operand, y: Operand) -> Operand:
    """``magnitude`` (not negative) with the sign of x · y."""
    return magnitude.reading.apply("multiply_signs", magnitude.format, magnitude, x, y)


def is_negative(x: Operand) -> Operand:
    """The sign bit of x, which exists already."""
    return x.reading.apply("is_negative", "uint2", x)


def is_finite(x: Operand) -> Operand:
    """Whether x is a number: neither infinite nor NaN."""
    return x.reading.apply("is_finite", "uint2", x)


def is_infinite(x: Operand) -> Operand:
    """Whether x is an infinity."""
    return x.reading.apply("is_infinite", "uint2", x)


def is_nan(x: Operand) -> Operand:
    """Whether x is NaN."""
    return x.reading.apply("is_nan", "uint2", x)


def is_zero(x: Operand) -> Operand:
    """Whether x is zero, of either sign."""
    return x.reading.apply("is_zero", "uint2", x)


def truncate(x: Operand, bits: int) -> Operand:
    """x with all but its leading ``bits`` significand bits cleared."""
    return x.reading.apply("truncate", x.format, x, bits=bits)


def convert(x: Operand, format: str) -> Operand:
    """x in another number format, rounded to nearest even; charged in the wider of the two."""
    if x.format == format:
        return x
    wider = max(x.format, format, key=lambda name: parse(name).bits)
    return x.reading.apply("convert", format, Operand(x.reading, wider, x.value))


def nearest_integer(x: Operand, format: str = EXPONENT) -> Operand:
    """The integer nearest to x, ties to even, in a format and held at its ends; 0 for NaN."""
    return x.reading.apply("nearest_integer", format, x)


def to_float(n: Operand, format: str) -> Operand:
    """The integer n as a float: charged in the format of the float."""
    return n.reading.apply("to_float", format, Operand(n.reading, format, n.value))


def to_fixed(x: Operand, fraction_bits: int, format: str) -> Operand:
    """x as a fixed-point integer with ``fraction_bits`` behind the point, rounded to nearest even and held at the ends
    of the format; 0 for NaN."""
    return x.reading.apply("to_fixed", format, x, fraction_bits=fraction_bits)


def from_fixed(n: Operand, fraction_bits: int, format: str) -> Operand:
    """The float that a fixed-point integer stands for: charged in the format of the float."""
    wide = Operand(n.reading, format, n.value)
    return n.reading.apply("from_fixed", format, wide, fraction_bits=fraction_bits)


def integer_product(m: Operand, n: Operand) -> Operand:
    """m · n of unsigned integers, with all its bits."""
    bits = parse(m.format).bits + parse(n.format).bits
    return m.reading.apply("multiply", f"uint{bits}", m, n)


def negate_if(n: Operand, bit: Operand) -> Operand:
    """-n where the bit is set: an exclusive-or in front of the adder that follows, whose carry-in does the rest."""
    return n.reading.apply("negate_if", n.format, n, bit)


def scale(x: Operand, n: Operand | int) -> Operand:
    """x · 2^n by adding to the exponent field: below the smallest normal it is zero, beyond the range infinite.

    A subnormal x is zero, and zeros, infinities and NaN stay what they are.
    """
    power = n if isinstance(n, Operand) else x.reading.constant(n, EXPONENT)
    return x.reading.apply("scale", x.format, x, power)


def scale_gradually(x: Operand, n: Operand) -> Operand:
    """x · 2^n for a normal x: the exponent field is added to, and what falls below the smallest normal is shifted and
    rounded, as a conversion from a format with a wider exponent does."""
    return x.reading.apply("scale_gradually", x.format, x, n)


def exponent(x: Operand) -> Operand:
    """The integer e with 2^e <= |x| < 2^(e+1) for a normal x; one less than the smallest, or more than the largest,
    where the field is all zeros or all ones."""
    return x.reading.apply("exponent", EXPONENT, x)


def significand(x: Operand, format: str | None = None) -> Operand:
    """|x| / 2^exponent(x) for a normal x: the fraction field under a hidden one, in [1, 2); 1.f whatever x is.

    ``format`` (that of x unless given) has as many fraction bits.
    """
    return x.reading.apply("significand", format or x.format, x)


def low_bits(n: Operand, bits: int) -> Operand:
    """n modulo 2^bits."""
    return n.reading.apply("low_bits", n.format, n, bits=bits)


def bit_pattern(x: Operand) -> Operand:
    """The word of x itself, as the address of a table."""
    return x.reading.apply("bit_pattern", f"uint{parse(x.format).bits}", x)


def has_bit(n: Operand, bit: int) -> Operand:
    """Whether bit number ``bit`` of n is set, as a bit that steers a select."""
    return n.reading.apply("has_bit", "uint2", n, bit=bit)


def shift_right(n: Operand, bits: int) -> Operand:
    """The integer n / 2^bits, rounded down."""
    return n.reading.apply("shift_right", n.format, n, bits=bits)


def shift_left(n: Operand, bits: int) -> Operand:
    """The integer n · 2^bits."""
    return n.reading.apply("shift_left", n.format, n, bits=bits)


def pattern_index(x: Operand, lowest_exponent: int, fraction_bits: int) -> Operand:
    """Which piece |x| is in, when every binade from 2^lowest_exponent up is cut into 2^fraction_bits pieces.

    It is the bit pattern without its sign, shifted right, minus that of 2^lowest_exponent: a shift and an addition.
    Negative where |x| < 2^lowest_exponent.
    """
    return x.reading.apply("pattern_index", EXPONENT, x, lowest_exponent=lowest_exponent, fraction_bits=fraction_bits)


def table(index: Operand, rows: Sequence[Sequence[float]], format: str) -> list[Operand]:
    """The columns of row ``index`` (held within the table) of a constant table whose words are in ``format``."""
    return index.reading.columns(index, rows, format)
