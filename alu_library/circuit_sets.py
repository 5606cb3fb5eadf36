"""Circuit sets: files that say for each task and format which circuit prices it, and why.

Three ship (``data/circuits_NAME.toml``); a user's own is the path of a TOML file::

    base = "default"              # what the file does not say (optional)
    stream = "weight"             # what an array holds, and for how many operations (optional; see Operands)
    hold = 64
    generators = ["mine.py"]      # Python files that register families of circuits (optional)

    [[cell]]                      # cells of one's own, for Verilog to use (optional)
    name = "NAND2_LOW_POWER"
    inputs = "a b"
    outputs = "y"
    logic = "y = ~(a & b)"        # nodes in order of evaluation, in & | ^ ~, with ; between them
    terminals = "a:2 b:2"         # transistor gates on each input and node

    [[circuit]]
    tasks = ["multiply"]
    formats = ["uint8"]
    circuit = "approximate.v"     # a Verilog file (a module after a colon), or a name of the catalogue
    why = "half the area"

The first entry that matches a task and a format counts. Paths are relative to the file.
"""

from __future__ import annotations

import runpy
import tomllib
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

from alu_library.tasks import PRIMITIVES

__all__ = ["chosen_circuit", "stream"]

_DATA = Path(__file__).parent / "data"


def chosen_circuit(task: str, format: str, circuits: str = "default") -> str | None:
    """The circuit that a set names for a task and format (its first entry that matches), or None.

    ValueError with one line for a set that is not there, or not as the module says.
    """
    for choice in _choices(circuits):
        if task in choice["tasks"] and any(fnmatchcase(format, pattern) for pattern in choice["formats"]):
            return str(choice["circuit"])
    return None


def stream(circuits: str) -> dict[str, Any]:
    """What a set says of operand streams: the fields of :class:`alu_library.pricing.Operands`."""
    found = _file(circuits)
    based = stream(_base(circuits)) if "base" in found else {"stream": "output"}
    return based | {key: found[key] for key in ("stream", "hold") if key in found}


@cache
def _choices(circuits: str) -> tuple[Mapping[str, Any], ...]:
    """A set's entries, then those of its base; what it brings of its own is made known."""
    found, source = _file(circuits), _source(circuits)
    for path in found.get("generators", []):
        _run(source, source.parent / path)
    if "cell" in found:
        from alu_library.circuits.cells import add_cell

        for cell in found["cell"]:
            try:
                add_cell(**cell)
            except ValueError as error:
                raise ValueError(f"{source}: [[cell]] {cell['name']}: {error}") from None
    own = tuple(_located(choice, source) for choice in found.get("circuit", []))
    return own + (_choices(_base(circuits)) if "base" in found else ())


def _run(source: Path, path: Path) -> None:
    """Run a user's Python file, whose errors are the user's."""
    try:
        runpy.run_path(str(path))
    except Exception as error:
        reason = error.strerror if isinstance(error, OSError) else f"{type(error).__name__}: {error}"
        raise ValueError(f"{source}: generators: {path}: {reason}") from error


def _located(choice: Mapping[str, Any], source: Path) -> Mapping[str, Any]:
    """An entry whose Verilog file is a path from here."""
    file, _, module = choice["circuit"].partition(":")
    if not file.endswith(".v"):
        return choice
    path = source.parent / file
    if not path.is_file():
        raise ValueError(f"{source}: no Verilog file {path}")
    return {**choice, "circuit": f"{path}:{module}" if module else str(path)}


def _source(circuits: str) -> Path:
    return Path(circuits) if circuits.endswith(".toml") else _DATA / f"circuits_{circuits}.toml"


def _base(circuits: str) -> str:
    """The set that a set is based on: a name, or a path from its file. ValueError where that leads back to it."""
    above = [circuits]
    while "base" in (found := _file(above[-1])):
        base = str(found["base"])
        above.append(str(_source(above[-1]).parent / base) if base.endswith(".toml") else base)
        if above[-1] in above[:-1]:
            raise ValueError(f"{_source(circuits)}: is based on itself, through {' and '.join(above[1:])}")
    return above[1]


@cache
def _file(circuits: str) -> dict[str, Any]:
    source = _source(circuits)
    if not source.is_file():
        known = sorted(f.stem.removeprefix("circuits_") for f in _DATA.glob("circuits_*.toml"))
        raise ValueError(f"unknown circuit set {circuits!r}: use one of {', '.join(known)}, or the path of a TOML file")
    try:
        found = tomllib.loads(source.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{source}: is not a TOML file in UTF-8 ({error})") from None
    _check(found, _KEYS, str(source))
    for name, keys, needed in (("circuit", _CIRCUIT_KEYS, 3), ("cell", _CELL_KEYS, 5)):
        for entry in found.get(name, []):
            _check(entry, keys, f"{source}: [[{name}]]", list(keys)[:needed])
    unknown = {task for choice in found.get("circuit", []) for task in choice["tasks"]} - {*PRIMITIVES, "accumulate"}
    if unknown:
        raise ValueError(f"{source}: no task {', '.join(map(repr, sorted(unknown)))}: there are "
                         f"{', '.join((*PRIMITIVES, 'accumulate'))}")
    return found


_KEYS: Mapping[str, type] = {"base": str, "stream": str, "hold": int, "generators": list, "circuit": list,
                             "cell": list, "description": str}
_CIRCUIT_KEYS: Mapping[str, type] = {"tasks": list, "formats": list, "circuit": str, "why": str}
_CELL_KEYS: Mapping[str, type] = {"name": str, "inputs": str, "outputs": str, "logic": str, "terminals": str,
                                  "textbook": int}
_KINDS: Mapping[type, str] = {str: "a string", int: "a whole number", list: "a list"}


def _check(found: Any, keys: Mapping[str, type], where: str, needed: Sequence[str] = ()) -> None:
    """ValueError unless the entries of a table are known ones of their types (a list's of strings or tables)."""
    if not isinstance(found, dict):
        raise ValueError(f"{where}: a table is needed, not {found!r}")
    for key in (*needed, *found):
        if key not in keys:
            raise ValueError(f"{where}: has no {key!r}: there are {', '.join(keys)}")
        value, kind, inside = found.get(key), keys[key], dict if key in ("circuit", "cell") else str
        members = value if isinstance(value, list) else []
        if type(value) is not kind or any(type(each) is not inside for each in members):
            what = f"[[{key}]]" if inside is dict else "a list of strings"
            raise ValueError(f"{where}: needs {key} as {what if kind is list else _KINDS[kind]}")
