"""What the registers share: every file of a package is opened once, and what is filed runs in the order it asks for."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable, Mapping
from functools import cache
from graphlib import CycleError, TopologicalSorter

__all__ = ["in_order", "open_files"]


@cache
def open_files(package: str) -> None:
    """Import every module of a package, each of which files what it holds."""
    for module in pkgutil.iter_modules(importlib.import_module(package).__path__):
        importlib.import_module(f"{package}.{module.name}")


def in_order(after: Mapping[str, Iterable[str]], kind: str) -> list[str]:
    """Names, each behind those that it comes ``after``, otherwise as they were filed; names of nothing are left out.

    ValueError where they go round in a circle.

    >>> in_order({"b": ("a", "absent"), "a": (), "c": ()}, "passes")
    ['a', 'c', 'b']
    """
    try:
        return [name for name in TopologicalSorter(after).static_order() if name in after]
    except CycleError as error:
        raise ValueError(f"{kind} follow each other in a circle: {', '.join(error.args[1])}") from None
