"""TOML: transistor operations of machine learning from a table of constants (2026), for comparison.

    E = a (sum of operations x cost) + b (words crossing to memory x cost) + c

One of its transistor operations is one femtojoule. ``toml_costs.toml`` holds the table with its source; a, b, c >= 0
are fitted (its authors' model M2, the simplest of their family with an overhead); unfitted a = b = 1, c = 0.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Self

import numpy as np

from hardware.measurement import Measurement
from hardware.program import Program
from tocompiler.estimators import register
from tocompiler.estimators.common import joules, require
from tocompiler.regression import fit_relative

__all__ = ["Toml", "cost_table"]

_ELEMENT_OPERATORS = {
    "Relu": "relu", "Sigmoid": "sigmoid", "Tanh": "tanh", "Softmax": "softmax", "Gelu": "gelu", "Exp": "exp",
    "Div": "divide", "Sqrt": "sqrt", "MaxPool": "compare", "LayerNormalization": "layer_norm",
    "RMSNormalization": "rms_norm", "BatchNormalization": "layer_norm",
}
"""Operators that the table prices by the element of their result; every other ALU task costs a multiply-accumulate."""


@cache
def cost_table() -> Mapping[str, Mapping[str, float]]:
    """The shipped table, by section."""
    text = Path(__file__).with_name("toml_costs.toml").read_text(encoding="utf-8")
    table: Mapping[str, Mapping[str, float]] = tomllib.loads(text)
    return table


@register
class Toml:
    """The method with one kind of memory (a key of the table's ``memory``) behind every operator."""

    name = "toml"

    def __init__(self, memory: str = "gddr6") -> None:
        costs = cost_table()
        if memory not in costs["memory"]:
            raise ValueError(f"unknown memory '{memory}'; known: {', '.join(costs['memory'])}")
        self.memory = memory
        self.coefficients_ = np.array([1.0, 1.0, 0.0])

    def parts(self, program: Program) -> tuple[float, float]:
        """Joules of computation and of memory by the table."""
        costs = cost_table()
        compute = sum(self._compute(row, costs) for row in program.rows)
        words = float(program.totals.traffic_bit) / 32
        return compute * 1e-15, words * costs["memory"][self.memory] * 1e-15

    def _compute(self, row: Any, costs: Mapping[str, Mapping[str, float]]) -> float:
        product = costs["multiply_accumulate"]["femtojoule"]
        named = _ELEMENT_OPERATORS.get(row.operator)
        if named is not None and row.alu.writes:
            element = {**costs["published"], **costs["estimated"]}[named]
            return element * float(row.alu.writes[0].elements)
        ratio = costs["format_multiplier"]
        return product * float(sum(n * ratio.get(format, 1.0) for (_, format), n in row.alu.tasks.items()))

    def fit(self, measurements: Sequence[Measurement]) -> Self:
        require(measurements, 3, self.name)
        terms = np.array([[*self.parts(m.program), 1.0] for m in measurements])
        self.coefficients_ = np.asarray(fit_relative(terms, joules(measurements)))
        return self

    def predict(self, program: Program) -> float:
        return float(self.coefficients_ @ [*self.parts(program), 1.0])
