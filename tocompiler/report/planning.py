"""Planning: what stated executions of a program take in a year or any time: kilowatt-hours, money, emissions."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tocompiler.report.units import si

if TYPE_CHECKING:
    from hardware.electricity import Grid
    from tocompiler.energy.prediction import Prediction

__all__ = ["Plan"]

_JOULE_PER_KILOWATT_HOUR = 3.6e6


@dataclass(frozen=True)
class Plan:
    """How often a program is to run, on which grid (gram of CO2e per kWh), at which price (money per kWh).

    ValueError where executions are not positive or the price is negative.
    """

    executions: float
    grid: Grid | None = None
    price: float | None = None

    def __post_init__(self) -> None:
        if not 0 < self.executions < math.inf:
            raise ValueError(f"executions is {self.executions:g}: give how often the program runs")
        if self.price is not None and not 0 <= self.price < math.inf:
            raise ValueError(f"the price is {self.price:g}: give money per kWh, from 0 on")

    def figures(self, prediction: Prediction) -> dict[str, float | str | None]:
        """Kilowatt-hours with their interval, money and kilogram of CO2e of all executions."""
        scale = self.executions / _JOULE_PER_KILOWATT_HOUR
        energy, low, high = (joule * scale for joule in (prediction.energy_joule, prediction.low_joule,
                                                         prediction.high_joule))
        grid = self.grid
        return {
            "executions": self.executions,
            "energy_kilowatt_hour": energy, "energy_low_kilowatt_hour": low, "energy_high_kilowatt_hour": high,
            "price_per_kilowatt_hour": self.price,
            "cost": None if self.price is None else energy * self.price,
            "grid": grid.name if grid else None, "grid_source": grid.source if grid else None,
            "grid_gram_co2e_per_kilowatt_hour": grid.gram_per_kilowatt_hour if grid else None,
            "emission_kilogram_co2e": energy * grid.gram_per_kilowatt_hour / 1000 if grid else None,
        }

    def sentence(self, figures: Mapping[str, float | str | None]) -> str:
        """The figures in one sentence.

        >>> from types import SimpleNamespace
        >>> plan = Plan(1e6, price=.3)
        >>> plan.sentence(plan.figures(SimpleNamespace(energy_joule=.36, low_joule=.3, high_joule=.4)))
        '1.000 M executions take 100.0 Wh (83.33 Wh to 111.1 Wh), which cost 0.03.'
        """
        energy, low, high = (si(1000 * float(figures[f"energy_{part}kilowatt_hour"] or 0), "Wh")
                             for part in ("", "low_", "high_"))
        text = f"{si(float(self.executions))} executions take {energy} ({low} to {high})"
        if figures["cost"] is not None:
            text += f", which cost {float(figures['cost']):,.2f}"
        if self.grid is not None:
            emitted = si(1000 * float(figures["emission_kilogram_co2e"] or 0), "g")
            year = f", {self.grid.year}" if self.grid.year else ""
            joint = " and" if figures["cost"] is not None else ", which"
            text += f"{joint} emit {emitted} CO2e ({self.grid.name}{year})"
        return text + "."
