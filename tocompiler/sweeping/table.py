"""Table: what a sweep found, point by point, and where it goes."""

from __future__ import annotations

import csv
import importlib.util
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hardware.files import replacing, write_text
from tocompiler.lanes import Array

if TYPE_CHECKING:
    import pandas
    import xarray

__all__ = ["Table", "as_csv", "check_path", "pareto"]


@dataclass(frozen=True, eq=False)
class Table(Mapping[str, Array]):
    """Columns by name, a row for each configuration in the order of the space (the last name varies fastest).

    Each name of the space is a column; then ``multiply_accumulates``, ``parameters``, ``traffic_bit`` (exact integers),
    ``transistor_operations``, with a device ``energy_joule``, ``energy_low_joule``, ``energy_high_joule`` (a 90 %
    interval) and ``in_domain``, and ``reason``: why a configuration has no figures, empty where it has.
    """

    columns: Mapping[str, Array]
    grid: Mapping[str, Array]

    def __getitem__(self, name: str) -> Array:
        return self.columns[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)

    def __len__(self) -> int:
        return len(self.columns)

    def __repr__(self) -> str:
        infeasible = int((self["reason"] != "").sum())
        return f"<Table of {len(self['reason'])} configurations, {infeasible} without figures: {', '.join(self)}>"

    def to_dataframe(self) -> pandas.DataFrame:
        """As a pandas DataFrame."""
        import pandas

        return pandas.DataFrame(dict(self.columns))

    def to_xarray(self) -> xarray.Dataset:
        """A grid as an xarray Dataset over its axes; ValueError for a sample, which has none."""
        import xarray

        if not self.grid:
            raise ValueError("a sample has no axes: use to_dataframe")
        shape = tuple(len(v) for v in self.grid.values())
        data = {k: (list(self.grid), v.reshape(shape)) for k, v in self.columns.items() if k not in self.grid}
        return xarray.Dataset(data, coords=dict(self.grid))

    def write(self, path: str | Path) -> None:
        """As Parquet or CSV, by the path's suffix. The same sweep gives the same bytes."""
        path = Path(path)
        check_path(path)
        if path.suffix == ".parquet":
            _write_parquet(self.columns, path)
        else:
            write_text(path, as_csv(self.columns) + "\n")

    def pareto(self, minimise: Sequence[str] = ("energy_joule",), maximise: Sequence[str] = ("parameters",)) -> Array:
        """Places of the configurations that none other beats in all these columns."""
        known = np.flatnonzero(self["reason"] == "")
        values = [self[n][known].astype(float) for n in minimise] + [-self[n][known].astype(float) for n in maximise]
        return known[pareto(np.column_stack(values))]

    def plot(self, path: str | Path, x: str = "energy_joule", y: str = "parameters") -> None:
        """Configurations and their Pareto front (least x, most y) as an image."""
        from matplotlib.figure import Figure

        figure = Figure(figsize=(7, 5))
        axes = figure.subplots()
        known, front = self["reason"] == "", self.pareto((x,), (y,))
        shown = np.flatnonzero(known)[:: max(1, int(known.sum()) // 20_000)]
        axes.scatter(self[x][shown], self[y][shown], s=4, alpha=0.3, label="configurations")
        front = front[np.argsort(self[x][front])]
        axes.step(self[x][front], self[y][front], where="post", color="C1", label="Pareto front")
        axes.set(xscale="log", yscale="log", xlabel=x, ylabel=y)
        axes.legend()
        with replacing(path) as beside:
            figure.savefig(beside)


def check_path(path: Path) -> None:
    """ValueError where a table cannot be written to a path, before anything is computed."""
    if path.suffix not in (".parquet", ".csv"):
        raise ValueError(f"{path}: ends in neither .parquet nor .csv")
    if path.suffix == ".parquet" and importlib.util.find_spec("pyarrow") is None:
        raise ValueError(f"{path}: Parquet needs pyarrow: pip install 'tocompiler[sweep]', or write .csv")


def pareto(values: Array) -> Array:
    """Which rows no other row is at most equal to in every column and less in one, sorted: all to be small.

    Rows are met in lexicographic order, so that one is beaten only by rows kept before it.
    """
    order = np.lexsort(values.T[::-1])
    kept: list[int] = []
    front = np.empty((0, values.shape[1]))
    if values.shape[1] == 2:
        ranked = values[order, 1]
        least = np.minimum.accumulate(ranked)
        before = np.concatenate([[np.inf], least[:-1]])
        best = order[ranked < before]
        same = {tuple(row) for row in values[best]}
        return np.array([i for i in np.flatnonzero(np.isin(values[:, 0], values[best, 0])) if tuple(values[i]) in same],
                        dtype=int)
    for i in order:
        beaten = (front <= values[i]).all(1) & (front < values[i]).any(1)
        if not beaten.any():
            kept.append(int(i))
            front = np.vstack([front, values[i]])
    return np.array(sorted(kept), dtype=int)


def as_csv(columns: Mapping[str, Array]) -> str:
    """Columns as CSV text; what is not known is empty."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*([_shown(v) for v in column.tolist()] for column in columns.values()), strict=True))
    return text.getvalue().removesuffix("\n")


def _shown(value: Any) -> Any:
    return "" if value is None or (isinstance(value, float) and value != value) else value


def _write_parquet(columns: Mapping[str, Array], path: Path) -> None:
    import pyarrow
    import pyarrow.parquet

    table = pyarrow.table({name: pyarrow.array([_parquet(v) for v in c.tolist()] if c.dtype == object else c)
                           for name, c in columns.items()})
    with replacing(path) as beside:
        pyarrow.parquet.write_table(table, beside)


def _parquet(value: Any) -> Any:
    """A value that a column holds: integers beyond 64 bits as floats."""
    return float(value) if isinstance(value, int) and abs(value) >= 2**63 else value
