"""e^x: range reduction, then a minimax polynomial, a table and a polynomial, or CORDIC.

Sources: W. Cody and W. Waite, "Software Manual for the Elementary Functions" (1980), for the reduction with a
constant in two parts; P. Tang, "Table-driven implementation of the exponential function" (1989).
"""

from __future__ import annotations

import math

from alu_library.elementary import cordic
from alu_library.elementary.coefficients import Fit, polynomial, split
from alu_library.elementary.common import horner, rescaled
from alu_library.elementary.operations import (
    constant,
    is_nan,
    is_zero,
    low_bits,
    nearest_integer,
    select,
    shift_right,
    table,
    to_float,
)
from alu_library.elementary.programs import EXPONENT, Operand
from alu_library.elementary.reduction import LN2, limited, reduced, without_multiples
from alu_library.elementary.register import Function, composed, with_bits
from alu_library.formats import parse

__all__ = ["FUNCTION", "exp", "exp_cordic", "exp_table"]

_TAIL = Fit("exp", lambda mp, r: (mp.expm1(r) - r) / r**2, lambda mp, r: r**2 * mp.exp(-r))
"""e^r = 1 + r + r^2 p(r)"""

_LOW = 0.05
"""The largest second part of an exponent: 88 in two halves of fp32's 24 bits leaves 88 / 2^11."""


def exp(x: Operand, bits: float, low: Operand | None = None) -> Operand:
    """e^x = 2^n e^r; ``low`` is a small addend of x."""
    n, r = reduced(x, bits)
    end = LN2 / 2 + (0.0 if low is None else _LOW)
    if low is not None:
        r = r + low
    p = polynomial(_TAIL, -end, end, bits)
    return rescaled(1 + (r + r * r * horner(r, p)), n)


def exp_table(x: Operand, bits: float, index_bits: int = 5, low: Operand | None = None) -> Operand:
    """e^x = 2^k 2^(j/N) e^r with a table of the N = 2^index_bits roots, |r| <= ln 2 / (2 N); ``low`` as for exp."""
    entries = 1 << index_bits
    x = limited(x, LN2)
    fits = parse(x.format).exponent_bits + 1 + index_bits < parse(EXPONENT).bits
    n = nearest_integer(x * (split("log2_e")[0] * entries), EXPONENT if fits else "int24")
    r = without_multiples(x, to_float(n, x.format), 1 / entries, bits)
    end = LN2 / 2 / entries + (0.0 if low is None else _LOW)
    if low is not None:
        r = r + low
    root, = table(low_bits(n, index_bits), [[2 ** (j / entries)] for j in range(entries)], x.format)
    e_r = root + root * (r + r * r * horner(r, polynomial(_TAIL, -end, end, bits)))
    return rescaled(e_r, shift_right(n, index_bits))


def exp_cordic(x: Operand, bits: float) -> Operand:
    """e^r = cosh r + sinh r by hyperbolic rotation, after the usual reduction. Fixed point knows no NaN."""
    n, r = reduced(x, bits)
    value = select(is_zero(x), constant(x, 1), rescaled(cordic.exponential(r, bits), n))
    return select(is_nan(x), x, value)


FUNCTION = Function(
    name="exp",
    algorithms={"polynomial": with_bits(exp), "table_32": with_bits(exp_table),
                "table_256": with_bits(exp_table, index_bits=8), "cordic": with_bits(exp_cordic)},
    formula=lambda s, x: s.exp(x),
    reference=lambda m, x: m.exp(x),
    derivative=Function(
        name="exp_derivative", composed=True, of_result=True, algorithms=composed(lambda y: y),
        domain=(0.0, math.inf), formula=lambda s, y: y, reference=lambda m, y: y),
)
