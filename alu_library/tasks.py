"""ALU tasks: the small fixed vocabulary into which every network operator is lowered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

__all__ = ["PRIMITIVES", "Count", "Tasks", "check_count"]


class Count(Protocol):
    """An exact count: a Python int, or a sympy expression where a dimension is symbolic; a float once it was priced.

    It is a protocol, so that sympy is not imported for its sake: the arithmetic that all three have.
    """

    def __add__(self, other: Any, /) -> Count: ...
    def __radd__(self, other: Any, /) -> Count: ...
    def __sub__(self, other: Any, /) -> Count: ...
    def __rsub__(self, other: Any, /) -> Count: ...
    def __mul__(self, other: Any, /) -> Count: ...
    def __rmul__(self, other: Any, /) -> Count: ...
    def __floordiv__(self, other: Any, /) -> Count: ...
    def __truediv__(self, other: Any, /) -> Count: ...
    def __rtruediv__(self, other: Any, /) -> Count: ...
    def __mod__(self, other: Any, /) -> Count: ...
    def __neg__(self, /) -> Count: ...
    def __lt__(self, other: Any, /) -> bool: ...
    def __le__(self, other: Any, /) -> bool: ...
    def __gt__(self, other: Any, /) -> bool: ...
    def __ge__(self, other: Any, /) -> bool: ...
    def __int__(self, /) -> int: ...
    def __float__(self, /) -> float: ...
    def __hash__(self, /) -> int: ...


PRIMITIVES: Mapping[str, str] = {
    "add": "addition or subtraction",
    "multiply": "multiplication",
    "multiply_accumulate": "a product added to a running sum held in the accumulator format",
    "divide": "division, correctly rounded",
    "sqrt": "square root, correctly rounded",
    "compare": "comparison that selects one of its operands (ReLU, max, min, where on an order)",
    "select": "two-way multiplexer over a word, steered by a bit that exists already",
    "shift": "shift by a variable amount",
    "convert": "conversion between number formats, rounding to an integer included",
    "logic": "bit-wise operation on a word (and, or, xor, not, sign changes)",
    "table_read": "read of a constant table; its format is written ENTRIESxBITS, as in 256x27",
}
"""Tasks that a circuit prices directly. Every other task name is an elementary function, which is
a program over these."""


_MOST = 10**100
"""No machine counts so far; floating point, in which prices and energies are, still holds what is made of it."""


def check_count(n: Count, what: str) -> Count:
    """The count itself; ValueError where it is negative, beyond 10^100 or no number. A symbol counts as what it is
    declared to be."""
    if n.__class__ is int or n.__class__ is float:
        if 0 <= n < _MOST:
            return n
    elif not isinstance(n, (str, bytes, type(None))) and getattr(n, "is_extended_nonnegative", None) is not False:
        return n
    raise ValueError(f"{what} cannot be {str(n)[:60] if n.__class__ is not int or n < 0 else '10^100 and more'}")


class Tasks(Mapping[tuple[str, str], Count]):
    """How many of which ALU task in which number format: an immutable, additive value that is never negative.

    >>> t = Tasks({("add", "fp32"): 2}) + Tasks({("add", "fp32"): 1, ("exp", "fp32"): 4})
    >>> t[("add", "fp32")], t[("multiply", "fp32")]
    (3, 0)
    >>> (t * 10).by_task()
    {'add': 30, 'exp': 40}
    """

    __slots__ = ("_counts",)

    def __init__(self, counts: Mapping[tuple[str, str], Count] | None = None) -> None:
        self._counts: dict[tuple[str, str], Count] = {
            k: check_count(n, k[0]) for k, n in (counts or {}).items() if n != 0}

    @classmethod
    def of(cls, format: str, **counts: Count) -> Tasks:
        """Tasks that share one number format: ``Tasks.of("fp32", add=3, exp=1)``."""
        return cls({(task, format): n for task, n in counts.items()})

    def __getitem__(self, key: tuple[str, str]) -> Count:
        return self._counts.get(key, 0)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._counts)

    def __len__(self) -> int:
        return len(self._counts)

    def __contains__(self, key: object) -> bool:
        return key in self._counts

    def __add__(self, other: Tasks) -> Tasks:
        total = dict(self._counts)
        for key, n in other._counts.items():
            total[key] = total.get(key, 0) + n
        return Tasks(total)

    def __mul__(self, times: Count) -> Tasks:
        return Tasks({key: n * times for key, n in self._counts.items()})

    __rmul__ = __mul__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Tasks) and self._counts == other._counts

    def __hash__(self) -> int:
        return hash(frozenset(self._counts.items()))

    def __repr__(self) -> str:
        return f"Tasks({self._counts!r})"

    def by_task(self) -> dict[str, Count]:
        """Counts summed over number formats, by task name, in alphabetical order."""
        total: dict[str, Count] = {}
        for (task, _), n in sorted(self._counts.items(), key=lambda item: item[0]):
            total[task] = total.get(task, 0) + n
        return total

    def total(self) -> Count:
        """All tasks together."""
        return sum(self._counts.values())
