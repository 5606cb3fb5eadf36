"""What every benchmark prints: claims with their value, their peer measured in the same run, or why there is none."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tabulate import tabulate

__all__ = ["Claim", "Options", "datasets", "main"]


@dataclass(frozen=True)
class Claim:
    """One figure that a reader may check: ``value`` is None, with a ``reason``, where it could not be measured."""

    name: str
    value: float | int | None
    unit: str = ""
    compared_with: Mapping[str, float | int | str | None] = field(default_factory=dict)
    reason: str = ""


@dataclass(frozen=True)
class Options:
    """How a benchmark was asked to run: ``full`` does more than 8 minutes' worth, ``smoke`` only shows it runs."""

    full: bool = False
    smoke: bool = False


def datasets() -> Path | None:
    """The folder of data sets that cannot ship (environment variable TOCOMPILER_DATASETS), or None."""
    folder = os.environ.get("TOCOMPILER_DATASETS")
    return Path(folder) if folder else None


def main(run: Callable[[Options], Iterable[Claim]], description: str | None = None) -> None:
    """Command line of a benchmark: run it, print its claims as a table or, with ``--json PATH`` (``-``), as JSON."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--json", metavar="PATH", help="write the claims as JSON; - is standard output")
    parser.add_argument("--full", action="store_true", help="the long version")
    parser.add_argument("--smoke", action="store_true", help="the shortest run that exercises every part")
    arguments = parser.parse_args()
    claims = list(run(Options(full=arguments.full, smoke=arguments.smoke)))
    if arguments.json:
        text = json.dumps({"claims": [asdict(c) for c in claims]}, indent=2)
        if arguments.json == "-":
            print(text)
        else:
            Path(arguments.json).write_text(text + "\n", encoding="utf-8")
        return
    rows = [
        (c.name, "-" if c.value is None else f"{c.value:.6g}", c.unit,
         ", ".join(f"{k} {v:.4g}" if isinstance(v, float) else f"{k} {v}" for k, v in c.compared_with.items()),
         c.reason)
        for c in claims
    ]
    print(tabulate(rows, headers=("claim", "value", "unit", "compared with", "note"), disable_numparse=True))
    sys.stdout.flush()
