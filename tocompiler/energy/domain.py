"""The calibrated domain: kinds of operators, number formats, phases and sizes that a device's rows had."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from hardware.energy_model import EnergyModel
from tocompiler.execution import ExecutionRow

__all__ = ["KINDS", "NEAR", "Outside", "kind_of", "outside", "seen_in"]

KINDS: Mapping[str, tuple[str, ...]] = {
    "convolution": ("Conv", "ConvTranspose"),
    "matrix product": ("Gemm", "MatMul", "Linear"),
    "pooling": ("MaxPool", "AveragePool"),
}
"""Operators that share a model because a runtime computes them alike; any other operator is a kind of its own."""
_KIND_OF = {name: kind for kind, names in KINDS.items() for name in names}

NEAR = math.log(2.0)
"""E-folds beyond the data that still count as inside."""


def kind_of(operator: str) -> str:
    """The kind of an operator."""
    return _KIND_OF.get(operator, operator)


@dataclass(frozen=True)
class Outside:
    """Energy from one respect in which rows are unlike any measured: what it is, in words."""

    what: str
    energy_joule: float


def seen_in(rows: Iterable[ExecutionRow]) -> dict[str, tuple[str, ...]]:
    """Kinds of operators, formats of products and phases of some rows, each sorted."""
    found: dict[str, set[str]] = {"operators": set(), "formats": set(), "phases": set()}
    for row in rows:
        for respect, name in _marks(row):
            found[respect].add(name)
    return {respect: tuple(sorted(names)) for respect, names in found.items()}


def _marks(row: ExecutionRow) -> Iterator[tuple[str, str]]:
    yield "operators", kind_of(row.operator)
    yield "phases", row.phase
    if row.source is not None:
        for task, format in row.source.alu.tasks:
            if task == "multiply_accumulate":
                yield "formats", format


_WORDS = {"operators": "{} operators, of which no measured row had any", "formats": "{} products, a format that no "
          "measured row had", "phases": "the {} pass, which no measured row had"}


def outside(model: EnergyModel, row: ExecutionRow, energy_joule: float, distance: float) -> Iterator[Outside]:
    """In which respects a row lies outside a model's data: its kind, its format, its phase, its size (e-folds)."""
    for respect, name in _marks(row):
        known = model.seen.get(respect)
        if known and name not in known and not (respect == "operators" and row.operator in model.operators):
            yield Outside(_WORDS[respect].format(name), energy_joule)
    if distance > NEAR:
        yield Outside("sizes or amounts beyond twice the measured ones", energy_joule)
