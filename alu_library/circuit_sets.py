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
from collections.abc import Mapping
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

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
    based = stream(found["base"]) if "base" in found else {"stream": "output"}
    return based | {key: found[key] for key in ("stream", "hold") if key in found}


@cache
def _choices(circuits: str) -> tuple[Mapping[str, Any], ...]:
    """A set's entries, then those of its base; what it brings of its own is made known."""
    found, source = _file(circuits), _source(circuits)
    for path in found.get("generators", []):
        runpy.run_path(str(source.parent / path))
    if "cell" in found:
        from alu_library.circuits.cells import add_cell

        for cell in found["cell"]:
            try:
                add_cell(**cell)
            except (TypeError, ValueError) as error:
                raise ValueError(f"{source}: [[cell]] {cell.get('name', '')}: {error}") from None
    own = tuple(_located(choice, source) for choice in found.get("circuit", []))
    return own + (_choices(found["base"]) if "base" in found else ())


def _located(choice: Mapping[str, Any], source: Path) -> Mapping[str, Any]:
    """An entry whose Verilog file is a path from here."""
    for key, kind in (("tasks", list), ("formats", list), ("circuit", str)):
        if not isinstance(choice.get(key), kind):
            raise ValueError(f"{source}: each [[circuit]] needs tasks = [...], formats = [...] and circuit = '...'")
    file, _, module = choice["circuit"].partition(":")
    if not file.endswith(".v"):
        return choice
    path = source.parent / file
    if not path.is_file():
        raise ValueError(f"{source}: no Verilog file {path}")
    return {**choice, "circuit": f"{path}:{module}" if module else str(path)}


def _source(circuits: str) -> Path:
    return Path(circuits) if circuits.endswith(".toml") else _DATA / f"circuits_{circuits}.toml"


@cache
def _file(circuits: str) -> dict[str, Any]:
    source = _source(circuits)
    if not source.is_file():
        known = sorted(f.stem.removeprefix("circuits_") for f in _DATA.glob("circuits_*.toml"))
        raise ValueError(f"unknown circuit set {circuits!r}: use one of {', '.join(known)}, or the path of a TOML file")
    try:
        return tomllib.loads(source.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{source}: is not a TOML file in UTF-8 ({error})") from None
