"""Modules that tests read from a path: neither tests nor benchmarks are packages."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

__all__ = ["BENCHMARKS", "module_at"]

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def module_at(path: Path) -> ModuleType:
    """The module of a file, executed anew."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module
