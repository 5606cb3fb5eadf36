"""The error function."""

from __future__ import annotations

import math

from alu_library.elementary.coefficients import Fit, polynomial
from alu_library.elementary.common import horner
from alu_library.elementary.gaussian import gaussian
from alu_library.elementary.operations import absolute, constant, copy_sign, is_infinite, less, minimum, select
from alu_library.elementary.programs import Operand
from alu_library.elementary.register import Function, Shape, with_bits
from alu_library.formats import parse

__all__ = ["FUNCTION", "erf"]

_SMALL = Fit("erf", lambda mp, u: mp.erf(mp.sqrt(u)) / mp.sqrt(u))
"""erf a = a p(u), u = a^2"""

_LOG_COMPLEMENT = Fit("log_erfc", lambda mp, a: mp.log(mp.erfc(1 + a)), lambda mp, a: mp.mpf(1))
"""log erfc(1 + a), by an absolute error: it is an exponent"""


_IS_ONE = {11: 2.7, 24: 4.0, 53: 6.0}  # bits of a significand: beyond, erfc is below half a unit of 1


def erf(x: Operand, bits: float) -> Operand:
    """erf a = a p(a^2) up to 1; 1 - e^p(a) beyond, where p approximates log erfc, until it is 1."""
    a = absolute(x)
    f = parse(x.format)
    end = min(limit for width, limit in _IS_ONE.items() if min(f.mantissa_bits, bits) < width + 2)
    small = a * horner(a * a, polynomial(_SMALL, 0, 1, bits))
    # the complement is at most 0.157, so it needs two bits fewer
    complement = x.reading.call("exp", horner(minimum(a, end) - 1, polynomial(_LOG_COMPLEMENT, 0, end - 1, bits - 2)))
    return copy_sign(select(less(a, 1), small, 1 - complement), x)


def _derivative(x: Operand, bits: float) -> Operand:
    """2/sqrt(pi) e^(-x^2)."""
    value = gaussian(minimum(absolute(x), 27.5), 1, bits) * (2 / math.sqrt(math.pi))
    return select(is_infinite(x), constant(x, 0), value)


FUNCTION = Function(
    name="erf", algorithms={"polynomial": with_bits(erf)}, digits=True,
    shape=Shape((0.0, 2 / math.sqrt(math.pi)), (1.0, 0.0), odd=True, highest=2),
    formula=lambda s, x: s.erf(x),
    reference=lambda m, x: m.erf(x),
    derivative=Function(
        name="erf_derivative", algorithms={"polynomial": with_bits(_derivative), "table_32": with_bits(_derivative)},
        growth=math.sqrt, reference=lambda m, x: 2 / math.sqrt(math.pi) * m.exp(-x * x)),
)
