"""Meters: one small file each behind one interface, registered by name. Adding a meter is adding a file here."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from hardware.meters.base import Meter, MeterError, Reading

__all__ = ["Kind", "Meter", "MeterError", "Reading", "kinds", "meter", "open_meter"]

_Open = Callable[[str], Meter]
_KINDS: dict[str, Kind] = {}


@dataclass(frozen=True)
class Kind:
    """A registered meter: how to open it, what it covers (``cpu``, ``gpu`` or ``board``; empty: never chosen by
    itself), where it looks, and how to gain access. Of several that answer, the lowest ``rank`` is taken."""

    name: str
    open: _Open
    covers: str
    looks_for: str
    access: str
    rank: int


def meter(name: str, *, covers: str = "", looks_for: str, access: str, rank: int = 5) -> Callable[[_Open], _Open]:
    """Decorator: file a function that opens a meter under a name; KeyError if it is taken.

    The function is given what follows the colon in ``name:argument`` and raises MeterError where there is none.
    """

    def file(function: _Open) -> _Open:
        if name in _KINDS:
            raise KeyError(f"meter {name} is registered twice")
        _KINDS[name] = Kind(name, function, covers, looks_for, access, rank)
        return function

    return file


@cache
def _load_files() -> None:
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")


def kinds() -> list[Kind]:
    """Every registered meter, in the order in which ``auto`` tries them."""
    _load_files()
    return sorted(_KINDS.values(), key=lambda kind: (kind.rank, kind.name))


def open_meter(spec: str = "auto", covers: str = "cpu") -> Meter:
    """Open a meter: ``name``, ``name:argument`` or ``auto``, which takes the first that answers and covers that.

    MeterError says what was looked for and how to gain access, one line for each meter.
    """
    name, _, argument = spec.partition(":")
    known = {kind.name: kind for kind in kinds()}
    if name == "auto":
        return _first([k for k in known.values() if k.covers and k.covers in (covers, "board")], covers)
    if name not in known:
        raise MeterError(f"unknown meter '{name}'; use auto or one of {', '.join(sorted(known))}")
    return known[name].open(argument)


def _first(candidates: list[Kind], covers: str) -> Meter:
    said = []
    for kind in candidates:
        try:
            return kind.open("")
        except MeterError as error:
            said.append(f"  {kind.name}: looked for {kind.looks_for}: {error}\n    {kind.access}")
    raise MeterError(f"no meter for the {covers} of this machine answers.\n" + "\n".join(said))
