"""Rows as flat records: what a data frame or a CSV file holds, one record for each operator."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tocompiler.extras import needs

if TYPE_CHECKING:
    import pandas

__all__ = ["as_csv", "frame", "records"]


def records(figures: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The operators of a compiled program's JSON, each as one flat record: ``alu_tasks`` and levels spread out."""
    found: list[dict[str, Any]] = []
    for row in figures["operators"]:
        flat = {k: v for k, v in row.items() if not isinstance(v, Mapping) and k != "traffic_by_level_bit"}
        flat |= {f"alu_tasks_{task}": n for task, n in row["alu_tasks"].items()}
        flat |= {f"traffic_{level}_bit": n for level, n in (row["traffic_by_level_bit"] or {}).items()}
        found.append(flat)
    return found


def as_csv(figures: Mapping[str, Any]) -> str:
    """The records as CSV text with a header; a task that an operator has none of is empty."""
    rows = records(figures)
    header = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, header, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().rstrip("\n")


@needs("frames", "to_dataframe")
def frame(figures: Mapping[str, Any]) -> pandas.DataFrame:
    """The records as a pandas data frame. ImportError, in one line, without pandas."""
    import pandas

    return pandas.DataFrame(records(figures))
