"""tocompiler: predict the energy of a neural network by compiling it to transistor operations."""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tocompiler import estimators, loading, measuring, operators, passes, serving, sweeping, zoo
    from tocompiler.bayes.learning import Evidence, learn_prior
    from tocompiler.bayes.prior import Prior, shipped_prior
    from tocompiler.compiler import compile
    from tocompiler.costing import TransistorProgram, TransistorRow
    from tocompiler.energy.calibration import calibrate
    from tocompiler.energy.evaluation import evaluate
    from tocompiler.energy.prediction import Prediction, Ratio, predict, ratio
    from tocompiler.energy.transfer import transfer, zero_shot
    from tocompiler.execution import ExecutionProgram, execute
    from tocompiler.families import network_of
    from tocompiler.frontends.onnx_reader import skim
    from tocompiler.loading import load
    from tocompiler.lowering import AluProgram, AluRow
    from tocompiler.network import Network
    from tocompiler.plausibility import doubts
    from tocompiler.profiling import profiled_statistics, weight_statistics
    from tocompiler.report.summary import summary
    from tocompiler.runtimes import rule
    from tocompiler.serving.server import with_server
    from tocompiler.sweeping import sweep
    from tocompiler.tables import read_measurements
    from tocompiler.technology_fit import NodeFit, fit_node, node_switching
    from tocompiler.tensors import Operator, Statistics, Tensor

__all__ = ["AluProgram", "AluRow", "Evidence", "ExecutionProgram", "Network", "NodeFit", "Operator", "Prediction",
           "Prior", "Ratio", "Statistics", "Tensor", "TransistorProgram", "TransistorRow", "calibrate", "compile",
           "doubts", "estimators", "evaluate", "execute", "fit_node", "learn_prior", "load", "loading", "measuring",
           "network_of", "node_switching", "operators", "passes", "predict", "profiled_statistics", "ratio",
           "read_measurements", "rule", "serving", "shipped_prior", "skim", "summary", "sweep", "sweeping", "transfer",
           "weight_statistics", "with_server", "zero_shot", "zoo"]
__version__ = "0.1.0"

_HOMES = {
    "compiler": ("compile",),
    "costing": ("TransistorProgram", "TransistorRow"),
    "energy.calibration": ("calibrate",),
    "energy.evaluation": ("evaluate",),
    "plausibility": ("doubts",),
    "serving.server": ("with_server",),
    "energy.prediction": ("Prediction", "Ratio", "predict", "ratio"),
    "tables": ("read_measurements",),
    "technology_fit": ("NodeFit", "fit_node", "node_switching"),
    "bayes.prior": ("Prior", "shipped_prior"),
    "bayes.learning": ("Evidence", "learn_prior"),
    "energy.transfer": ("transfer", "zero_shot"),
    "execution": ("ExecutionProgram", "execute"),
    "families": ("network_of",),
    "frontends.onnx_reader": ("skim",),
    "loading": ("load",),
    "lowering": ("AluProgram", "AluRow"),
    "network": ("Network",),
    "profiling": ("profiled_statistics", "weight_statistics"),
    "report.summary": ("summary",),
    "runtimes": ("rule",),
    "sweeping": ("sweep",),
    "tensors": ("Operator", "Statistics", "Tensor"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}
_SPACES = ("estimators", "loading", "measuring", "operators", "passes", "serving", "sweeping", "zoo")


def check_hardware() -> None:
    """ImportError, in one line, if another distribution's ``hardware`` package stands in front of tocompiler's own."""
    found = importlib.util.find_spec("hardware")
    home = Path(found.origin).parent if found is not None and found.origin is not None else None
    if home is None or not (home / "measurement.py").exists():
        raise ImportError(f"the package 'hardware' at {home} is not tocompiler's: another distribution has the same "
                          "name; use an environment without it and install tocompiler there")


def __getattr__(name: str) -> Any:
    """Import a public name on first use, so that importing this package costs nothing."""
    if name in _SPACES:
        return importlib.import_module(f"{__name__}.{name}")
    if name not in _HOME_OF:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    check_hardware()
    return getattr(importlib.import_module(f"{__name__}.{_HOME_OF[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
