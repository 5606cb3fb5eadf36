"""Measuring: plans, workloads, runtimes that execute them, and sessions that read a meter meanwhile."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tocompiler.measuring.clock import Clock
    from tocompiler.measuring.design import Informative
    from tocompiler.measuring.operators import measured_operators
    from tocompiler.measuring.plan import Plan, Workload, load_plan, plan_names
    from tocompiler.measuring.runtimes import Executor, executor
    from tocompiler.measuring.session import Chooser, Outcome, Session, measure
    from tocompiler.measuring.simulation import Conditions, SimulatedMachine, SimulatedRuntime
    from tocompiler.measuring.window import Settings

__all__ = ["Chooser", "Clock", "Conditions", "Executor", "Informative", "Outcome", "Plan", "Session", "Settings",
           "SimulatedMachine", "SimulatedRuntime", "Workload", "executor", "load_plan", "measure",
           "measured_operators", "plan_names"]

_HOMES = {
    "clock": ("Clock",),
    "design": ("Informative",),
    "operators": ("measured_operators",),
    "plan": ("Plan", "Workload", "load_plan", "plan_names"),
    "runtimes": ("Executor", "executor"),
    "session": ("Chooser", "Outcome", "Session", "measure"),
    "simulation": ("Conditions", "SimulatedMachine", "SimulatedRuntime"),
    "window": ("Settings",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Import a public name on first use."""
    if name not in _HOME_OF:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    return getattr(importlib.import_module(f"{__name__}.{_HOME_OF[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
