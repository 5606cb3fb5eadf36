"""Provenance of the shipped measurement tables: source, licence, meter, scope, and the machine's caches."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path

from hardware.memory import MemoryLevel

__all__ = ["Provenance", "provenance", "shipped_table", "shipped_tables"]


@dataclass(frozen=True)
class Provenance:
    """Where a table comes from, what was metered and what the meter covers."""

    source: str
    licence: str
    meter: str
    scope: str
    memory: tuple[MemoryLevel, ...] = ()


@cache
def shipped_tables() -> dict[str, Provenance]:
    """Provenance of every shipped table, by name."""
    text = resources.files("hardware").joinpath("measurements/provenance.toml").read_text(encoding="utf-8")
    tables = {}
    for name, entry in tomllib.loads(text).items():
        said = entry.pop("memory_source", "")
        levels = tuple(MemoryLevel(level, size, source=said) for level, size in entry.pop("memory", {}).items())
        tables[name] = Provenance(memory=levels, **entry)
    return tables


def provenance(table: str | Path) -> Provenance | None:
    """Provenance of a shipped table, by its name or its file's; None for any other."""
    return shipped_tables().get(Path(table).stem)


def shipped_table(name: str) -> Path:
    """Path of a shipped table; ValueError lists the names if there is none of that name."""
    if name not in shipped_tables():
        raise ValueError(f"no shipped table '{name}'; use one of {', '.join(shipped_tables())}, or a CSV file")
    return Path(str(resources.files("hardware").joinpath(f"measurements/{name}.csv")))
