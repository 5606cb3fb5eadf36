"""SiLU, also called swish (Elfwing et al., 2017)."""

from __future__ import annotations

import math

from alu_library.elementary.functions.sigmoid import sigmoid
from alu_library.elementary.gating import gated, held, until_it_vanishes, vanishing
from alu_library.elementary.programs import Operand
from alu_library.elementary.register import Function, Shape, composed

__all__ = ["FUNCTION", "silu"]


def silu(x: Operand) -> Operand:
    """x/(1 + e^-x)."""
    x = until_it_vanishes(x)
    return x / (1 + x.reading.call("exp", -x))


def _derivative(x: Operand) -> Operand:
    x = held(x, vanishing(x))
    return gated(sigmoid(x), x)


FUNCTION = Function(
    name="silu", composed=True, activation=True, algorithms=composed(silu), digits=True, tail=lambda t: t,
    shape=Shape((0.0, 0.5), (0.0, 1.0), left=(-0.0, 0.0)),
    limits=(-0.0, math.inf),
    formula=lambda s, x: x / (1 + s.exp(-x)),
    reference=lambda m, x: x * m.expit(x),
    derivative=Function(
        name="silu_derivative", composed=True, algorithms=composed(_derivative), digits=True, tail=lambda t: t,
        shape=Shape((0.5, 0.5), (1.0, 0.0)), limits=(0.0, 1.0),
        reference=lambda m, x: m.expit(x) * (1 + x * m.expit(-x))),
)
