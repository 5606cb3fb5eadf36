"""Measure every program and write the tables that ship: ``python -m alu_library.function_table``.

The default takes a few minutes on one core; ``--full`` runs the formats of more than 16 bits on ten million points.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from alu_library import coefficients
from alu_library.accuracy import Accuracy, measure
from alu_library.algorithms import Choice, choices, count, domain, names
from alu_library.derivatives import FROM_RESULT
from alu_library.functions import FORMATS

__all__ = ["main", "row", "table", "write"]

POINTS = 100_000
FULL_POINTS = 10_000_000
EXACT_POINTS = 300  # for fp64, whose every point is evaluated by mpmath
"""Random points of a format of more than 16 bits, on top of every exponent boundary."""


def row(choice: Choice, accuracy: Accuracy) -> dict[str, Any]:
    """One row of a table, as it is written."""
    counted = count(choice)
    low, high = domain(choice)
    base = choice.name.removesuffix("_derivative")
    return {
        "algorithm": choice.algorithm, "internal_format": choice.internal_format,
        "tasks": [[task, in_format, n] for (task, in_format), n in sorted(counted.tasks.items())],
        "depth": counted.depth, "table_bit": counted.table_bit,
        "max_error_ulp": _short(accuracy.max_error_ulp), "mean_error_ulp": _short(accuracy.mean_error_ulp),
        "max_error_absolute": _short(accuracy.max_error_absolute), "points": accuracy.points,
        "domain": [repr(low), repr(high)],
        "argument": "y" if base != choice.name and base in FROM_RESULT else "x",
        "program_hash": counted.program_hash(),
    }


def _short(value: float) -> float:
    """Four digits, rounded up: an error must not be stated smaller than it was."""
    if value == 0 or not math.isfinite(value):
        return min(value, 1.7976931348623157e308)
    digits = 3 - math.floor(math.log10(abs(value)))
    return math.ceil(value * 10.0**digits) / 10.0**digits if abs(digits) < 300 else value


def table(format: str, points: int) -> dict[str, list[dict[str, Any]]]:
    """Rows of one format by function, every choice of every one."""
    return {name: [row(choice, measure(choice, points)) for choice in choices(name, format)] for name in names()}


def write(format: str, functions: Mapping[str, list[dict[str, Any]]]) -> Path:
    """Write the table of one format, a line for each row, and return its path."""
    path = Path(str(files("alu_library"))) / "data" / f"functions.{format}.json"
    blocks = (f"{json.dumps(name)}: [\n" + ",\n".join(json.dumps(r, allow_nan=False) for r in rows) + "\n]"
              for name, rows in functions.items())
    path.write_text('{"functions": {\n' + ",\n".join(blocks) + "\n}}\n", encoding="utf-8")
    return path


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true", help="ten million points for fp32 and tf32")
    parser.add_argument("--refit", action="store_true", help="compute all minimax polynomials again")
    parser.add_argument("--format", action="append", choices=FORMATS, help="only these formats")
    options = parser.parse_args(arguments)
    if options.refit:
        coefficients.forget()
    for format in options.format or FORMATS:
        points = EXACT_POINTS if format == "fp64" else FULL_POINTS if options.full else POINTS
        functions = table(format, points)
        path = write(format, functions)
        print(f"{format}: {sum(map(len, functions.values()))} rows, {path.stat().st_size} bytes", flush=True)
    coefficients.store()


if __name__ == "__main__":
    main()
