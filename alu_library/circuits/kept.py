"""Circuits that the shipped table lacks, kept on this machine: what was simulated once is read from then on.

A file is named after the hash of all that its row follows from: the netlist, the circuit's name and format (they seed
the operands) and the code that simulates. So nothing in it can be out of date, and a file that is damaged is made anew.
The folder is ``TOCOMPILER_CACHE`` (empty: nothing is kept), else ``tocompiler`` among the user's caches.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from contextlib import suppress
from functools import cache
from hashlib import sha256
from pathlib import Path

from alu_library.circuits.catalogue import build
from alu_library.circuits.cells import CELLS
from alu_library.circuits.characterisation import as_columns, characterise
from alu_library.circuits.netlist import Netlist
from alu_library.pricing import Row, row_of

__all__ = ["characterised", "folder"]

_LOG = logging.getLogger(__name__)
_PATIENCE_SECOND = 2.0
_spent = {"second": 0.0, "circuits": 0, "told": 0.0}


def folder() -> Path | None:
    """Where rows are kept; None where they are not."""
    named = os.environ.get("TOCOMPILER_CACHE")
    if named is not None:
        return Path(named) if named else None
    home = {"win32": os.environ.get("LOCALAPPDATA"), "darwin": "~/Library/Caches"}.get(sys.platform)
    try:
        return Path(home or os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "tocompiler"
    except RuntimeError:  # nobody's home
        return None


def characterised(circuit: str, format: str) -> Row:
    """The row of a circuit in a format: read where it is kept, else simulated and kept. What takes longer than two
    seconds in all says so on the log, in a line every two seconds."""
    where = folder()
    path = None if where is None else where / f"{_name(build(circuit, format), circuit, format)}.json"
    if path is not None:
        with suppress(OSError, ValueError, TypeError):
            return row_of(json.loads(path.read_text(encoding="utf-8")))
    begun = time.monotonic()
    row = characterise(circuit, format)
    _tell(time.monotonic() - begun, where)
    columns = json.dumps(as_columns(row), separators=(",", ":"))
    if path is not None:
        with suppress(OSError):  # a disk that is full or closed costs time, no result
            from hardware.files import write_text

            path.parent.mkdir(parents=True, exist_ok=True)
            write_text(path, columns)
    return row_of(json.loads(columns))


def _tell(second: float, where: Path | None) -> None:
    _spent["second"] += second
    _spent["circuits"] += 1
    if _spent["second"] - _spent["told"] > _PATIENCE_SECOND:
        _spent["told"] = _spent["second"]
        _LOG.warning("simulated %d circuits that no table holds, %.0f s so far; %s", _spent["circuits"],
                     _spent["second"], f"kept in {where}" if where else "not kept: TOCOMPILER_CACHE is empty")


def _name(netlist: Netlist, circuit: str, format: str) -> str:
    cells = [repr(CELLS[kind]) for kind in sorted(netlist.counts)]  # a user's cell is in no file of ours
    wiring = netlist.inputs, netlist.outputs, [tuple(each) for each in netlist.instances]
    return sha256((_code() + repr((circuit, format, wiring, cells))).encode()).hexdigest()[:32]


@cache
def _code() -> str:
    """The hash of every file that a row may depend on."""
    here = Path(__file__).parent
    files = [*sorted(here.glob("*.py")), here.parent / "formats.py", here.parent / "pricing.py"]
    return sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()
