"""The register of functions: a file of ``elementary/functions`` says everything that is true of one function.

A file there holds a ``FUNCTION``; it is found by being there. ``register`` files a function from anywhere else, and it
is priced, measured and compiled like those of the package.
"""

from __future__ import annotations

import importlib
import math
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

from alu_library.elementary.programs import Program

__all__ = ["Function", "Maker", "Shape", "composed", "every", "find", "register", "unregister", "with_bits"]

Maker: TypeAlias = Callable[[float], Program]
"""A program for a target accuracy in bits."""

_EVERYWHERE = (-math.inf, math.inf)


@dataclass(frozen=True)
class Shape:
    """What a table of pieces need not hold: the function beyond ±2^highest, as (value, slope), for each sign.

    ``odd`` functions are tabulated for positive arguments only, and ``positive`` ones have no others. ``at_zero`` is
    value and slope at 0.
    """

    at_zero: tuple[float, float]
    right: tuple[float, float]
    left: tuple[float, float] = (0.0, 0.0)
    odd: bool = False
    positive: bool = False
    highest: int = 5

    @property
    def halves(self) -> int:
        """How many signs are tabulated."""
        return 1 if self.odd or self.positive else 2


@dataclass(frozen=True, kw_only=True)
class Function:
    """One function of one or two real ``arguments``.

    ``algorithms`` are its programs by style. ``formula(sympy, x)`` is the definition; a derivative that gives none is
    differentiated. ``reference(m, x)`` is the same in float64 with a relative error below 1e-12, written in the
    functions of ``m``: numpy's and scipy.special's; ``limits`` are the values at -infinity and infinity where it does
    not give them. ``composed`` programs work by calling other functions, whose style is the choice's. ``inner``
    functions serve others and have no rows. ``digits``: terms like e^x against 1 need as many digits as they differ in.
    ``second`` draws arguments y for arguments x, as ``second(random, x, format)``.

    ``domain`` is where it is real. In fp64, beyond which no internal format has exponents, ``tail(t)`` and
    ``growth(t)`` say how far to the left, and to both sides, results are right when e^-t is the smallest normal number.
    """

    name: str
    algorithms: Mapping[str, Maker]
    formula: Callable[..., Any] | None = None
    reference: Callable[..., Any] | None = None
    derivative: Function | None = None
    arguments: int = 1
    domain: tuple[float, float] = _EVERYWHERE
    limits: tuple[float, float] | None = None
    tail: Callable[[float], float] | None = None
    growth: Callable[[float], float] | None = None
    shape: Shape | None = None
    activation: bool = False
    composed: bool = False
    inner: bool = False
    of_result: bool = False
    digits: bool = False
    second: Callable[[Any, Any, str], Any] | None = None


def with_bits(program: Program, **fixed: Any) -> Maker:
    """A maker that hands its bits to the program."""
    return lambda bits: partial(program, bits=bits, **fixed)


def composed(program: Program) -> dict[str, Maker]:
    """The styles of a program over other functions: they say how the functions inside are computed."""
    return {"polynomial": lambda bits: program, "table_32": lambda bits: program}


_FUNCTIONS: dict[str, Function] = {}
_FOUND: list[str] = []


def register(function: Function) -> None:
    """File a function and its derivative; KeyError if a name is taken."""
    every()
    _file(function)


def unregister(name: str) -> None:
    """Take a function and its derivative out again; KeyError if it is not there."""
    function = _FUNCTIONS.pop(name)
    if function.derivative:
        del _FUNCTIONS[function.derivative.name]


def _file(function: Function) -> None:
    for each in filter(None, (function, function.derivative)):
        if each.name in _FUNCTIONS:
            raise KeyError(f"function {each.name} is registered twice")
        _FUNCTIONS[each.name] = each


def every() -> Mapping[str, Function]:
    """Every function by name, those that only serve others among them."""
    if not _FOUND:
        from alu_library.elementary import functions

        _FOUND.extend(module.name for module in pkgutil.iter_modules(functions.__path__))
        for name in _FOUND:
            _file(importlib.import_module(f"{functions.__name__}.{name}").FUNCTION)
    return _FUNCTIONS


def find(name: str) -> Function:
    """The function called ``name``; KeyError if there is none."""
    return every()[name]
