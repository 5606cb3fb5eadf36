"""Columns: an ExecutionProgram as the numbers that a regression sees, in the order of hardware.terms."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from hardware.energy_model import Array
from hardware.runtime import RuleUse
from hardware.terms import FACTS, TERMS
from tocompiler.execution import ExecutionProgram, ExecutionRow
from tocompiler.lanes import larger
from tocompiler.runtimes.draft import byte_of

__all__ = ["CONSTANT", "UNCACHED", "WEIGHTS", "Columns", "amounts_of", "facts_row", "product_width", "uncached_share"]

CONSTANT = list(TERMS).index("constant")
"""Where the constant stands among the terms."""
WEIGHTS, UNCACHED = (list(TERMS).index(name) for name in ("weights", "uncached"))
"""And the parameters, and what the last cache does not keep of them."""


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
        terms[:, UNCACHED] = terms[:, WEIGHTS] * uncached_share(self.execution.rules, float(terms[:, WEIGHTS].sum()))
        return terms

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
        return np.array([facts_row(self.execution.rows[i].facts) for i in self.leaders])

    @cached_property
    def program_facts(self) -> Array:
        """What a correction of whole programs may look at: the mean width of the products."""
        products = ((format, float(n)) for row in self.execution.program.rows
                    for (task, format), n in row.alu.tasks.items() if task == "multiply_accumulate")
        return facts_row({"product_width": product_width(products)})


def uncached_share(rules: Sequence[RuleUse], weight_byte: float) -> float:
    """Share of all parameters that the last cache cannot keep; none where no capacity is known."""
    sizes = [r.parameters["capacity_byte"] for r in rules if r.name == "last_cache"]
    share: float = larger(1.0 - sizes[-1] / weight_byte, 0.0) if sizes and weight_byte else 0.0
    return share


def product_width(products: Iterable[tuple[str, float]]) -> float:
    """Mean of the logarithm (base 2) of the products' bits, from formats and numbers of products."""
    weights: dict[str, float] = {}
    for format, n in products:
        weights[format] = weights.get(format, 0.0) + n
    total = sum(weights.values())
    return sum(n * math.log2(byte_of(f) * 8) for f, n in weights.items()) / total if total else 0.0


def _terms(row: ExecutionRow) -> Array:
    return np.array(amounts_of(row))


def amounts_of(row: ExecutionRow) -> list[Any]:
    """What a row has of each term, of itself: what the cache does not keep of all parameters is known of all alone."""
    kind = "depthwise" if _depthwise(row) else "dense"
    return [sum(row[a] for a in t.amounts) if t.of in ("", kind) else 0.0 for t in TERMS.values()]


def _depthwise(row: ExecutionRow) -> bool:
    op = row.draft.op
    return op is not None and op.operator == "Conv" and op.attributes.get("group", 1) == op.given(0).shape[1] > 1


_PLACE = {name: i for i, name in enumerate(FACTS)}


def facts_row(known: Mapping[str, float]) -> Array:
    """Facts in the order of hardware.terms, 0 where one is not known."""
    facts = np.zeros(len(FACTS))
    for name, value in known.items():
        facts[_PLACE[name]] = value
    return facts
