"""The numeric reading of a program: numpy arrays, rounded to their number format after every operation.

Values are held in float64. An operation on a format of at most 25 significand bits is done in float64 and rounded
again, which is the same as rounding once because 53 >= 2 * 25 + 2 (Figueroa, "When is double rounding innocuous?",
1995). For wider formats the float64 result is first rounded to odd with the help of its exact error (Boldo and
Melquiond, "Emulation of a FMA and correctly rounded sums", 2008), so that the second rounding is right as well.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from alu_library.elementary.programs import Operand, Reading
from alu_library.formats import Format, encode, parse

__all__ = ["Array", "Numeric", "round_to"]

Array: TypeAlias = npt.NDArray[Any]

_NATIVE: Mapping[str, Any] = {"fp32": np.float32, "fp16": np.float16}
_SPLITTER = 2.0**27 + 1  # cuts 53 bits into two halves (Veltkamp; Dekker 1971)


def round_to(values: Array, format: str) -> Array:
    """``values`` rounded to the nearest number of ``format`` (ties to even), as float64; integers are left alone."""
    if format == "fp64":
        return values
    if format in _NATIVE:
        with np.errstate(over="ignore"):
            return np.asarray(values.astype(_NATIVE[format]), dtype=np.float64)
    f = parse(format)
    if not f.is_float:
        return values
    if 8 <= f.exponent_bits <= 10 and not f.flush_subnormals:
        return _upper_bits(values, f)
    exponents = np.maximum(np.frexp(values)[1] - 1, f.minimum_exponent) - f.mantissa_bits
    rounded = np.ldexp(np.rint(np.ldexp(values, -exponents)), exponents)
    beyond = np.copysign(np.nan if f.finite_only else np.inf, rounded)
    return np.asarray(np.where(np.abs(rounded) > f.maximum, beyond, rounded))


def _upper_bits(values: Array, f: Format) -> Array:
    """Formats whose numbers are normal in float64 (bf16, tf32, e9m27, ...), rounded on the bit pattern of that."""
    drop = np.uint64(52 - f.mantissa_bits)
    bits = values.view(np.uint64)
    half = (np.uint64(1) << (drop - np.uint64(1))) - np.uint64(1) + ((bits >> drop) & np.uint64(1))
    rounded = ((bits + half) & ~((np.uint64(1) << drop) - np.uint64(1))).view(np.float64)
    rounded = np.where(np.abs(rounded) > f.maximum, np.copysign(np.inf, rounded), rounded)
    spacing = 2.0 ** (f.minimum_exponent - f.mantissa_bits)  # of the subnormal numbers
    small = np.abs(values) < 2.0**f.minimum_exponent
    rounded = np.where(small, np.rint(np.where(small, values, 0) / spacing) * spacing, rounded)
    return np.where(np.isfinite(values), rounded, values)


def _to_odd(nearest: Array, error: Array) -> Array:
    """The float64 next to an exact result (nearest + error) whose last bit is 1, unless the result is exact."""
    bits = nearest.view(np.int64)
    inexact = np.isfinite(nearest) & (error != 0) & ((bits & 1) == 0)
    outward = np.where((error > 0) == (nearest > 0), 1, -1)
    return np.where(inexact, bits + outward, bits).view(np.float64)


def _odd_sum(a: Array, b: Array) -> Array:
    total = a + b
    other = total - a
    return _to_odd(total, (a - (total - other)) + (b - other))


def _product_error(a: Array, b: Array, product: Array) -> Array:
    """a * b - product, exactly (Dekker 1971)."""
    high_a, high_b = (_SPLITTER * v - (_SPLITTER * v - v) for v in (a, b))
    low_a, low_b = a - high_a, b - high_b
    return ((high_a * high_b - product) + high_a * low_b + low_a * high_b) + low_a * low_b


def _odd_product(a: Array, b: Array) -> Array:
    product = a * b
    return _to_odd(product, _product_error(a, b, product))


def _odd_quotient(a: Array, b: Array) -> Array:
    quotient = a / b
    remainder = (a - quotient * b) - _product_error(quotient, b, quotient * b)
    return _to_odd(quotient, remainder * np.sign(b))


def _odd_root(a: Array) -> Array:
    root = np.sqrt(a)
    return _to_odd(root, (a - root * root) - _product_error(root, root, root * root))


_PLAIN: Mapping[str, Callable[..., Array]] = {
    "add": np.add, "subtract": np.subtract, "multiply": np.multiply, "divide": np.divide, "sqrt": np.sqrt,
}
_ODD: Mapping[str, Callable[..., Array]] = {
    "add": _odd_sum, "subtract": lambda a, b: _odd_sum(a, -b), "multiply": _odd_product, "divide": _odd_quotient,
    "sqrt": _odd_root,
}


def _scaled(x: Array, n: Array, f: Format) -> Array:
    """By the exponent field alone: what is, or becomes, smaller than the smallest normal is zero."""
    smallest = 2.0**f.minimum_exponent
    result = np.ldexp(x, n.astype(np.int32))
    return np.where((np.abs(x) < smallest) | (np.abs(result) < smallest), np.copysign(0.0, x), result)


def _scaled_gradually(x: Array, n: Array, f: Format) -> Array:
    return np.where(np.abs(x) < 2.0**f.minimum_exponent, np.copysign(0.0, x), np.ldexp(x, n.astype(np.int32)))


def _exponent(x: Array, f: Format) -> Array:
    """The exponent field less the bias, all zeros and all ones included."""
    magnitude = np.abs(x)
    inside = np.where(magnitude < 2.0**f.minimum_exponent, f.minimum_exponent - 1.0, np.frexp(x)[1] - 1.0)
    return np.where(np.isfinite(x), inside, 1.0 - f.minimum_exponent + 1)


def _significand(x: Array, f: Format) -> Array:
    """The fraction field under a hidden one, whatever the exponent field says; NaN is the quiet one."""
    magnitude = np.abs(x)
    below = magnitude < 2.0**f.minimum_exponent
    inside = np.where(below, 1 + magnitude * 2.0**-f.minimum_exponent, np.frexp(magnitude)[0] * 2)
    return np.where(np.isfinite(x), inside, np.where(np.isnan(x), 1.5, 1.0))


def _integer(x: Array, f: Format) -> Array:
    """The nearest integer that the format holds; 0 for NaN. The sum makes a zero positive."""
    return np.where(np.isnan(x), 0.0, np.clip(np.rint(x), float(f.minimum), float(f.maximum))) + 0.0


def _pattern_index(x: Array, lowest_exponent: int, fraction_bits: int) -> Array:
    pieces = 1 << fraction_bits
    mantissa, exponents = np.frexp(np.abs(x))
    within = np.floor((mantissa * 2 - 1) * pieces)
    index = (exponents - 1 - lowest_exponent) * float(pieces) + within
    return np.where(x == 0, -1.0, np.where(np.isfinite(x), index, np.inf))


def _truncated(x: Array, bits: int) -> Array:
    mantissa, exponents = np.frexp(x)
    return np.asarray(np.ldexp(np.trunc(np.ldexp(mantissa, bits)), exponents - bits))


def _larger(a: Array, b: Array) -> Array:
    return np.where((a > b) | np.isnan(a), a, b)  # numpy's own leaves open which of two zeros it is


def _smaller(a: Array, b: Array) -> Array:
    return np.where((a < b) | np.isnan(a), a, b)


_EXACT: Mapping[str, Callable[..., Any]] = {
    "maximum": _larger, "minimum": _smaller, "less": np.less, "negate": np.negative, "absolute": np.abs,
    "select": lambda yes, no, bit: np.where(bit, yes, no),
    "copy_sign": np.copysign, "multiply_signs": lambda m, x, y: m * np.copysign(1.0, x) * np.copysign(1.0, y),
    "is_negative": np.signbit, "convert": lambda x: x,
    "to_float": lambda n: n, "low_bits": lambda n, bits: np.mod(n, 2.0**bits),
    "is_finite": np.isfinite, "is_infinite": np.isinf, "is_nan": np.isnan, "is_zero": lambda x: x == 0,
    "has_bit": lambda n, bit: np.mod(np.floor(n / 2.0**bit), 2) == 1,
    "shift_right": lambda n, bits: np.floor(n / 2.0**bits), "shift_left": lambda n, bits: n * 2.0**bits,
    "from_fixed": lambda n, fraction_bits: np.ldexp(n, -fraction_bits),
    "negate_if": lambda n, bit: np.where(bit, -n, n),
    "pattern_index": _pattern_index, "truncate": _truncated,
}
_OF_FIELDS: Mapping[str, Callable[..., Any]] = {
    "scale": _scaled, "scale_gradually": _scaled_gradually, "exponent": _exponent, "significand": _significand,
}
"""Operations that depend on the format of their operand."""


@dataclass
class Numeric(Reading):
    """Runs a program on arrays: every result is a number of its format."""

    def input(self, values: Array, format: str) -> Operand:
        """Operands of the whole program: ``values`` are numbers of ``format`` already."""
        return Operand(self, format, np.asarray(values, dtype=np.float64))

    def constant(self, value: float, format: str) -> Operand:
        """A constant, rounded to the format."""
        return Operand(self, format, round_to(np.array([value], dtype=np.float64), format))

    def evaluate(self, kind: str, result_format: str, operands: Sequence[Operand], parameters: dict[str, Any]) -> Array:
        """One operation and its one rounding."""
        values = [o.value for o in operands]
        f = parse(result_format)
        with np.errstate(all="ignore"):  # infinities and NaN are results here
            if kind in _PLAIN:
                wide = f.is_float and 25 <= f.mantissa_bits < 52
                result = round_to((_ODD if wide else _PLAIN)[kind](*values), result_format)
            elif kind == "bit_pattern":
                result = encode(operands[0].format, values[0]).astype(np.float64)
            elif kind in ("nearest_integer", "to_fixed"):
                result = _integer(np.ldexp(values[0], parameters.get("fraction_bits", 0)), f)
            elif kind in _OF_FIELDS:
                result = _OF_FIELDS[kind](*values, parse(operands[0].format))
            else:
                result = _EXACT[kind](*values, **parameters)
            if kind in ("convert", "to_float", "from_fixed", "scale", "scale_gradually"):
                result = round_to(result, result_format)
        return result

    def columns(self, index: Operand, rows: Sequence[Sequence[float]], format: str) -> list[Operand]:
        """One row of the table for each index, which is held within the table as a hardware table would."""
        position = np.nan_to_num(np.clip(index.value, 0, len(rows) - 1)).astype(np.intp)
        words = round_to(np.asarray(rows, dtype=np.float64), format)
        return [Operand(self, format, words[:, column][position]) for column in range(words.shape[1])]
