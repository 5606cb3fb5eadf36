"""Grids: what a kilowatt-hour of a country's electricity emits, from a packaged table with its source."""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib import resources

__all__ = ["Grid", "grid", "grids"]


@dataclass(frozen=True)
class Grid:
    """Emissions of one grid's electricity, yearly mean over its life cycle: gram of CO2 equivalent for each kWh."""

    name: str
    gram_per_kilowatt_hour: float
    year: int | None = None
    source: str = "given"


@cache
def grids() -> dict[str, Grid]:
    """The packaged grids, by code (``DEU``, ``WORLD``). Source: Ember, Yearly Electricity Data (CC BY 4.0)."""
    text = resources.files("hardware").joinpath("data/grid.csv").read_text(encoding="utf-8")
    return {row["code"]: Grid(row["name"], float(row["gram_co2e_per_kilowatt_hour"]), int(row["year"]), row["source"])
            for row in csv.DictReader(text.splitlines())}


def grid(text: str) -> Grid:
    """A grid by code or name, or by its own figure in gram of CO2 equivalent per kWh; ValueError where there is none.

    >>> grid("France").gram_per_kilowatt_hour, grid("deu").name, grid("400").gram_per_kilowatt_hour
    (56.04, 'Germany', 400.0)
    """
    known = {**{code.lower(): g for code, g in grids().items()}, **{g.name.lower(): g for g in grids().values()}}
    if text.lower() in known:
        return known[text.lower()]
    try:
        value = float(text)
    except ValueError:
        near = get_close_matches(text.lower(), known, n=3, cutoff=0.6)
        hint = f"did you mean {', '.join(known[n].name for n in near)}?" if near else f"there are {', '.join(grids())}"
        raise ValueError(f"no grid '{text}': give gram of CO2e per kWh, a code or a country; {hint}") from None
    if not 0 <= value < math.inf:
        raise ValueError(f"a grid cannot emit {text} gram of CO2e per kWh; give a number from 0 on")
    return Grid(f"{value:g} g CO2e/kWh", value)
