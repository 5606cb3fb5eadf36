"""tocompiler: predict the energy of a neural network by compiling it to transistor operations."""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tocompiler.compiler import compile
    from tocompiler.energy.calibration import calibrate
    from tocompiler.energy.prediction import predict
    from tocompiler.loading import load
    from tocompiler.network import Network

__all__ = ["Network", "calibrate", "compile", "load", "predict"]
__version__ = "0.1.0"

_HOMES = {
    "Network": "tocompiler.network",
    "calibrate": "tocompiler.energy.calibration",
    "compile": "tocompiler.compiler",
    "load": "tocompiler.loading",
    "predict": "tocompiler.energy.prediction",
}


def check_hardware() -> None:
    """ImportError, in one line, if another distribution's ``hardware`` package stands in front of tocompiler's own."""
    found = importlib.util.find_spec("hardware")
    home = Path(found.origin).parent if found is not None and found.origin is not None else None
    if home is None or not (home / "measurement.py").exists():
        raise ImportError(f"the package 'hardware' at {home} is not tocompiler's: another distribution has the same "
                          "name; use an environment without it and install tocompiler there")


def __getattr__(name: str) -> Any:
    """Import a public name on first use, so that ``import tocompiler`` costs nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module 'tocompiler' has no attribute '{name}'")
    check_hardware()
    return getattr(importlib.import_module(_HOMES[name]), name)
