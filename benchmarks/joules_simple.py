"""What a user would try first, fitted by least relative squares, and from how many rows on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
from energy_rows import Rows, mape

__all__ = ["SIMPLE", "simple_error"]

Array: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]
SIMPLE: Mapping[str, int] = {"macs": 1, "bytes": 1, "macs_constant": 1, "macs_bytes": 1, "macs_bytes_constant": 1,
                            "trees": 10}
_USED = {"macs": (0,), "bytes": (1,), "macs_constant": (0, 2), "macs_bytes": (0, 1), "macs_bytes_constant": (0, 1, 2)}


def simple_error(name: str, rows: Rows, train: Array, test: Array) -> float:
    """Mean absolute percentage error on ``test`` of a model fitted to ``train``."""
    if name == "trees":
        from sklearn.ensemble import GradientBoostingRegressor

        trees = GradientBoostingRegressor(n_estimators=100, max_depth=3, subsample=0.7, random_state=0)
        shapes = rows.shapes
        predicted = np.exp(trees.fit(shapes[train], np.log(rows.joule[train])).predict(shapes[test]))
        return mape(rows.joule[test], predicted)
    from scipy.optimize import nnls

    columns = _columns(rows)[:, list(_USED[name])]
    relative = columns[train] / rows.joule[train][:, None]
    size = relative.mean(0) + 1e-300
    found, _ = nnls(relative / size, np.ones(len(train)), maxiter=1000)
    return mape(rows.joule[test], columns[test] @ (found / size))


def _columns(rows: Rows) -> Array:
    """Multiply-accumulates, bytes of operands, results and parameters, and one."""
    totals = [m.program.totals for m in rows.measured]
    return np.array([[float(t.multiply_accumulates), t.traffic_bit / 8, 1.0] for t in totals])
