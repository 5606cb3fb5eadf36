"""Structures: the points of a space by their texts, each of which is a compilation of its own."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from tocompiler.lanes import Array
from tocompiler.sweeping.points import Points
from tocompiler.sweeping.space import Space

__all__ = ["Structures"]


@dataclass
class Structures:
    """Points that have the values of ``texts`` in common are one structure; those that a constraint rules out are in
    none. A structure is found by its number, the last of ``texts`` varying fastest."""

    space: Space
    texts: Sequence[str]

    @cached_property
    def _allowed(self) -> Points | None:
        """The points that no constraint rules out."""
        points = self.space.points()
        bad = [np.broadcast_to(b, points.shape) for b in self.space.ruled_out(points).values() if b.any()]
        if not bad:
            return points
        good = ~np.logical_or.reduce(bad).reshape(-1)
        return points.scattered().taken(np.flatnonzero(good)) if good.any() else None

    @cached_property
    def _scattered(self) -> list[Array]:
        """Places along scattered points, structure by structure."""
        if self._allowed is None:
            return []
        label = np.zeros(self._allowed.places.size, dtype=np.int64)
        for name in self.texts:
            numbers: dict[Any, int] = {}
            each = [numbers.setdefault(_named(v), len(numbers)) for v in self._allowed.values[name].tolist()]
            label = label * len(numbers) + np.array(each)
        order = np.argsort(label, kind="stable")
        return np.split(order, np.flatnonzero(np.diff(label[order])) + 1)

    @property
    def _is_grid(self) -> bool:
        return self.space.method == "grid" and self._allowed is not None and self._allowed.shape == self.space.shape

    def __len__(self) -> int:
        """How many structures there are."""
        if self._is_grid:
            return math.prod(len(self.space.axes[name]) for name in self.texts)
        return len(self._scattered)

    def points(self, structure: int) -> Points:
        """The points of one structure, by its number."""
        assert self._allowed is not None
        if not self._is_grid:
            return self._allowed.taken(self._scattered[structure])
        part, names = self._allowed, list(self.space.axes)
        for name in reversed(self.texts):
            structure, place = divmod(structure, len(self.space.axes[name]))
            part = part.taken(np.array([place]), names.index(name))
        return part


def _named(value: Any) -> Any:
    return value if isinstance(value, str | int | float | type(None)) else id(value)
