"""Runtimes that execute a workload: one file each, registered by name, imported when it is asked for."""

from __future__ import annotations

import importlib
import pkgutil
import platform
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path

from tocompiler.network import Network

__all__ = ["Executor", "Run", "executor", "processor"]

Run = Callable[[int], None]
"""Execute so many times and return when the last is done."""


class Executor(ABC):
    """A runtime on one processor of this machine.

    ``covers`` is what a meter must cover (``cpu`` or ``gpu``); ``preset`` the device runtime that ``calibrate`` is to
    use; ``device``, ``versions`` and ``threads`` go into every row.
    """

    covers: str
    preset: str
    device: str
    versions: str
    threads: int

    @abstractmethod
    def prepare(self, network: Network, format: str, phase: str, operands: str, seed: int) -> Run:
        """Load a network with random weights; ValueError where it cannot be executed here."""


def executor(spec: str, threads: int | None = None) -> Executor:
    """A runtime by name, with an argument after a colon (``torch:cuda``); ValueError where there is none."""
    name, _, argument = spec.partition(":")
    names = sorted(m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_"))
    if name not in names:
        raise ValueError(f"unknown runtime '{name}'; use one of {', '.join(names)}")
    made: Executor = importlib.import_module(f"{__name__}.{name}").open_executor(argument, threads)
    return made


def processor() -> str:
    """The processor's name as the system gives it."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith(("model name", "Model")):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
