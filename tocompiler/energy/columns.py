"""Columns: an ExecutionProgram as the numbers that a regression sees, in the order of hardware.terms."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from hardware.energy_model import Array
from hardware.terms import FACTS, TERMS
from tocompiler.execution import ExecutionProgram, ExecutionRow
from tocompiler.runtimes.draft import byte_of

__all__ = ["CONSTANT", "Columns"]

CONSTANT = list(TERMS).index("constant")
"""Where the constant stands among the terms."""
_WEIGHTS, _UNCACHED = (list(TERMS).index(name) for name in ("weights", "uncached"))


@dataclass(frozen=True)
class Columns:
    """Terms and facts of one program.

    A layer is an operator's rows of one measurement: a backward pass and the optimizer's steps on its parameters.
    """

    execution: ExecutionProgram

    @cached_property
    def terms(self) -> Array:
        """(rows, terms)"""
        terms = np.array([_terms(row) for row in self.execution.rows]).reshape(-1, len(TERMS))
        terms[:, _UNCACHED] = terms[:, _WEIGHTS] * self._uncached(float(terms[:, _WEIGHTS].sum()))
        return terms

    def _uncached(self, weight_byte: float) -> float:
        """Share of all parameters that the last cache cannot keep; none where no capacity is known."""
        sizes = [r.parameters["capacity_byte"] for r in self.execution.rules if r.name == "last_cache"]
        return max(1.0 - sizes[-1] / weight_byte, 0.0) if sizes and weight_byte else 0.0

    @cached_property
    def total(self) -> Array:
        """Terms of the whole execution, what belongs to no operator included."""
        return np.asarray(self.terms.sum(0) + self.execution_terms)

    @property
    def execution_terms(self) -> Array:
        """Terms of what belongs to no operator."""
        return _terms(self.execution.execution)

    @cached_property
    def leaders(self) -> tuple[int, ...]:
        """The row of each layer that names it: the one with the most products, the first where none has any."""
        leader: dict[int, int] = {}
        rows = self.execution.rows
        for row, layer in enumerate(self.execution.layer):
            if rows[row]["products"] > rows[leader.setdefault(layer, row)]["products"]:
                leader[layer] = row
        return tuple(leader.values())

    @cached_property
    def layer_terms(self) -> Array:
        """Terms of each layer: its rows together, the constant once as if it were measured alone."""
        summed = np.zeros((len(self.leaders), len(TERMS)))
        np.add.at(summed, list(self.execution.layer), self.terms)
        summed[:, CONSTANT] = 1.0
        return summed

    @cached_property
    def layer_facts(self) -> Array:
        """Facts of the row that names each layer."""
        return np.array([_facts(self.execution.rows[i].facts.items()) for i in self.leaders])

    @cached_property
    def program_facts(self) -> Array:
        """What a correction of whole programs may look at: the mean width of the products."""
        weights: dict[str, float] = {}
        for row in self.execution.program.rows:
            for (task, format), n in row.alu.tasks.items():
                if task == "multiply_accumulate":
                    weights[format] = weights.get(format, 0.0) + float(n)
        total = sum(weights.values())
        width = sum(n * math.log2(byte_of(f) * 8) for f, n in weights.items()) / total if total else 0.0
        return _facts([("product_width", width)])


def _terms(row: ExecutionRow) -> Array:
    kind = "depthwise" if _depthwise(row) else "dense"
    return np.array([sum(row[a] for a in t.amounts) if t.of in ("", kind) else 0.0 for t in TERMS.values()])


def _depthwise(row: ExecutionRow) -> bool:
    op = row.draft.op
    return op is not None and op.operator == "Conv" and op.attributes.get("group", 1) == op.given(0).shape[1] > 1


_PLACE = {name: i for i, name in enumerate(FACTS)}


def _facts(known: Iterable[tuple[str, float]]) -> Array:
    facts = np.zeros(len(FACTS))
    for name, value in known:
        facts[_PLACE[name]] = value
    return facts
