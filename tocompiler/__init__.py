"""tocompiler: predict the energy of a neural network by compiling it to transistor operations."""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tocompiler.compiler import compile
    from tocompiler.energy.calibration import calibrate
    from tocompiler.energy.evaluation import evaluate
    from tocompiler.energy.prediction import predict
    from tocompiler.energy.tables import read_measurements
    from tocompiler.energy.transfer import transfer, zero_shot
    from tocompiler.execution import ExecutionProgram, execute
    from tocompiler.loading import load
    from tocompiler.network import Network
    from tocompiler.runtimes import rule

__all__ = ["ExecutionProgram", "Network", "calibrate", "compile", "evaluate", "execute", "load", "predict",
           "read_measurements", "rule", "transfer", "zero_shot"]
__version__ = "0.1.0"

_HOMES = {
    "ExecutionProgram": "tocompiler.execution",
    "Network": "tocompiler.network",
    "calibrate": "tocompiler.energy.calibration",
    "compile": "tocompiler.compiler",
    "evaluate": "tocompiler.energy.evaluation",
    "execute": "tocompiler.execution",
    "load": "tocompiler.loading",
    "predict": "tocompiler.energy.prediction",
    "read_measurements": "tocompiler.energy.tables",
    "rule": "tocompiler.runtimes",
    "transfer": "tocompiler.energy.transfer",
    "zero_shot": "tocompiler.energy.transfer",
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


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
