"""Mish (Misra, 2019)."""

from __future__ import annotations

import math
from typing import Any

from alu_library.elementary.gating import until_it_vanishes
from alu_library.elementary.operations import minimum, scale
from alu_library.elementary.programs import Operand
from alu_library.elementary.reduction import LN2
from alu_library.elementary.register import Function, Shape, composed
from alu_library.formats import parse

__all__ = ["FUNCTION", "mish"]


def mish(x: Operand) -> Operand:
    """x tanh(softplus x) = x w/(w + 2), w = e^x (e^x + 2)."""
    x = until_it_vanishes(x)
    is_one = (parse(x.format).mantissa_bits + 4) * LN2 / 2  # w/(w + 2) is 1 by then, and w still finite
    e = x.reading.call("exp", minimum(x, is_one))
    w = e * (e + 2)
    return x * (w / (w + 2))


def _derivative(x: Operand) -> Operand:
    """w/d + x 4 e (e + 1)/d^2, w = e (e + 2), d = w + 2, e = e^x."""
    is_one = min(22.0, -(parse(x.format).minimum_exponent + 1) * LN2 / 2)  # by then, and 4 w is still finite
    x = until_it_vanishes(minimum(x, is_one))
    e = x.reading.call("exp", x)
    w = e * (e + 2)
    r = 1 / (w + 2)
    return w * r + x * (scale(e * (e + 1), 2) * (r * r))


def _reference(m: Any, x: Any) -> Any:
    e = m.exp(m.minimum(x, 40.0))
    return x * (e * (e + 2) / (e * (e + 2) + 2))


def _slope(m: Any, x: Any) -> Any:
    x = m.minimum(x, 40.0)  # 1 to the last bit from here on
    e = m.exp(x)
    d = e * (e + 2) + 2
    return (e * (e + 2) + x * 4 * e * (e + 1) / d) / d


FUNCTION = Function(
    name="mish", composed=True, activation=True, algorithms=composed(mish), digits=True, tail=lambda t: t,
    shape=Shape((0.0, 0.6), (0.0, 1.0), left=(-0.0, 0.0)),
    limits=(-0.0, math.inf),
    formula=lambda s, x: x * s.tanh(s.log(1 + s.exp(x))),
    reference=_reference,
    derivative=Function(
        name="mish_derivative", composed=True, algorithms=composed(_derivative), digits=True, tail=lambda t: t,
        limits=(0.0, 1.0), reference=_slope),
)
