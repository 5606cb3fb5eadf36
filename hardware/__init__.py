"""What a device is, and what was measured on it: plain data, meters, and nothing of networks or circuits."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hardware import meters
    from hardware.adapters import published_tables
    from hardware.device import Device, device_names, load_device
    from hardware.electricity import Grid, grid, grids
    from hardware.facts import Facts, facts_of, known_facts
    from hardware.measurement import Measurement, MeasurementRow, TableError, read_table, table_remarks, write_table
    from hardware.memory import MemoryLevel
    from hardware.program import Program
    from hardware.provenance import Provenance, provenance, shipped_table, shipped_tables
    from hardware.runtime import RuleUse, Runtime, load_runtime, runtime_names
    from hardware.technology import PublishedEnergy, TechnologyNode, fitted_nodes, published_energies

__all__ = ["Device", "Facts", "Grid", "Measurement", "MeasurementRow", "MemoryLevel", "Program", "Provenance",
           "PublishedEnergy", "RuleUse", "Runtime", "TableError", "TechnologyNode", "device_names", "facts_of",
           "fitted_nodes", "grid", "grids", "known_facts", "load_device", "load_runtime", "meters", "provenance",
           "published_energies", "published_tables", "read_table", "runtime_names", "shipped_table", "shipped_tables",
           "table_remarks", "write_table"]

_HOMES = {
    "adapters": ("published_tables",),
    "device": ("Device", "device_names", "load_device"),
    "electricity": ("Grid", "grid", "grids"),
    "facts": ("Facts", "facts_of", "known_facts"),
    "measurement": ("Measurement", "MeasurementRow", "TableError", "read_table", "table_remarks", "write_table"),
    "memory": ("MemoryLevel",),
    "program": ("Program",),
    "provenance": ("Provenance", "provenance", "shipped_table", "shipped_tables"),
    "runtime": ("RuleUse", "Runtime", "load_runtime", "runtime_names"),
    "technology": ("PublishedEnergy", "TechnologyNode", "fitted_nodes", "published_energies"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}
_SPACES = ("meters",)


def __getattr__(name: str) -> Any:
    """Import a public name on first use, so that importing this package costs nothing."""
    if name in _SPACES:
        return importlib.import_module(f"{__name__}.{name}")
    if name not in _HOME_OF:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    return getattr(importlib.import_module(f"{__name__}.{_HOME_OF[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
