"""Leaky ReLU with a learned slope (He et al., 2015)."""

from __future__ import annotations

from typing import Any

from alu_library.elementary.operations import is_negative, less, select
from alu_library.elementary.programs import Operand
from alu_library.elementary.register import Function, composed

__all__ = ["FUNCTION", "prelu"]


def prelu(x: Operand, slope: Operand) -> Operand:
    """x, or slope · x where negative."""
    return select(is_negative(x), x * slope, x)


def _derivative(x: Operand, slope: Operand) -> Operand:
    return select(less(x, 0), slope, 1)


def _slopes(random: Any, x: Any, format: str) -> Any:
    return random.uniform(-1, 1, len(x))


FUNCTION = Function(
    name="prelu", composed=True, activation=True, algorithms=composed(prelu), arguments=2, second=_slopes,
    formula=lambda s, x, y: s.Piecewise((x * y, x < 0), (x, True)),
    reference=lambda m, x, y: m.where(x < 0, x * y, x),
    derivative=Function(
        name="prelu_derivative", composed=True, algorithms=composed(_derivative), arguments=2, second=_slopes,
        formula=lambda s, x, y: s.Piecewise((y, x < 0), (1, True)), reference=lambda m, x, y: m.where(x < 0, y, 1.0)),
)
