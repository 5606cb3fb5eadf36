"""Binding: numbers for the symbols of a network or a compiled program, so that one serves every batch and length."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, Generic, TypeVar

from alu_library.tasks import Tasks
from tocompiler.costing import TransistorProgram
from tocompiler.network import Network

__all__ = ["Binder"]

_EXACT = frozenset({"transistor_operations", "transistors_exercised", "glitch_factor", "attributes"})
"""Fields whose numbers are expectations; all others are counts, and an expected count is rounded."""


_V = TypeVar("_V", TransistorProgram, Network)


class Binder(Generic[_V]):
    """A program or network with symbols; ``bind`` gives it at numbers. Every distinct expression is compiled once."""

    def __init__(self, program: _V, symbols: Mapping[str, Any]) -> None:
        import sympy

        self._program: _V = program
        self._symbols = dict(symbols)
        found: dict[Any, int] = {}
        self._open: dict[int, bool] = {}
        _collect(program, found, self._open)
        self._places = found
        self._evaluate = sympy.lambdify(list(self._symbols.values()), list(found), modules="math", cse=True)

    @property
    def names(self) -> list[str]:
        """The symbols, by name."""
        return list(self._symbols)

    def bind(self, **values: int) -> _V:
        """The program at these values of all symbols; ValueError names one that is missing."""
        missing = sorted(self._symbols.keys() - values.keys())
        if missing:
            raise ValueError(f"give a number for {', '.join(missing)}")
        numbers = self._evaluate(*(values[name] for name in self._symbols))
        bound = _Bound({e: numbers[i] for e, i in self._places.items()}, self._open)
        made: _V = bound.of(self._program, "")
        return made


def _is_open(value: Any) -> bool:
    return bool(getattr(value, "free_symbols", None))


def _collect(value: Any, found: dict[Any, int], opened: dict[int, bool]) -> bool:
    """Number every distinct expression, and note by identity which values hold one; whether this one does."""
    if isinstance(value, str | int | float | type(None)):
        return False
    if _is_open(value):
        found.setdefault(value, len(found))
        return True
    if id(value) not in opened:
        inside = [_collect(part, found, opened) for part in _parts(value)]  # all of them: any() would stop at the first
        opened[id(value)] = any(inside)
    return opened[id(value)]


def _parts(value: Any) -> Any:
    if isinstance(value, Network):
        return (*value.operators, *value.inputs, *value.outputs)
    if isinstance(value, Mapping):
        return value.values()
    if isinstance(value, tuple | list):
        return value
    if is_dataclass(value):
        return [getattr(value, f.name) for f in fields(value)]
    if str(getattr(value, "dtype", "")) == "object":
        return value.ravel().tolist()
    return ()


class _Bound:
    """Values with numbers in the places of expressions; what has none stays the object that it was."""

    def __init__(self, numbers: Mapping[Any, float], opened: Mapping[int, bool]) -> None:
        self._numbers, self._opened = numbers, opened
        self._made: dict[int, Any] = {}

    def of(self, value: Any, field: str) -> Any:
        if isinstance(value, str | int | float | type(None)):
            return value
        if _is_open(value):
            number = self._numbers[value]
            return number if field in _EXACT or isinstance(number, int) else round(number)
        if not self._opened.get(id(value)):
            return value
        if id(value) not in self._made:
            self._made[id(value)] = self._new(value, field)
        return self._made[id(value)]

    def _new(self, value: Any, field: str) -> Any:
        if isinstance(value, Network):
            return Network(value.name, [self.of(op, "") for op in value.operators],
                           [self.of(t, "") for t in value.inputs], [self.of(t, "") for t in value.outputs], value.notes)
        if isinstance(value, Tasks):
            return Tasks({key: self.of(n, field) for key, n in value.items()})
        if isinstance(value, Mapping):
            return {key: self.of(n, field) for key, n in value.items()}
        if isinstance(value, tuple | list):
            return type(value)(self.of(part, field) for part in value)
        if str(getattr(value, "dtype", "")) == "object":
            import numpy

            return numpy.array([self.of(part, field) for part in value.ravel().tolist()]).reshape(value.shape)
        if is_dataclass(value) and not isinstance(value, type):
            return self._dataclass(value)
        return value

    def _dataclass(self, value: Any) -> Any:
        changed = {f.name: self.of(getattr(value, f.name), f.name) for f in fields(value) if f.init}
        return replace(value, **changed)
