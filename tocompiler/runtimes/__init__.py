"""What runtimes do to an operator, as rules; this file is their register.

A rule is one function of a row's draft that knows one behaviour of one kind of library. It is registered by name,
its parameters are its keyword arguments, and the source of a value stands in the runtime file that gives it. A
condition of a measured row overrides the parameter of its name for that row.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from hardware.runtime import RuleUse, Runtime
from tocompiler.runtimes.draft import Draft

__all__ = ["Applied", "Rule", "applied", "rule", "rule_names"]

_R = Callable[..., Draft]
_NO_RULES = ("draft", "facts", "window")


@dataclass(frozen=True)
class Rule:
    """A behaviour: ``apply(draft, **parameters)``, for rows of ``operators`` (empty: all but an execution's own)."""

    name: str
    apply: _R
    operators: tuple[str, ...]
    parameters: Mapping[str, inspect.Parameter]
    types: Mapping[str, Any]

    @property
    def meaning(self) -> str:
        """The first paragraph of its documentation, as one line."""
        return " ".join((inspect.getdoc(self.apply) or "").split("\n\n")[0].split())


_RULES: dict[str, Rule] = {}


def rule(name: str, *, operators: tuple[str, ...] = ()) -> Callable[[_R], _R]:
    """Decorator: file a function under a name; KeyError if the name is taken.

    Keyword arguments of the function are the rule's parameters; one without a default must be given in the file.
    """

    def file(function: _R) -> _R:
        if name in _RULES:
            raise KeyError(f"runtime rule {name} is registered twice")
        given = inspect.signature(function).parameters
        parameters = {k: p for k, p in given.items() if p.kind is inspect.Parameter.KEYWORD_ONLY}
        hints = typing.get_type_hints(function)
        _RULES[name] = Rule(name, function, operators, parameters, {k: _given(hints[k]) for k in parameters})
        return function

    return file


def _given(hint: Any) -> Any:
    """The type of a value that may also be absent."""
    return next((part for part in typing.get_args(hint) if part is not type(None)), hint) if _optional(hint) else hint


def _optional(hint: Any) -> bool:
    return type(None) in typing.get_args(hint)


@cache
def _open_rooms() -> None:
    for module in sorted(m.name for m in pkgutil.iter_modules(__path__) if m.name not in _NO_RULES):
        importlib.import_module(f"{__name__}.{module}")


def rule_names() -> list[str]:
    """Every registered rule, sorted."""
    _open_rooms()
    return sorted(_RULES)


@dataclass(frozen=True)
class Applied:
    """A rule with its parameters, ready for drafts."""

    rule: Rule
    parameters: Mapping[str, Any]
    source: str

    def concerns(self, operator: str) -> bool:
        """Whether the rule looks at rows of an operator."""
        return operator in self.rule.operators if self.rule.operators else operator != "execution"

    def __call__(self, draft: Draft) -> Draft:
        return self.rule.apply(draft, **self.parameters)


def applied(runtime: Runtime, conditions: Mapping[str, str] | None = None) -> tuple[Applied, ...]:
    """The rules of a runtime in their order, under a row's conditions; ValueError names what is unknown or unfit."""
    _open_rooms()
    return tuple(_applied(runtime, use, conditions or {}) for use in runtime.rules)


def _applied(runtime: Runtime, use: RuleUse, conditions: Mapping[str, str]) -> Applied:
    place = f"runtime {runtime.name}, rule '{use.name}'"
    if use.name not in _RULES:
        raise ValueError(f"{place}: no such rule; use one of {', '.join(sorted(_RULES))}")
    found = _RULES[use.name]
    for name in use.parameters:
        if name not in found.parameters:
            raise ValueError(f"{place}: unknown parameter '{name}'; use {', '.join(found.parameters) or 'none'}")
    for name, parameter in found.parameters.items():
        if parameter.default is inspect.Parameter.empty and name not in use.parameters:
            raise ValueError(f"{place}: parameter '{name}' is missing; give {_called(found.types[name])}")
    values = {name: _fitting(value, found.types[name], f"{place}, parameter '{name}'")
              for name, value in use.parameters.items()}
    for name in found.parameters.keys() & conditions.keys():
        values[name] = _read(conditions[name], found.types[name], f"condition_{name}")
    return Applied(found, values, use.source)


_TEXTS: Mapping[str, bool] = {"true": True, "false": False}


def _read(text: str, kind: Any, place: str) -> Any:
    """A condition's text as the parameter's type."""
    if kind is bool and text.lower() in _TEXTS:
        return _TEXTS[text.lower()]
    if kind in (int, float):
        try:
            return _fitting(kind(text), kind, place)
        except ValueError:
            pass
    if kind is str:
        return text
    raise ValueError(f"{place}: '{text}' is not {_called(kind)}")


def _fitting(value: Any, kind: Any, place: str) -> Any:
    """A parameter's value as its type, lists as tuples."""
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    origin = typing.get_origin(kind)
    if origin is tuple and isinstance(value, list | tuple):
        each = typing.get_args(kind)[0]
        return tuple(_fitting(v, each, place) for v in value)
    if origin is not None and issubclass(origin, Mapping) and isinstance(value, Mapping):
        each = typing.get_args(kind)[1]
        return {str(k): _fitting(v, each, place) for k, v in value.items()}
    if origin is None and isinstance(value, kind) and not (kind is int and isinstance(value, bool)):
        if kind is int and value < 1:
            raise ValueError(f"{place}: {value} is not a whole number above 0")
        if kind is float and not 0 <= value < float("inf"):
            raise ValueError(f"{place}: {value} is not a finite number from 0 on")
        return value
    raise ValueError(f"{place}: {value!r} is not {_called(kind)}")


def _called(kind: Any) -> str:
    names = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}
    return names.get(kind, "a table" if "Mapping" in str(kind) else "a list")
