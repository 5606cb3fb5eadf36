"""The methods this grew from, side by side: one class for each, one interface, chosen by name.

``estimator("yang")`` makes one; ``fit(measurements)`` learns what the method leaves free from a device's measurements
(``hardware.Measurement``) and returns the estimator itself; ``predict(program)`` gives the joules of one execution of
a TransistorProgram. Only the two import what they need: numpy and scipy are not loaded by this module.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any, Protocol, Self

__all__ = ["NAMES", "Estimator", "estimator"]

_PLACES = {
    "transistor_operations": ("transistor_operations", "TransistorOperations"),
    "scaling_law": ("transistor_operations", "ScalingLaw"),
    "macs": ("proxies", "Macs"),
    "flops": ("proxies", "Flops"),
    "roofline": ("proxies", "Roofline"),
    "toml": ("toml_costs", "Toml"),
    "puangpontip_hewett": ("puangpontip_hewett", "PuangpontipHewett"),
    "yang": ("yang", "Yang"),
    "getzner": ("getzner", "Getzner"),
    "getzner_relative": ("getzner", "GetznerRelative"),
    "synergy": ("synergy", "Synergy"),
}

NAMES = tuple(_PLACES)
"""Every estimator's name, ours first."""


class Estimator(Protocol):
    """What every method offers. ``predict`` before ``fit`` gives the published constants' joules where the method has
    some, and raises ValueError where it has none."""

    name: str

    def fit(self, measurements: Sequence[Any]) -> Self:
        """Learn from measurements; ValueError where there are too few."""

    def predict(self, program: Any) -> float:
        """Joules of one execution of a TransistorProgram."""


def estimator(name: str, **options: Any) -> Estimator:
    """A new estimator by name, with the options of its class.

    >>> estimator("macs").name
    'macs'
    >>> estimator("tea leaves")
    Traceback (most recent call last):
    ValueError: unknown estimator 'tea leaves'; known: transistor_operations, scaling_law, macs, flops, roofline, \
toml, puangpontip_hewett, yang, getzner, getzner_relative, synergy
    """
    try:
        module, cls = _PLACES[name]
    except KeyError:
        raise ValueError(f"unknown estimator '{name}'; known: {', '.join(NAMES)}") from None
    made: Estimator = getattr(importlib.import_module(f"{__name__}.{module}"), cls)(**options)
    return made
