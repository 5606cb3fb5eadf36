"""log x: the exponent times ln 2, and a polynomial for the significand, or a quotient and half the polynomial.

Source: P. Tang, "Table-driven implementation of the logarithm function" (1990), for the order of the sum.
"""

from __future__ import annotations

import math

from alu_library.elementary.coefficients import Fit, polynomial, split
from alu_library.elementary.common import as_logarithm, fields, horner, wide_enough
from alu_library.elementary.operations import less, scale, select, to_float
from alu_library.elementary.programs import Operand
from alu_library.elementary.register import Function, composed, with_bits
from alu_library.formats import parse

__all__ = ["FUNCTION", "TWICE_ATANH", "log", "log1p_tail", "log_divided", "log_of_positive", "parts"]

TWICE_ATANH = Fit("atanh", lambda mp, u: (2 * mp.atanh(mp.sqrt(u)) / mp.sqrt(u) - 2) / u, lambda mp, u: u / 2)
"""log((1 + s)/(1 - s)) = 2 s + s u p(u), u = s^2"""

_TAIL = Fit("log1p", lambda mp, f: (mp.log1p(f) - f + f * f / 2) / f**3, lambda mp, f: abs(f**3 / mp.log1p(f)))
"""log(1 + f) = f - f^2/2 + f^3 p(f)"""



def parts(x: Operand) -> tuple[Operand, Operand]:
    """x = 2^e (1 + f) with 1 + f in [1/sqrt 2, sqrt 2): e as a float, and f."""
    e, m = fields(x)
    above = less(math.sqrt(2), m)
    return to_float(select(above, e + 1, e), x.format), select(above, scale(m, -1), m) - 1


def log1p_tail(f: Operand, bits: float) -> Operand:
    """log(1 + f) - f = -f^2/2 + f^3 p(f) for 1 + f in [1/sqrt 2, sqrt 2)."""
    p = polynomial(_TAIL, math.sqrt(0.5) - 1, math.sqrt(2) - 1, bits)
    square = f * f
    return square * (f * horner(f, p) - 0.5)


def log(x: Operand, bits: float) -> Operand:
    """log x = e ln 2 + log(1 + f), the larger part of e ln 2 added last because it is exact."""
    return as_logarithm(x, log_of_positive(x, bits))


def log_of_positive(x: Operand, bits: float) -> Operand:
    """log x for a positive number."""
    e, f = parts(x)
    return _sum(e, f, log1p_tail(f, bits), bits)


def log_divided(x: Operand, bits: float) -> Operand:
    """log x with log(1 + f) = log((1 + s)/(1 - s)), s = f/(2 + f): one division, half the polynomial."""
    e, f = parts(x)
    s = f / (f + 2)
    u = s * s
    p = polynomial(TWICE_ATANH, 0, (3 - 2 * math.sqrt(2)) ** 2 * 1.0001, bits)
    # 2 s = f - s f, so that f itself enters without an error (Sun's fdlibm uses the same identity).
    return as_logarithm(x, _sum(e, f, s * (u * horner(u, p) - f), bits))


def _sum(e: Operand, f: Operand, tail: Operand, bits: float) -> Operand:
    if wide_enough(e.format, bits):
        return e * split("ln2")[0] + (f + tail)
    limits = parse(e.format)
    high, rest = split("ln2", limits.mantissa_bits - limits.exponent_bits)
    return e * high + (f + (tail + e * rest))


FUNCTION = Function(
    name="log", algorithms={"polynomial": with_bits(log), "quotient": with_bits(log_divided)}, domain=(0.0, math.inf),
    formula=lambda s, x: s.log(x),
    reference=lambda m, x: m.log(x),
    derivative=Function(
        name="log_derivative", composed=True, algorithms=composed(lambda x: 1 / x), domain=(0.0, math.inf),
        reference=lambda m, x: 1 / x),
)
