"""Points of a sweep: where they lie, and how they part into those that one run of the compiler serves."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tocompiler.lanes import Array, Divided, Lane

__all__ = ["Points", "explored"]

_MOST = 1 << 17  # points in one run: what it works on stays within some hundred megabytes


@dataclass(frozen=True, eq=False)
class Points:
    """Some points: the place of each in the whole sweep, and their values by name.

    A grid keeps its axes: ``places`` has one axis for each, and a value varies along its own alone (the others are of
    length 1), so that what depends on few of them is computed for few. Scattered points lie along one axis.
    """

    places: Array
    values: Mapping[str, Array]

    @property
    def shape(self) -> tuple[int, ...]:
        shape: tuple[int, ...] = self.places.shape
        return shape

    def lanes(self) -> dict[str, Any]:
        """A number for each value that all points share, a lane for any other, text as it is."""
        return {name: _lane(v) for name, v in self.values.items()}

    def first(self) -> Points:
        """The first point alone."""
        return self.taken(np.arange(1)) if self.places.ndim == 1 else self.scattered().first()

    def scattered(self) -> Points:
        """The same points along one axis."""
        return Points(self.places.reshape(-1), {
            name: np.broadcast_to(v, self.shape).reshape(-1) for name, v in self.values.items()})

    def split(self, labels: Array) -> list[Points]:
        """The points by label; ``labels`` broadcasts with them, and has more than one."""
        shape = (1,) * (self.places.ndim - labels.ndim) + labels.shape
        varying = [axis for axis, size in enumerate(shape) if size > 1]
        if len(varying) == 1:
            flat = labels.reshape(-1)
            return [self.taken(np.flatnonzero(flat == label), varying[0]) for label in np.unique(flat)]
        every = np.broadcast_to(labels, self.shape).reshape(-1)
        return [self.scattered().taken(np.flatnonzero(every == label)) for label in np.unique(every)]

    def taken(self, which: Array, axis: int = 0) -> Points:
        """Some of the points, by their places along an axis."""
        return Points(self.places.take(which, axis), {
            name: v.take(which, axis) if v.ndim and v.shape[axis] > 1 else v for name, v in self.values.items()})

    def parts(self) -> list[Points]:
        """The points in parts that one run can hold."""
        if self.places.size <= _MOST:
            return [self]
        axis = int(np.argmax(self.shape))
        length, count = self.shape[axis], -(-self.places.size // _MOST)
        labels = np.arange(length) * min(count, length) // length
        split = self.split(labels.reshape((-1,) + (1,) * (self.places.ndim - axis - 1)))
        return [part for each in split for part in each.parts()]


def _lane(values: Array) -> Any:
    if values.dtype.kind in "OUb":
        first = values.reshape(-1)[0]
        return first.item() if isinstance(first, np.generic) else first
    return Lane.of(values)


def explored(function: Callable[[dict[str, Any]], Any], points: Points) -> Iterator[tuple[Points, Any]]:
    """The function at all points, in as few runs as it lets: its result or its ValueError, with the points it holds of.

    An error is that of all points of its run, whose ways are one; its text names ranges where they differ. An error
    that the first of them alone does not have is the lanes' own: these points are run one by one.
    """
    pending = points.parts()
    while pending:
        part = pending.pop()
        try:
            yield part, function(part.lanes())
        except Divided as way:
            pending += part.split(way.labels)
        except Exception as error:
            if part.places.size == 1:
                if not isinstance(error, ValueError):
                    raise
                yield part, error
            elif isinstance(error, ValueError) and _fails(function, part.first()):
                yield part, error
            else:
                pending += part.scattered().split(np.arange(part.places.size))


def _fails(function: Callable[[dict[str, Any]], Any], point: Points) -> bool:
    try:
        function(point.lanes())
    except ValueError:
        return True
    return False
