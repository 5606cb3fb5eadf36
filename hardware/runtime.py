"""Runtime: what the software that executes a network does to it, as a list of rules with parameters and sources.

A rule is known by name (tocompiler.runtimes says what each does); a runtime file lists those that hold:

    name = "my_board"
    based_on = "generic"          # its rules come first; a rule named again replaces them
    without = ["in_place"]        # rules of the base that do not hold
    source = "vendor's kernel guide"

    [[rule]]
    name = "channel_blocks"
    block = 16
    source = "vendor's kernel guide, table 4"
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib import resources
from pathlib import Path
from typing import Any

__all__ = ["RuleUse", "Runtime", "load_runtime", "runtime_names"]

_FILE_KEYS = ("name", "based_on", "without", "source", "rule")


@dataclass(frozen=True)
class RuleUse:
    """One rule that holds: its name, its parameters by name, and where that is known from."""

    name: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    source: str = ""

    def as_table(self) -> dict[str, Any]:
        """As a TOML table."""
        return {"name": self.name, **self.parameters, "source": self.source}


@dataclass(frozen=True)
class Runtime:
    """A runtime by name: its rules in the order in which they are applied, and where they are known from."""

    name: str = "bare"
    source: str = "no rule: an operator does what it states"
    rules: tuple[RuleUse, ...] = ()

    @cached_property
    def key(self) -> str:
        """Text that is equal for equal rules, to remember what was computed under them."""
        return json.dumps([(r.name, dict(r.parameters)) for r in self.rules], sort_keys=True)

    def as_table(self) -> dict[str, Any]:
        """As a TOML table, the base's rules included."""
        return {"name": self.name, "source": self.source, "rule": [r.as_table() for r in self.rules]}

    @staticmethod
    def from_table(table: Mapping[str, Any]) -> Runtime:
        """From a runtime file's table; ValueError names what is unknown or missing."""
        unknown = set(table) - set(_FILE_KEYS)
        if unknown:
            raise ValueError(f"unknown key {sorted(unknown)[0]}; use one of {', '.join(_FILE_KEYS)}")
        if not isinstance(table.get("name"), str):
            raise ValueError("name is missing: give the runtime a name")
        own = tuple(_rule(entry) for entry in table.get("rule", ()))
        base = load_runtime(table["based_on"]).rules if "based_on" in table else ()
        dropped = {r.name for r in own} | set(table.get("without", ()))
        kept = tuple(r for r in base if r.name not in dropped)
        return Runtime(table["name"], str(table.get("source", "")), _placed(base, kept, own))


def _placed(base: tuple[RuleUse, ...], kept: tuple[RuleUse, ...], own: tuple[RuleUse, ...]) -> tuple[RuleUse, ...]:
    """The base's rules with those that are named again in their place, the new ones behind."""
    replaced = {r.name for r in own} & {r.name for r in base}
    rules: list[RuleUse] = []
    for rule in base:
        if rule in kept:
            rules.append(rule)
        elif rule.name in replaced:
            rules += [r for r in own if r.name == rule.name]
            replaced.remove(rule.name)
    return (*rules, *(r for r in own if r.name not in {b.name for b in base}))


def _rule(entry: Any) -> RuleUse:
    if not isinstance(entry, Mapping) or not isinstance(entry.get("name"), str):
        raise ValueError("a [[rule]] has no name: name one of tocompiler's rules")
    parameters = {k: v for k, v in entry.items() if k not in ("name", "source")}
    return RuleUse(entry["name"], parameters, str(entry.get("source", "")))


def runtime_names() -> list[str]:
    """Names of the shipped runtimes, sorted."""
    folder = resources.files("hardware").joinpath("runtimes")
    return sorted(f.name.removesuffix(".toml") for f in folder.iterdir() if f.name.endswith(".toml"))


def load_runtime(name_or_path: str | Path) -> Runtime:
    """A shipped runtime by name, or a runtime file by path (``.toml``); ValueError says what is wrong and where."""
    path = Path(name_or_path)
    if path.suffix != ".toml":
        return _shipped(str(name_or_path))
    try:
        return Runtime.from_table(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error.strerror}); give a runtime file or one of "
                         f"{', '.join(runtime_names())}") from None
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path}: not a runtime file: {error}") from None


@cache
def _shipped(name: str) -> Runtime:
    if name not in runtime_names():
        raise ValueError(f"unknown runtime '{name}'; use one of {', '.join(runtime_names())} or the path of a "
                         "runtime file (.toml)")
    text = resources.files("hardware").joinpath(f"runtimes/{name}.toml").read_text(encoding="utf-8")
    return Runtime.from_table(tomllib.loads(text))
