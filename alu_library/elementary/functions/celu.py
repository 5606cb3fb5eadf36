"""CELU with alpha 1, which is ELU (Barron, 2017)."""

from __future__ import annotations

from dataclasses import replace

from alu_library.elementary.functions import elu

__all__ = ["FUNCTION"]

FUNCTION = replace(elu.FUNCTION, name="celu", derivative=replace(elu.SLOPE, name="celu_derivative"))
