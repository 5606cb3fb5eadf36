"""Assembly: the table of a sweep from what its runs found, in whatever order these come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from tocompiler.lanes import Array
from tocompiler.sweeping.run import COUNTS, ENERGIES
from tocompiler.sweeping.space import Space
from tocompiler.sweeping.table import Table

__all__ = ["assembled"]

_EXACT = COUNTS[:3]


def assembled(space: Space, runs: Sequence[Mapping[str, Array]],
              names: Sequence[str] = (*COUNTS, *ENERGIES)) -> Table:
    """The table of a space: its values, the columns ``names`` of the runs by ``place``, and the reasons."""
    points = space.points()
    columns: dict[str, Array] = {
        name: np.broadcast_to(v, points.shape).reshape(-1) for name, v in points.values.items()}
    reasons = np.full(len(space), "", dtype=object)
    for text, bad in space.ruled_out(points).items():
        where = np.broadcast_to(bad, points.shape).reshape(-1) & (reasons == "")
        reasons[where] = f"ruled out: {text}"
    for name in (*names, "in_domain"):
        if any(name in run for run in runs):
            columns[name] = _gathered(name, len(space), runs, whole=not (reasons != "").any())
    for run in runs:
        if "reason" in run:
            reasons[run["place"]] = run["reason"]
    return Table({**columns, "reason": reasons}, space.axes if space.method == "grid" else {})


def _gathered(name: str, size: int, runs: Sequence[Mapping[str, Array]], whole: bool) -> Array:
    """A column over all places: integers stay exact (Python's own where int64 does not hold them or some are missing).
    """
    given = [run for run in runs if name in run]
    kinds = {run[name].dtype for run in given}
    if name == "in_domain":
        made = np.zeros(size, dtype=bool)
    elif kinds == {np.dtype(np.int64)} and whole and len(given) == len(runs):
        made = np.zeros(size, dtype=np.int64)
    elif name not in _EXACT:
        made = np.full(size, np.nan)
    else:
        made = np.full(size, None, dtype=object)
    for run in given:
        made[run["place"]] = _plain(run[name]) if made.dtype == object else run[name]
    return made


def _plain(column: Array) -> Array:
    """Python's integers, None where a run had no figure beside others that had."""
    made = np.empty(len(column), dtype=object)
    made[:] = [None if isinstance(v, float) and v != v else v for v in column.tolist()]
    return made
