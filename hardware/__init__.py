"""What a device is, and what was measured on it: plain data, meters, and nothing of networks or circuits."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hardware.device import Device, load_device
    from hardware.measurement import Measurement

__all__ = ["Device", "Measurement", "load_device"]

_HOMES = {"Device": "device", "Measurement": "measurement", "load_device": "device"}


def __getattr__(name: str) -> Any:
    """Import a public name on first use, so that ``import hardware`` costs nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module 'hardware' has no attribute '{name}'")
    return getattr(importlib.import_module(f"hardware.{_HOMES[name]}"), name)
