"""What the gated activations share: x times a sigmoid, whose exponent may be a product that needs two parts."""

from __future__ import annotations

import math
from typing import Any

from alu_library.elementary.operations import maximum, minimum, truncate
from alu_library.elementary.programs import Operand
from alu_library.formats import parse

__all__ = ["exact_product", "exp_of_product", "gated", "held", "random_gate", "until_it_vanishes", "vanishing"]


def exact_product(x: Operand, y: Operand | float) -> tuple[Operand, Operand]:
    """x · y as a sum of two operands whose first is exact (but for the constant's own rounding)."""
    half = parse(x.format).mantissa_bits // 2
    x_high = truncate(x, half)
    if isinstance(y, Operand):
        y_high = truncate(y, half)
        return x_high * y_high, (x - x_high) * y + x_high * (y - y_high)
    y_high_value = float(math.ldexp(round(math.ldexp(y, half - math.frexp(y)[1])), math.frexp(y)[1] - half))
    return x_high * y_high_value, (x - x_high) * y + x_high * (y - y_high_value)


def exp_of_product(x: Operand, y: Operand | float) -> Operand:
    """e^(x y), the exponent in two parts unless the format is wide."""
    if parse(x.format).mantissa_bits > 23:
        return x.reading.call("exp", x * y)
    return x.reading.call("exp_sum", *exact_product(x, y))


def until_it_vanishes(x: Operand) -> Operand:
    """x held where x e^x rounds to zero, before it becomes infinity times zero."""
    return maximum(x, -vanishing(x))


def vanishing(x: Operand) -> float:
    """Where x e^-x rounds to zero in the program's own format."""
    f = parse(x.reading.source or x.format)
    t = (f.mantissa_bits - f.minimum_exponent + 2) * math.log(2)
    return float(math.ceil(t + math.log(t) + 1))


def held(x: Operand, limit: float) -> Operand:
    """x within ±limit, beyond which the exponential is 0 or infinite anyway and its second part would be wrong."""
    return maximum(minimum(x, limit), -limit)


def gated(s: Operand, slope_times_x: Operand) -> Operand:
    """s (1 + v (1 - s)): the derivative of x s, where v = x times the derivative of what the sigmoid s is of."""
    return s * (1 + slope_times_x * (1 - s))


def random_gate(random: Any, x: Any, format: str) -> Any:
    """Values of order one, to draw the second argument of a gated unit."""
    return random.normal(0, 4, len(x))
