"""What a device is, and what was measured on it: plain data, meters, and nothing of networks or circuits."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hardware.device import Device, device_names, load_device
    from hardware.measurement import Measurement, MeasurementRow, read_table, write_table
    from hardware.memory import MemoryLevel
    from hardware.provenance import Provenance, shipped_tables
    from hardware.runtime import RuleUse, Runtime, load_runtime, runtime_names

__all__ = ["Device", "Measurement", "MeasurementRow", "MemoryLevel", "Provenance", "RuleUse", "Runtime", "device_names",
           "load_device", "load_runtime", "read_table", "runtime_names", "shipped_tables", "write_table"]

_HOMES = {"Device": "device", "Measurement": "measurement", "MeasurementRow": "measurement", "MemoryLevel": "memory",
          "Provenance": "provenance", "RuleUse": "runtime", "Runtime": "runtime", "device_names": "device",
          "load_device": "device", "load_runtime": "runtime", "read_table": "measurement", "runtime_names": "runtime",
          "shipped_tables": "provenance", "write_table": "measurement"}


def __getattr__(name: str) -> Any:
    """Import a public name on first use, so that ``import hardware`` costs nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module 'hardware' has no attribute '{name}'")
    return getattr(importlib.import_module(f"hardware.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
