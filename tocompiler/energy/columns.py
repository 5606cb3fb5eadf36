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


@dataclass(frozen=True)
class Columns:
    """Terms and facts of one program.

    A layer is an operator's rows of one measurement: a backward pass and the optimizer's steps on its parameters.
    """

    execution: ExecutionProgram

    @cached_property
    def terms(self) -> Array:
        """(rows, terms)"""
        return np.array([_terms(row) for row in self.execution.rows]).reshape(-1, len(TERMS))

    @cached_property
    def total(self) -> Array:
        """Terms of the whole execution, what belongs to no operator included."""
        return np.asarray(self.terms.sum(0) + _terms(self.execution.execution))

    @cached_property
    def leaders(self) -> tuple[int, ...]:
        """The first row of each layer, which names it."""
        first: dict[int, int] = {}
        for row, layer in enumerate(self.execution.layer):
            first.setdefault(layer, row)
        return tuple(first.values())

    @cached_property
    def layer_terms(self) -> Array:
        """Terms of each layer measured alone: its rows together, the constant once."""
        summed = np.zeros((len(self.leaders), len(TERMS)))
        np.add.at(summed, list(self.execution.layer), self.terms)
        summed[:, CONSTANT] = 1.0
        return summed

    @cached_property
    def layer_facts(self) -> Array:
        """Facts of each layer's first row."""
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
    return np.array([sum(row[amount] for amount in term.amounts) for term in TERMS.values()])


_PLACE = {name: i for i, name in enumerate(FACTS)}


def _facts(known: Iterable[tuple[str, float]]) -> Array:
    facts = np.zeros(len(FACTS))
    for name, value in known:
        facts[_PLACE[name]] = value
    return facts
