"""What a user and a file say about an ONNX model before its operators are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

__all__ = ["Bindings"]


@dataclass
class Bindings:
    """What the user and the file say: names for errors, opset versions, bound dimensions, known input values."""

    where: str
    folder: Path | None
    opsets: Mapping[str, int]
    dims: Mapping[str, int]
    symbolic: bool = False
    values: Mapping[str, np.ndarray[Any, Any]] = field(default_factory=dict)
    declared: Mapping[str, Any] = field(default_factory=dict)
    trips: Mapping[str, int] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    """Names of results' dimensions and of trip counts that the user bound and the graph needed."""
    groups: dict[str, Any] = field(default_factory=dict)
    """Types of the sequences and optionals met so far; a Tensor says the shape of their elements only."""

    def dimension(self, d: int | str | None, fallback_name: str) -> Any:
        """A number, a symbol, or None where it is neither bound nor to be left open."""
        if isinstance(d, int):
            return d
        for name in (d, fallback_name):
            if name is not None and (size := self.bound(name)) is not None:
                return size
        return None

    def bound(self, name: str) -> int | None:
        """What the user bound to a name."""
        if name not in self.dims:
            return None
        self.used.add(name)
        return self.dims[name]

    def trip_count(self, loop: str) -> int | None:
        """How often the user said that a loop runs."""
        if loop in self.trips:
            self.used.add(f"{loop} trips")
        return self.trips.get(loop)

    def symbol(self, name: str) -> Any:
        """A positive integer by name."""
        import sympy

        return sympy.Symbol(name, integer=True, positive=True)
