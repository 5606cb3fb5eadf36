"""Space: which configurations a sweep holds, as a grid or a sample, and which of them a constraint rules out."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tocompiler.lanes import Array
from tocompiler.sweeping.points import Points

__all__ = ["METHODS", "Space", "space_of"]

METHODS = ("grid", "random", "latin_hypercube")


@dataclass(frozen=True)
class Space:
    """Values by name, and how points are chosen among them.

    axes: the values of each name, in order; a range of a sample is its values too
    method: ``grid`` (every combination), ``random`` or ``latin_hypercube`` (``count`` points, McKay et al. 1979)
    constraints: comparisons of names and numbers, as in ``"hidden_size % heads == 0"``
    """

    axes: Mapping[str, Array]
    method: str = "grid"
    count: int = 0
    seed: int = 0
    constraints: tuple[str, ...] = ()

    def __len__(self) -> int:
        return int(np.prod([len(v) for v in self.axes.values()])) if self.method == "grid" else self.count

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the grid; of a sample, its number of points."""
        return tuple(len(v) for v in self.axes.values()) if self.method == "grid" else (self.count,)

    def points(self) -> Points:
        """All points, those that a constraint rules out included."""
        places = np.arange(len(self)).reshape(self.shape)
        if self.method == "grid":
            rank = len(self.axes)
            values = {name: v.reshape([-1 if i == axis else 1 for i in range(rank)])
                      for axis, (name, v) in enumerate(self.axes.items())}
            return Points(places, values)
        return Points(places, {name: v[self._drawn(i, len(v))] for i, (name, v) in enumerate(self.axes.items())})

    def _drawn(self, axis: int, size: int) -> Array:
        if self.method == "random":
            return np.random.default_rng((self.seed, axis)).integers(0, size, self.count)
        from scipy.stats import qmc

        unit = qmc.LatinHypercube(len(self.axes), rng=np.random.default_rng(self.seed)).random(self.count)[:, axis]
        return np.asarray(np.minimum((unit * size).astype(int), size - 1))

    def ruled_out(self, points: Points) -> dict[str, Array]:
        """For each constraint, where it does not hold (an array that broadcasts with the points)."""
        return {text: ~np.asarray(_value(_parsed(text, self.axes), points.values), dtype=bool)
                for text in self.constraints}


def space_of(space: Mapping[str, Any], *, method: str = "grid", count: int | None = None, seed: int = 0,
             constraints: Sequence[str] = ()) -> Space:
    """A Space from values (one, a list, or a table ``low``, ``high``, ``step`` of a range that holds its ends).

    ValueError names what is empty, no number, or unknown to a constraint.
    """
    if method not in METHODS:
        raise ValueError(f"there is no way '{method}' to choose points; there are {', '.join(METHODS)}")
    if not space:
        raise ValueError("the sweep's space is empty: give values for at least one name")
    if method != "grid" and (not isinstance(count, int) or count < 1):
        raise ValueError(f"a {method} sample needs its number of points, a positive integer")
    made = Space({name: _axis(name, v) for name, v in space.items()}, method, count or 0, seed, tuple(constraints))
    for text in made.constraints:
        _parsed(text, made.axes)
    return made


def _axis(name: str, values: Any) -> Array:
    if isinstance(values, Mapping):
        values = _range(name, values)
    listed = [values] if isinstance(values, str | int | float | type(None)) or not isinstance(values, Sequence) else [
        *values]
    if isinstance(values, np.ndarray | range):
        listed = list(values)
    if not listed:
        raise ValueError(f"'{name}' has no values")
    listed = [v.item() if isinstance(v, np.generic) else v for v in listed]
    listed = [int(v) if isinstance(v, float) and v.is_integer() else v for v in listed]
    if all(type(v) is int and abs(v) < 2**63 for v in listed) or all(type(v) is float for v in listed):
        return np.array(listed)
    made = np.empty(len(listed), dtype=object)
    made[:] = listed
    return made


def _range(name: str, given: Mapping[str, Any]) -> list[int | float]:
    unknown = sorted(given.keys() - {"low", "high", "step"})
    if unknown or not {"low", "high"} <= given.keys():
        raise ValueError(f"the range of '{name}' takes low, high and step{f', not {unknown[0]}' if unknown else ''}")
    low, high, step = given["low"], given["high"], given.get("step", 1)
    if not all(isinstance(v, int | float) for v in (low, high, step)) or step <= 0 or high < low:
        raise ValueError(f"the range of '{name}' is no range: low {low}, high {high}, step {step}")
    return [low + i * step for i in range(int((high - low) / step + 1e-9) + 1)]


_BINARY: Mapping[type[ast.AST], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv, ast.Mod: operator.mod, ast.Pow: operator.pow, ast.Eq: operator.eq,
    ast.NotEq: operator.ne, ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge,
    ast.And: np.logical_and, ast.Or: np.logical_or,
}


def _parsed(text: str, names: Mapping[str, Any]) -> ast.expr:
    """The expression of a constraint; ValueError where it is none or has another name."""
    try:
        tree = ast.parse(text, mode="eval").body
    except SyntaxError:
        raise ValueError(f"the constraint '{text}' is no expression, as in 'hidden_size % heads == 0'") from None
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id not in names:
            raise ValueError(f"the constraint '{text}' speaks of '{node.id}', which the space does not have; it has "
                             f"{', '.join(names)}")
        if not isinstance(node, ast.BinOp | ast.Compare | ast.BoolOp | ast.UnaryOp | ast.USub | ast.Not | ast.Name
                          | ast.Constant | ast.Load) and type(node) not in _BINARY:
            raise ValueError(f"the constraint '{text}' may only calculate with names and numbers and compare them")
    return tree


def _value(node: ast.expr, values: Mapping[str, Array]) -> Any:
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Name):
        return values[node.id]
    if isinstance(node, ast.UnaryOp):
        inner = _value(node.operand, values)
        return -inner if isinstance(node.op, ast.USub) else ~np.asarray(inner, dtype=bool)
    if isinstance(node, ast.BinOp):
        return _BINARY[type(node.op)](_value(node.left, values), _value(node.right, values))
    if isinstance(node, ast.BoolOp):
        parts = iter(_value(v, values) for v in node.values)
        first = next(parts)
        for part in parts:
            first = _BINARY[type(node.op)](first, part)
        return first
    assert isinstance(node, ast.Compare)
    return _compared(node, values)


def _compared(node: ast.Compare, values: Mapping[str, Array]) -> Any:
    def steps() -> Iterator[Any]:
        left = _value(node.left, values)
        for how, right_node in zip(node.ops, node.comparators, strict=True):
            right = _value(right_node, values)
            yield _BINARY[type(how)](left, right)
            left = right

    holds: Any = True
    for step in steps():
        holds = np.logical_and(holds, step)
    return holds
