"""The Gaussian error linear unit (Hendrycks and Gimpel, 2016)."""

from __future__ import annotations

import math

from alu_library.elementary.gaussian import gaussian_end, tail_and_density, tail_end
from alu_library.elementary.operations import (
    absolute,
    constant,
    copy_sign,
    is_infinite,
    is_negative,
    maximum,
    minimum,
    scale,
    select,
)
from alu_library.elementary.programs import Operand
from alu_library.elementary.register import Function, Shape, composed, with_bits

__all__ = ["FUNCTION", "gelu", "gelu_from_erf"]


def gelu(x: Operand) -> Operand:
    """x Phi(x) = max(x, 0) - |x| Q(|x|), without the cancellation of 1 + erf in the negative tail."""
    a = minimum(absolute(x), tail_end(x.format))
    return copy_sign(maximum(x, 0) - a * a.reading.call("normal_tail", a), x)


def gelu_from_erf(x: Operand) -> Operand:
    """x/2 (1 + erf(x/sqrt 2)), as frameworks write it: the negative tail cancels."""
    held = maximum(x, -tail_end(x.format))
    value = scale(held, -1) * (1 + x.reading.call("erf", held * math.sqrt(0.5)))
    return select(is_infinite(x), select(is_negative(x), constant(x, 0.0), x), value)


def _derivative(x: Operand, bits: float) -> Operand:
    """Phi(x) + x phi(x): Q(a) - a phi(a) for x = -a, one less that for x = a."""
    a = minimum(absolute(x), tail_end(x.format))
    q, e = tail_and_density(a, bits)
    d = q - a * (e * math.sqrt(0.5 / math.pi))
    d = select(is_infinite(x), constant(x, 0), d)
    return select(is_negative(x), d, 1 - d)


FUNCTION = Function(
    name="gelu", composed=True, activation=True, digits=True, tail=gaussian_end,
    algorithms=composed(gelu) | {"from_erf": lambda bits: gelu_from_erf},
    shape=Shape((0.0, 0.5), (0.0, 1.0), left=(-0.0, 0.0)), limits=(-0.0, math.inf),
    formula=lambda s, x: x * (1 + s.erf(x / s.sqrt(2))) / 2,
    reference=lambda m, x: x * m.ndtr(x),
    derivative=Function(
        name="gelu_derivative", digits=True, tail=gaussian_end,
        algorithms={"polynomial": with_bits(_derivative), "table_32": with_bits(_derivative)},
        shape=Shape((0.5, math.sqrt(2 / math.pi)), (1.0, 0.0)), limits=(0.0, 1.0),
        reference=lambda m, x: m.ndtr(x) + x * m.exp(-x * x / 2) / math.sqrt(2 * math.pi)),
)
