"""The options of planning, which compile, report and compare share: ``--executions``, ``--grid``, ``--price``."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from tocompiler.report.planning import Plan

__all__ = ["plan_of", "planning_options"]

_F = TypeVar("_F", bound=Callable[..., Any])


def planning_options(command: _F) -> _F:
    """Decorator: the three options."""
    for option in (
        click.option("--price", type=float, metavar="MONEY", help="With --executions: money for each kWh."),
        click.option("--grid", metavar="G|NAME", help="With --executions: gram of CO2e per kWh, or a country."),
        click.option("--executions", type=float, metavar="N",
                     help="How often it runs (a year, say): adds kWh, money and CO2e."),
    ):
        command = option(command)
    return command


def plan_of(executions: float | None, grid: str | None, price: float | None, device: str | None) -> Plan | None:
    """What was asked for; None where nothing was. UsageError where one option lacks another."""
    if executions is None:
        for name, value in (("--grid", grid), ("--price", price)):
            if value is not None:
                raise click.UsageError(f"{name} is for --executions N: say how often it runs")
        return None
    if device is None:
        raise click.UsageError("--executions needs --device; `tocompiler devices` lists them")
    from hardware.electricity import grid as grid_of
    from tocompiler.report.planning import Plan

    return Plan(executions, grid_of(grid) if grid is not None else None, price)
