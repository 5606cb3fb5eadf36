"""What the registers share: every file of a package is opened once, and what is filed runs in the order it asks for."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from graphlib import CycleError, TopologicalSorter
from typing import Any, TypeVar

__all__ = ["filing", "in_order", "open_files"]

_Row = TypeVar("_Row", bound=Callable[..., Any])


@cache
def open_files(package: str, prefix: str = "") -> None:
    """Import every module of a package, or those whose names begin so; each files what it holds."""
    for module in pkgutil.iter_modules(importlib.import_module(package).__path__):
        if module.name.startswith(prefix):
            importlib.import_module(f"{package}.{module.name}")


def filing(table: dict[str, Any], kind: str, names: Iterable[str]) -> Callable[[_Row], _Row]:
    """A decorator that files a row of a table under its names; KeyError where one has a row."""

    def file(row: _Row) -> _Row:
        for name in names:
            if name in table:
                raise KeyError(f"{kind}{name} has two rows")
            table[name] = row
        return row

    return file


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
