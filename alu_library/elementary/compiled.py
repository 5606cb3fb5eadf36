"""The compiled reading of a program: C++ that rounds to each number format after every operation, as ``numeric`` does.

It exists for one purpose, to run a program on all 2^32 numbers of fp32 in minutes; ``numeric`` stays the reference, and
a test shows that both agree bit for bit. Values are held in double and rounded as described in ``numeric``, eight at a
time: the vector extension of GCC and Clang, whatever the machine. Bits that steer selects are masks.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from alu_library.elementary.algorithms import Choice, run
from alu_library.elementary.numeric import round_to
from alu_library.elementary.programs import Operand, Reading
from alu_library.formats import Format, parse

__all__ = ["PRELUDE", "Compiled", "function_text", "literal"]

PRELUDE = """
#include <stdint.h>
#define INLINE static inline __attribute__((always_inline))
#define LANES 8
typedef double V __attribute__((vector_size(64)));
typedef float F __attribute__((vector_size(32)));
typedef int64_t I __attribute__((vector_size(64)));
#define INFINITE (1.0 / 0.0)
INLINE V all(double x) { return V{x, x, x, x, x, x, x, x}; }
INLINE I bits(V x) { return (I)x; }
INLINE V number(I i) { return (V)i; }
INLINE V fabs(V x) { return number(bits(x) & 0x7fffffffffffffffLL); }
INLINE V copysign(V x, V s) {
  return number((bits(x) & 0x7fffffffffffffffLL) | (bits(s) & (int64_t)0x8000000000000000ULL));
}
INLINE I finite(V x) { return fabs(x) <= 0x1.fffffffffffffp1023; }
INLINE V rint(V x) {
  V a = fabs(x), t = (a + 0x1p52) - 0x1p52; return copysign(a < 0x1p51 ? t : a, x);
}
INLINE V floor(V x) { V r = rint(x); return r - (r > x ? all(1) : all(0)); }
INLINE V sqrt(V x) { V r; for (int k = 0; k < LANES; k++) r[k] = __builtin_sqrt(x[k]); return r; }
INLINE V single(V x) { return __builtin_convertvector(__builtin_convertvector(x, F), V); }
INLINE V power(V n) { return number((__builtin_convertvector(n, I) + 1023) << 52); }
INLINE V scaled(V x, V n) {
  n = n > 2000 ? all(2000) : n; n = n < -2000 ? all(-2000) : n;
  V half = floor(n * 0.5); return x * power(half) * power(n - half);
}
INLINE V rounded(V x, double shift, double top, double smallest) {
  V m = number(bits(x) & 0x7ff0000000000000LL);  // adding 1.5 2^e 2^dropped makes the adder drop them
  m = (m > smallest ? m : all(smallest)) * shift;
  V r = copysign((x + m) - m, x);
  return fabs(r) <= top ? r : x * INFINITE;
}
INLINE V odd(V nearest, V error) {
  I i = bits(nearest), inexact = finite(nearest) & (error != 0) & ((i & 1) == 0);
  I outward = (error > 0) == (nearest > 0) ? i + 1 : i - 1;
  return number(inexact ? outward : i);
}
#ifdef __FMA__
INLINE V product_error(V a, V b, V p) {
  V r; for (int k = 0; k < LANES; k++) r[k] = __builtin_fma(a[k], b[k], -p[k]); return r;
}
#else
INLINE V product_error(V a, V b, V p) {
  V c = 134217729.0 * a, d = 134217729.0 * b, high_a = c - (c - a), high_b = d - (d - b);
  V low_a = a - high_a, low_b = b - high_b;
  return ((high_a * high_b - p) + high_a * low_b + low_a * high_b) + low_a * low_b;
}
#endif
INLINE V odd_add(V a, V b) {
  V total = a + b, other = total - a; return odd(total, (a - (total - other)) + (b - other));
}
INLINE V odd_multiply(V a, V b) { V p = a * b; return odd(p, product_error(a, b, p)); }
INLINE V odd_divide(V a, V b) {
  V q = a / b, p = q * b; V rest = (a - p) - product_error(q, b, p);
  return odd(q, rest * (b > 0 ? all(1) : b < 0 ? all(-1) : b * 0.0));
}
INLINE V odd_sqrt(V a) { V r = sqrt(a), p = r * r; return odd(r, (a - p) - product_error(r, r, p)); }
INLINE V larger(V a, V b) { return (a > b) | (a != a) ? a : b; }
INLINE V smaller(V a, V b) { return (a < b) | (a != a) ? a : b; }
INLINE V integer(V x, double low, double high) {
  V r = rint(x); r = r < low ? all(low) : r; r = r > high ? all(high) : r; return (x == x ? r : all(0)) + 0.0;
}
INLINE V by_field(V x, V n, double smallest) {
  V r = scaled(x, n); return (fabs(x) < smallest) | (fabs(r) < smallest) ? copysign(all(0), x) : r;
}
INLINE V gradually(V x, V n, double smallest) {
  return fabs(x) < smallest ? copysign(all(0), x) : scaled(x, n);
}
INLINE V exponent_of(V x) { return __builtin_convertvector(((bits(x) >> 52) & 0x7ff) - 1023, V); }
INLINE V fraction_of(V x) { return number((bits(x) & 0xfffffffffffffLL) | 0x3ff0000000000000LL); }
INLINE V exponent_field(V x, double least) {
  V e = fabs(x) < power(all(least)) ? all(least - 1) : exponent_of(x); return finite(x) ? e : all(2 - least);
}
INLINE V significand_field(V x, double least) {
  V m = fabs(x) < power(all(least)) ? 1 + fabs(x) * power(all(-least)) : fraction_of(x);
  return finite(x) ? m : (x != x ? all(1.5) : all(1.0));
}
INLINE V piece(V x, double lowest, double pieces) {
  V i = (exponent_of(x) - lowest) * pieces + floor((fraction_of(x) - 1) * pieces);
  return x == 0 ? all(-1) : (finite(x) ? i : all(INFINITE));
}
INLINE I bit_of(V n, double unit) { V m = floor(n / unit); return m - 2 * floor(m * 0.5) == 1; }
INLINE I place(V index, double last) {
  V i = index < 0 ? all(0) : index; i = i > last ? all(last) : i;
  return __builtin_convertvector(i == i ? i : all(0), I);
}
INLINE V read(const double *table, I at) { V r; for (int k = 0; k < LANES; k++) r[k] = table[at[k]]; return r; }
"""

_PLAIN = {"add": "({} + {})", "subtract": "({} - {})", "multiply": "({} * {})", "divide": "({} / {})",
          "sqrt": "sqrt({})"}
_ODD = {"add": "odd_add({}, {})", "subtract": "odd_add({}, -{})", "multiply": "odd_multiply({}, {})",
        "divide": "odd_divide({}, {})", "sqrt": "odd_sqrt({})"}
_OTHER: Mapping[str, str] = {
    "maximum": "larger({}, {})", "minimum": "smaller({}, {})", "less": "({} < {})", "negate": "(-{})",
    "absolute": "fabs({})", "select": "({2} ? {0} : {1})", "copy_sign": "copysign({}, {})",
    "multiply_signs": "({} * copysign(all(1), {}) * copysign(all(1), {}))", "is_negative": "(bits({}) < 0)",
    "convert": "{}", "to_float": "{}", "is_finite": "finite({})", "is_infinite": "(fabs({}) == INFINITE)",
    "is_nan": "({0} != {0})", "is_zero": "({} == 0)", "low_bits": "({0} - floor({0} / {p}) * {p})",
    "has_bit": "bit_of({}, {p})", "shift_right": "floor({} / {p})", "shift_left": "({} * {p})",
    "from_fixed": "({} / {p})", "negate_if": "({1} ? -{0} : {0})",
}
"""C++ of each operation; ``p`` is the power of two that its parameter stands for."""


def literal(value: float) -> str:
    """A float of C, exactly."""
    if math.isnan(value):
        return "(0.0 / 0.0)"
    if math.isinf(value):
        return "(1.0 / 0.0)" if value > 0 else "(-1.0 / 0.0)"
    return f"({float(value).hex()})"


@dataclass
class Compiled(Reading):
    """Writes C++: one statement for each operation, and the tables it reads."""

    lines: list[str] = field(default_factory=list)
    tables: list[str] = field(default_factory=list)

    def input(self, name: str, format: str) -> Operand:
        """An operand of the whole program: a variable of the surrounding text."""
        return Operand(self, format, name)

    def constant(self, value: float, format: str) -> Operand:
        """A constant, rounded to the format."""
        rounded = float(round_to(np.array([value], dtype=np.float64), format)[0])
        return Operand(self, format, f"all({literal(rounded)})")

    def evaluate(self, kind: str, result_format: str, operands: Sequence[Operand], parameters: dict[str, Any]) -> str:
        """One statement; the value is the variable it sets."""
        values, f = [o.value for o in operands], parse(result_format)
        if kind in _PLAIN:
            exact = kind == "multiply" and f.mantissa_bits == 25  # a product of 52 bits: double holds it
            wide = f.is_float and 25 <= f.mantissa_bits < 52 and not exact
            text = _rounded((_ODD if wide else _PLAIN)[kind].format(*values), f)
        else:
            text = self._other(kind, f, parse(operands[0].format), values, parameters)
        return self._set("I" if result_format == "uint2" else "V", text)

    def _other(self, kind: str, f: Format, operand: Format, values: list[str], parameters: dict[str, Any]) -> str:
        least = operand.minimum_exponent
        if kind in ("nearest_integer", "to_fixed"):
            unit = literal(2.0 ** parameters.get("fraction_bits", 0))
            return f"integer({values[0]} * {unit}, {literal(float(f.minimum))}, {literal(float(f.maximum))})"
        if kind in ("scale", "scale_gradually"):
            name = "by_field" if kind == "scale" else "gradually"
            return _rounded(f"{name}({values[0]}, {values[1]}, {literal(2.0**least)})", f)
        if kind in ("exponent", "significand"):
            return f"{kind}_field({values[0]}, {least})"
        if kind == "pattern_index":
            pieces = literal(2.0 ** parameters["fraction_bits"])
            return f"piece({values[0]}, {parameters['lowest_exponent']}, {pieces})"
        if kind == "truncate":
            return f"number(bits({values[0]}) & ~{(1 << (53 - parameters['bits'])) - 1}LL)"
        power = literal(2.0 ** next(iter(parameters.values()))) if parameters else ""
        text = _OTHER[kind].format(*values, p=power)
        return _rounded(text, f) if kind in ("convert", "to_float", "from_fixed") else text

    def columns(self, index: Operand, rows: Sequence[Sequence[float]], format: str) -> list[Operand]:
        """One static array for each column."""
        at = self._set("I", f"place({index.value}, {len(rows) - 1})")
        words, columns = round_to(np.asarray(rows, dtype=np.float64), format), []
        for column in words.T:
            name = f"table_{len(self.tables)}"
            self.tables.append(f"static const double {name}[] = {{{', '.join(map(literal, column))}}};")
            columns.append(Operand(self, format, self._set("V", f"read({name}, {at})")))
        return columns

    def _set(self, kind: str, text: str) -> str:
        name = f"v{len(self.lines)}"
        self.lines.append(f"{kind} {name} = {text};")
        return name


def _rounded(text: str, f: Format) -> str:
    """The value of an expression rounded to a format; integers and fp64 are as they are."""
    if not f.is_float or f.name == "fp64":
        return text
    if f.name == "fp32":
        return f"single({text})"
    shift, top, smallest = 1.5 * 2.0 ** (52 - f.mantissa_bits), float(f.maximum), 2.0**f.minimum_exponent
    return f"rounded({text}, {literal(shift)}, {literal(top)}, {literal(smallest)})"


def function_text(choice: Choice, name: str = "program") -> str:
    """C++ of a choice of one argument: ``V name(V)`` on vectors of doubles, with its tables in front."""
    reading = Compiled()
    result = run(choice, reading, reading.input("x", choice.format))
    body = "\n  ".join(reading.lines)
    tables = "\n".join(reading.tables)
    return f"{tables}\nINLINE V {name}(V x) {{\n  {body}\n  return {result.value};\n}}\n"
