"""Measure every program and write the tables that ship: ``python -m alu_library.elementary.table``.

``--function NAME`` measures one function and its derivative and leaves all other rows alone. The default takes a few
minutes on one core; ``--full`` runs the formats of more than 16 bits on ten million points.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from alu_library.elementary import coefficients, softmax
from alu_library.elementary.accuracy import CHECKED, Accuracy, measure
from alu_library.elementary.algorithms import Choice, Counted, choices, count, domain, names
from alu_library.elementary.exhaustive import accuracy_of
from alu_library.elementary.register import find
from alu_library.formats import parse
from alu_library.functions import FORMATS

__all__ = ["main", "quickly_measured", "row", "rows", "searched", "stored", "write"]

POINTS = 100_000
FULL_POINTS = 10_000_000
QUICK_POINTS, QUICK_CHECKED = 20_000, 50
EXACT_POINTS = 300  # for fp64, whose every point is evaluated by mpmath
"""Random points of a format of more than 16 bits, on top of every exponent boundary."""


def row(choice: Choice, accuracy: Accuracy, counted: Counted | None = None, elements: int = 1) -> dict[str, Any]:
    """One row of a table, as it is written."""
    counted = counted or count(choice)
    accuracy = accuracy_of(counted.program_hash()) or accuracy
    whole = elements > 1  # a vector of any numbers
    low, high = (-math.inf, math.inf) if whole else domain(choice)
    return {
        "algorithm": choice.algorithm, "internal_format": choice.internal_format,
        "tasks": [[task, in_format, n] for (task, in_format), n in sorted(counted.tasks.items())],
        "depth": counted.depth, "table_bit": counted.table_bit,
        **_errors(accuracy), "domain": [repr(low), repr(high)],
        "argument": "y" if not whole and find(choice.name).of_result else "x",
        "program_hash": counted.program_hash(), **({"elements": elements} if elements > 1 else {}),
    }


def searched(functions: Mapping[str, list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    """The same rows with the errors of those that :mod:`.exhaustive` has searched since."""
    return {name: [r | _errors(found) if (found := accuracy_of(r["program_hash"])) else r for r in rows]
            for name, rows in functions.items()}


def _errors(accuracy: Accuracy) -> dict[str, Any]:
    return {"max_error_ulp": _short(accuracy.max_error_ulp), "mean_error_ulp": _short(accuracy.mean_error_ulp),
            "max_error_absolute": _short(accuracy.max_error_absolute), "points": accuracy.points,
            "worst": repr(accuracy.worst)}


def _short(value: float) -> float:
    """Four digits, rounded up: an error must not be stated smaller than it was."""
    if value == 0 or not math.isfinite(value):
        return min(value, 1.7976931348623157e308)
    digits = 3 - math.floor(math.log10(abs(value)))
    return math.ceil(value * 10.0**digits) / 10.0**digits if abs(digits) < 300 else value


def rows(name: str, format: str, points: int, checked: int = CHECKED) -> list[dict[str, Any]]:
    """Rows of one function: every choice, but for what a narrower internal format does as well."""
    if name in softmax.PROGRAMS:
        return [row(choice, accuracy, counted, softmax.ELEMENTS)
                for choice, counted, accuracy in softmax.measured(name, format, min(points, POINTS))]
    return _without_waste([row(choice, measure(choice, points, checked)) for choice in choices(name, format)])


def quickly_measured(name: str, format: str) -> list[dict[str, Any]]:
    """Rows of a function that no table holds, on fewer points."""
    points, checked = (20, 20) if format == "fp64" else (QUICK_POINTS, QUICK_CHECKED)
    return json.loads(json.dumps(rows(name, format, points, checked)))  # type: ignore[no-any-return]


def _without_waste(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows that are no wider copy of a row with the same tasks (or fewer) and errors no larger, and none that gives
    infinity for a number."""
    def wasteful(r: dict[str, Any]) -> bool:
        bits = parse(r["internal_format"]).bits
        return any(
            parse(o["internal_format"]).bits < bits and _total(o) <= _total(r) and o["table_bit"] <= r["table_bit"]
            and o["max_error_ulp"] <= r["max_error_ulp"] and o["max_error_absolute"] <= r["max_error_absolute"]
            for o in rows
        )

    return [r for r in rows if not wasteful(r) and not _overflows(r)]


def _overflows(r: dict[str, Any]) -> bool:
    return bool(r["max_error_absolute"] >= float(parse(r["internal_format"]).maximum))


def _total(r: dict[str, Any]) -> int:
    return sum(int(n) for _, _, n in r["tasks"])


def _path(format: str) -> Path:
    return Path(str(files("alu_library"))) / "data" / f"functions.{format}.json"


def stored(format: str) -> dict[str, list[dict[str, Any]]]:
    """The shipped table of a format: rows by function."""
    return dict(json.loads(_path(format).read_text(encoding="utf-8"))["functions"])


def write(format: str, functions: Mapping[str, list[dict[str, Any]]]) -> Path:
    """Write the table of one format, a line for each row, and return its path."""
    from hardware.files import write_text

    path = _path(format)
    blocks = (f"{json.dumps(name)}: [\n" + ",\n".join(json.dumps(r, allow_nan=False) for r in rows) + "\n]"
              for name, rows in sorted(functions.items()) if rows)
    write_text(path, '{"functions": {\n' + ",\n".join(blocks) + "\n}}\n")
    return path


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true", help="ten million points for fp32 and tf32")
    parser.add_argument("--points", type=int, metavar="N", help="random points for formats of more than 16 bits")
    parser.add_argument("--refit", action="store_true", help="compute all minimax polynomials again")
    parser.add_argument("--format", action="append", choices=FORMATS, help="only these formats")
    parser.add_argument("--function", action="append", metavar="NAME", dest="functions",
                        help="only this function and its derivative: the other rows stay as they are")
    parser.add_argument("--searched", action="store_true",
                        help="measure nothing: state what was searched on all of fp32 since")
    options = parser.parse_args(arguments)
    if options.searched:
        write("fp32", searched(stored("fp32")))
        return
    if options.refit:
        coefficients.forget()
    for format in options.format or FORMATS:
        points = options.points or (EXACT_POINTS if format == "fp64" else FULL_POINTS if options.full else POINTS)
        functions = {name: rows(name, format, points) for name in _asked(options.functions)}
        path = write(format, (stored(format) | functions) if options.functions else functions)
        print(f"{format}: {sum(map(len, functions.values()))} rows, {path.stat().st_size} bytes", flush=True)
    coefficients.store()


def _asked(functions: Sequence[str] | None) -> list[str]:
    known = [*names(), *softmax.PROGRAMS]
    for name in functions or ():
        if name not in known:
            raise SystemExit(f"--function: no function {name!r}; there are {', '.join(known)}")
    return [name for name in known if not functions or name.removesuffix("_derivative") in functions]


if __name__ == "__main__":
    main()
