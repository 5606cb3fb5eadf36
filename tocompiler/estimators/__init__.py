"""The methods this grew from, side by side: one class for each, one interface, chosen by name.

``estimator("yang")`` makes one; ``fit(measurements)`` learns what the method leaves free from a device's measurements
(``hardware.Measurement``) and returns the estimator itself; ``predict(program)`` gives the joules of one execution of
a TransistorProgram. A file of this package files its classes with ``register``, as anybody may.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar

from tocompiler.registers import open_files

if TYPE_CHECKING:
    from hardware.measurement import Measurement
    from hardware.program import Program
    from tocompiler.estimators.comparison import Score, Split, compare
    from tocompiler.estimators.dataflows import DATAFLOWS
    from tocompiler.estimators.getzner import FORMS, Getzner, GetznerRelative, Layer, LayerFit
    from tocompiler.estimators.hierarchy import load_hierarchy
    from tocompiler.estimators.mapping import Data
    from tocompiler.estimators.puangpontip_hewett import ALEXNET, MINI_ALEXNET, PuangpontipHewett, access_counts
    from tocompiler.estimators.synergy import DirectLoop, Machine
    from tocompiler.estimators.yang import LayerEnergy, layer_energy

__all__ = ["ALEXNET", "DATAFLOWS", "FORMS", "MINI_ALEXNET", "Data", "DirectLoop", "Estimator", "Getzner",
           "GetznerRelative", "Layer", "LayerEnergy", "LayerFit", "Machine", "PuangpontipHewett", "Score", "Split",
           "access_counts", "compare", "estimator", "layer_energy", "load_hierarchy", "names", "register"]

_HOMES = {
    "comparison": ("Score", "Split", "compare"),
    "dataflows": ("DATAFLOWS",),
    "getzner": ("FORMS", "Getzner", "GetznerRelative", "Layer", "LayerFit"),
    "hierarchy": ("load_hierarchy",),
    "mapping": ("Data",),
    "puangpontip_hewett": ("ALEXNET", "MINI_ALEXNET", "PuangpontipHewett", "access_counts"),
    "synergy": ("DirectLoop", "Machine"),
    "yang": ("LayerEnergy", "layer_energy"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


class Estimator(Protocol):
    """What every method offers. ``predict`` before ``fit`` gives the published constants' joules where the method has
    some, and raises ValueError where it has none."""

    name: str

    def fit(self, measurements: Sequence[Measurement]) -> Self:
        """Learn from measurements; ValueError where there are too few."""

    def predict(self, program: Program) -> float:
        """Joules of one execution of a TransistorProgram."""


_ESTIMATORS: dict[str, Callable[..., Estimator]] = {}
_OURS: list[str] = []
_E = TypeVar("_E", bound="type[Any]")


def register(cls: _E | None = None, *, ours: bool = False) -> Any:
    """Class decorator: file an estimator under its ``name``, before the others where it is ``ours``; KeyError if the
    name is taken."""

    def file(cls: _E) -> _E:
        if cls.name in _ESTIMATORS:
            raise KeyError(f"estimator {cls.name} is registered twice")
        _ESTIMATORS[cls.name] = cls
        if ours:
            _OURS.append(cls.name)
        return cls

    return file if cls is None else file(cls)


def names() -> tuple[str, ...]:
    """Every estimator's name, ours first."""
    open_files(__name__)
    return (*_OURS, *sorted(name for name in _ESTIMATORS if name not in _OURS))


def estimator(name: str, **options: Any) -> Estimator:
    """A new estimator by name, with the options of its class.

    >>> estimator("macs").name
    'macs'
    >>> estimator("tea leaves")
    Traceback (most recent call last):
    ValueError: unknown estimator 'tea leaves'; known: transistor_operations, scaling_law, flops, getzner, \
getzner_relative, macs, puangpontip_hewett, roofline, synergy, toml, yang
    """
    if name not in names():
        raise ValueError(f"unknown estimator '{name}'; known: {', '.join(names())}")
    return _ESTIMATORS[name](**options)


def __getattr__(name: str) -> Any:
    """Import a public name on first use, so that importing this package costs nothing."""
    if name not in _HOME_OF:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    return getattr(importlib.import_module(f"{__name__}.{_HOME_OF[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
