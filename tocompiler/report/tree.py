"""Tree: a program's rows under the modules that their names tell, blocks that are alike folded into one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from tocompiler.report.grouping import ranges

__all__ = ["Node", "tree"]

_DEEPEST = 12  # levels of a name that make modules; what is left stays one name
_SEPARATOR = re.compile(r"[./]+")


@dataclass
class Node:
    """A module, or a row: its own name, how many alike it stands for, and the sums over all of them.

    ``figures`` are sums over the rows below, in the caller's order; ``rows`` their positions.
    """

    name: str
    figures: list[float]
    rows: list[int] = field(default_factory=list)
    children: list[Node] = field(default_factory=list)
    count: int = 1
    operator: str = ""

    def walk(self) -> Iterable[Node]:
        """This node and all below it."""
        yield self
        for child in self.children:
            yield from child.walk()


def tree(name: str, rows: Sequence[tuple[str, str, Sequence[float]]]) -> Node:
    """Rows (name, operator, figures) as a tree.

    >>> top = tree("net", [("h.0.fc", "Gemm", [1.0]), ("h.1.fc", "Gemm", [1.0]), ("head", "Gemm", [3.0])])
    >>> [(n.name, n.count, n.figures) for n in top.walk()]
    [('net', 1, [5.0]), ('h.{0-1}', 2, [2.0]), ('fc', 1, [2.0]), ('head', 1, [3.0])]
    """
    width = len(rows[0][2]) if rows else 0
    top = Node(name, [0.0] * width)
    places: dict[tuple[str, ...], Node] = {}
    for at, (full, operator, figures) in enumerate(rows):
        parts = [part for part in _SEPARATOR.split(full, maxsplit=_DEEPEST) if part] or [full]
        node = top
        _add(node, figures, at)
        for depth, part in enumerate(parts, 1):
            last = depth == len(parts)
            key = (*parts[:depth], *((f"#{at}",) if last else ()))
            if key not in places:
                places[key] = Node(part, [0.0] * width, operator=operator if last else "")
                node.children.append(places[key])
            node = places[key]
            _add(node, figures, at)
    return _folded(_chained(top))


def _add(node: Node, figures: Sequence[float], row: int) -> None:
    node.figures = [a + b for a, b in zip(node.figures, figures, strict=True)]
    node.rows.append(row)


def _chained(node: Node) -> Node:
    """A module that holds nothing but modules named by numbers, or one module, is named together with them."""
    node.children = [_chained(child) for child in node.children]
    hoisted: list[Node] = []
    for child in node.children:
        inner = child.children
        numbered = all(grandchild.children and grandchild.name.isdecimal() for grandchild in inner)
        if inner and numbered and not child.name.isdecimal():
            for grandchild in inner:
                grandchild.name = f"{child.name}.{grandchild.name}"
            hoisted += inner
        else:
            hoisted.append(child)
    node.children = hoisted
    return node


def _folded(node: Node) -> Node:
    """Siblings with numbers for names that hold the same are one, with their count and the sum of their figures."""
    alike: dict[tuple[object, ...], Node] = {}
    numbers: dict[int, list[int]] = {}
    kept: list[Node] = []
    for child in node.children:
        stem, dot, number = child.name.rpartition(".")
        if not child.children or not number.isdecimal():
            kept.append(_folded(child))
            continue
        key = (stem, _signature(child))
        if key in alike:
            _merge(alike[key], child)
        else:
            alike[key] = child
            kept.append(child)
        numbers.setdefault(id(alike[key]), []).append(int(number))
    for child in kept:
        if id(child) in numbers:
            stem, dot, _ = child.name.rpartition(".")
            child.name = f"{stem}{dot}{ranges(numbers[id(child)])}"
            child.count = len(numbers[id(child)])
            child.children = _folded(child).children
    node.children = kept
    return node


def _signature(node: Node) -> tuple[object, ...]:
    """What a block holds: names, operators and figures without the energy, which comes first."""
    return tuple((c.name, c.operator, tuple(c.figures[1:]), _signature(c)) for c in node.children)


def _merge(into: Node, other: Node) -> None:
    into.figures = [a + b for a, b in zip(into.figures, other.figures, strict=True)]
    into.rows += other.rows
    for a, b in zip(into.children, other.children, strict=True):
        _merge(a, b)
