"""The compiler's assumed constants, read from their data file with their provenance."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources

__all__ = ["Assumption", "assumption", "assumptions"]


@dataclass(frozen=True)
class Assumption:
    """One constant: value, unit, meaning, source, year, and how it was obtained."""

    name: str
    value: float
    unit: str
    meaning: str
    source: str
    year: int
    obtained: str


@cache
def assumptions() -> dict[str, Assumption]:
    """Every assumed constant, by name."""
    text = resources.files("tocompiler").joinpath("data/assumptions.toml").read_text(encoding="utf-8")
    return {name: Assumption(name, **entry) for name, entry in tomllib.loads(text).items()}


def assumption(name: str) -> float:
    """The value of one assumed constant; KeyError if there is none of that name."""
    return assumptions()[name].value
