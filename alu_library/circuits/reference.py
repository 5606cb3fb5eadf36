"""What the floating-point circuits must compute: IEEE 754 arithmetic on bit patterns in exact Python integers.

This is the oracle of the netlists for the formats that numpy does not have, and it is itself tested against numpy and
ml_dtypes for those they have. Every function takes and returns bit patterns. All rounding is to nearest, ties to even;
every NaN that is returned is ``format.nan_pattern``; a sum that cancels exactly is +0 (IEEE 754-2019, section 6.3).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isqrt

from alu_library.formats import Format

__all__ = [
    "add", "convert", "divide", "dot_product", "from_integer", "maximum", "multiply", "multiply_add", "sqrt",
    "to_integer",
]


@dataclass(frozen=True)
class _Number:
    """(-1)^sign · significand · 2^exponent, or one of the two specials."""

    sign: int
    significand: int = 0
    exponent: int = 0
    special: str = ""  # "nan", "infinity" or nothing


def _unpack(format: Format, pattern: int) -> _Number:
    sign = pattern >> (format.bits - 1) & 1
    magnitude = pattern & ((1 << (format.bits - 1)) - 1)
    if format.finite_only:
        if magnitude == format.nan_pattern and not format.saturating:
            return _Number(sign, special="nan")
    elif magnitude >= format.infinity_pattern:
        return _Number(sign, special="infinity" if magnitude == format.infinity_pattern else "nan")
    field, fraction = magnitude >> format.mantissa_bits, magnitude & ((1 << format.mantissa_bits) - 1)
    subnormal = 0 if format.flush_subnormals else fraction
    significand = subnormal if field == 0 else fraction | 1 << format.mantissa_bits
    return _Number(sign, significand, max(field, 1) - format.bias - format.mantissa_bits)


def _round_shift(significand: int, shift: int, sticky: int) -> int:
    """significand · 2^-shift to the nearest integer, ties to even; ``sticky`` marks a remainder below the last bit."""
    if shift <= 0:
        return significand << -shift
    kept, lost = significand >> shift, (significand & ((1 << shift) - 1)) * 2 + sticky
    half = 1 << shift
    return kept + (lost > half or (lost == half and kept & 1))


def _pack(format: Format, sign: int, significand: int, exponent: int, sticky: int = 0) -> int:
    """Pattern nearest to (significand + sticky·tiny) · 2^exponent; significand needs 2 bits more than the format."""
    top = sign << (format.bits - 1)
    if significand == 0:
        return top
    scale = exponent + significand.bit_length() - 1
    if not format.flush_subnormals:
        scale = max(scale, format.minimum_exponent)
    rounded = _round_shift(significand, scale - format.mantissa_bits - exponent, sticky)
    pattern = ((scale - format.minimum_exponent) << format.mantissa_bits) + rounded
    if format.flush_subnormals and pattern < 1 << format.mantissa_bits:
        return top
    return top | min(pattern, format.infinity_pattern)


def _infinity(format: Format, sign: int) -> int:
    return sign << (format.bits - 1) | format.infinity_pattern


def add(format: Format, a: int, b: int) -> int:
    """a + b."""
    one = format.bias << format.mantissa_bits
    x, y = _unpack(format, a), _unpack(format, b)
    if not (x.special or y.special or x.significand or y.significand):
        return (x.sign & y.sign) << (format.bits - 1)
    return multiply_add(format, a, one, b)


def multiply(format: Format, a: int, b: int) -> int:
    """a · b."""
    x, y = _unpack(format, a), _unpack(format, b)
    sign = x.sign ^ y.sign
    if "nan" in (x.special, y.special):
        return format.nan_pattern
    if x.special or y.special:
        zero = (not x.special and x.significand == 0) or (not y.special and y.significand == 0)
        return format.nan_pattern if zero else _infinity(format, sign)
    return _pack(format, sign, x.significand * y.significand, x.exponent + y.exponent)


def multiply_add(format: Format, a: int, b: int, c: int) -> int:
    """a · b + c with one rounding."""
    x, y, z = (_unpack(format, p) for p in (a, b, c))
    sign = x.sign ^ y.sign
    if "nan" in (x.special, y.special, z.special):
        return format.nan_pattern
    if x.special or y.special:
        zero = (not x.special and x.significand == 0) or (not y.special and y.significand == 0)
        invalid = zero or (z.special and z.sign != sign)
        return format.nan_pattern if invalid else _infinity(format, sign)
    if z.special:
        return _infinity(format, z.sign)
    product = -x.significand * y.significand if sign else x.significand * y.significand
    addend = -z.significand if z.sign else z.significand
    low = min(x.exponent + y.exponent, z.exponent)
    total = (product << (x.exponent + y.exponent - low)) + (addend << (z.exponent - low))
    if total == 0:
        both_negative_zero = product == 0 and addend == 0 and sign and z.sign
        return int(both_negative_zero) << (format.bits - 1)
    return _pack(format, int(total < 0), abs(total), low)


def dot_product(element: Format, wide: Format, a: Sequence[int], b: Sequence[int], c: int, window: int = 27) -> int:
    """c + Σ a·b of exact products, each term truncated below ``window`` bits under the top bit of the place that the
    largest of them could take, one rounding at the end; an exact zero is +0."""
    x, y, z = [_unpack(element, p) for p in a], [_unpack(element, p) for p in b], _unpack(wide, c)
    signs = [p.sign ^ q.sign for p, q in zip(x, y, strict=True)]
    pairs = [*zip(x, y, strict=True)]
    if any("nan" in (p.special, q.special) for p, q in pairs) or z.special == "nan":
        return wide.nan_pattern
    if any((p.special and not q.special and not q.significand) or (q.special and not p.special and not p.significand)
           for p, q in pairs):
        return wide.nan_pattern
    infinite = {s for s, (p, q) in zip(signs, pairs, strict=True) if p.special or q.special}
    infinite |= {z.sign} if z.special else set()
    if infinite:
        return wide.nan_pattern if len(infinite) > 1 else _infinity(wide, infinite.pop())
    digits = 2 * (element.mantissa_bits + 1)
    terms = [(s, p.significand * q.significand, p.exponent + q.exponent, digits)
             for s, (p, q) in zip(signs, pairs, strict=True)]
    terms.append((z.sign, z.significand, z.exponent, wide.mantissa_bits + 1))
    tops = [exponent + size for _, significand, exponent, size in terms if significand]
    if not tops:
        return 0
    unit = max(tops) - window
    total = 0
    for sign, significand, exponent, _ in terms:
        shift = exponent - unit
        kept = significand << shift if shift >= 0 else significand >> -shift
        total += -kept if sign else kept
    return _pack(wide, int(total < 0), abs(total) << wide.mantissa_bits + 2, unit - wide.mantissa_bits - 2) if total \
        else 0


def divide(format: Format, a: int, b: int) -> int:
    """a / b; a nonzero finite number over zero is infinity."""
    x, y = _unpack(format, a), _unpack(format, b)
    sign = x.sign ^ y.sign
    if "nan" in (x.special, y.special) or (x.special and y.special):
        return format.nan_pattern
    if x.special:
        return _infinity(format, sign)
    if y.special:
        return sign << (format.bits - 1)
    if y.significand == 0:
        return format.nan_pattern if x.significand == 0 else _infinity(format, sign)
    spare = 2 * format.mantissa_bits + 4
    quotient, remainder = divmod(x.significand << spare, y.significand)
    return _pack(format, sign, quotient, x.exponent - y.exponent - spare, int(remainder > 0))


def sqrt(format: Format, a: int) -> int:
    """Square root; that of -0 is -0, that of other negative numbers NaN."""
    x = _unpack(format, a)
    if x.special == "nan" or (x.sign and (x.special or x.significand)):
        return format.nan_pattern
    if x.special:
        return _infinity(format, 0)
    if x.significand == 0:
        return x.sign << (format.bits - 1)
    spare = 2 * format.mantissa_bits + 4
    spare += (x.exponent - spare) & 1
    root = isqrt(x.significand << spare)
    return _pack(format, 0, root, (x.exponent - spare) // 2, int(root * root != x.significand << spare))


def maximum(format: Format, a: int, b: int) -> int:
    """The larger operand as it is, ``b`` where they are equal, a NaN operand where there is one (a before b).

    Zeros of either sign are equal, and a flushed format compares its subnormals as zeros.
    """
    x, y = _unpack(format, a), _unpack(format, b)
    if x.special == "nan":
        return a
    if y.special == "nan":
        return b
    return a if _order(x) > _order(y) else b


def _order(x: _Number) -> tuple[int, int]:
    """A key that sorts numbers: all share the scale of the smallest subnormal."""
    sign = -1 if x.sign else 1
    return (sign, 0) if x.special else (0, sign * (x.significand << (x.exponent + 2200)))


def convert(source: Format, target: Format, a: int) -> int:
    """``a`` of format ``source`` rounded to format ``target``."""
    x = _unpack(source, a)
    if x.special == "nan":
        return target.nan_pattern
    if x.special:
        return _infinity(target, x.sign)
    return _pack(target, x.sign, x.significand, x.exponent)


def to_integer(source: Format, target: Format, a: int) -> int:
    """``a`` rounded to the nearest integer of signed format ``target``, saturating; NaN becomes 0."""
    x = _unpack(source, a)
    low, high = int(target.minimum), int(target.maximum)
    if x.special == "nan":
        return 0
    if x.special:
        whole = low if x.sign else high
    else:
        magnitude = _round_shift(x.significand, -x.exponent, 0)
        whole = max(low, min(high, -magnitude if x.sign else magnitude))
    return whole & ((1 << target.bits) - 1)


def from_integer(source: Format, target: Format, a: int) -> int:
    """The pattern ``a`` of integer format ``source`` rounded to floating-point format ``target``."""
    sign = a >> (source.bits - 1) & 1 if source.kind == "int" else 0
    return _pack(target, sign, (1 << source.bits) - a if sign else a, 0)
