"""Write the documentation's accuracy page from what the benchmarks printed (``NAME.py --json results/NAME.json``).

    python benchmarks/accuracy_page.py [RESULTS] > docs/accuracy.md
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

__all__ = ["page"]

RESULTS = Path(__file__).parent / "results"
_HEAD = """# Accuracy

Every claim that a benchmark prints, as it last ran, with the peer or floor measured beside it; claims without a value
say why. `python benchmarks/NAME.py` prints them again. This page is written by `benchmarks/accuracy_page.py`.
"""


def page(results: Path = RESULTS) -> str:
    """The page as Markdown: a table for each file of claims."""
    parts = [_HEAD]
    for file in sorted(results.glob("*.json")):
        rows = [_row(claim) for claim in json.loads(file.read_text(encoding="utf-8"))["claims"]]
        parts += [f"## {file.stem}", "", "| claim | value | beside it | note |", "|---|---|---|---|", *rows, ""]
    return "\n".join(parts)


def _row(claim: dict[str, Any]) -> str:
    beside = ", ".join(f"{name.replace('_', ' ')} {_number(value)}" for name, value in claim["compared_with"].items())
    value = f"{_number(claim['value'])} {claim['unit']}".strip()
    return " | ".join(("| " + f"`{claim['name']}`", value, _plain(beside), _plain(claim["reason"]))) + " |"


def _number(value: Any) -> str:
    return "not measured" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)


def _plain(text: str) -> str:
    """Text that stays inside a table's cell."""
    return text.replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")


if __name__ == "__main__":
    print(page(*map(Path, sys.argv[1:])), end="")
