"""Budgets: how large an input may be before it is refused, so that a hostile file costs a line and not the machine.

Every default is far above what the largest published models need; ``--limit NAME=N`` or ``raised`` lifts one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

__all__ = ["DEFAULTS", "check", "limit", "raised"]

DEFAULTS: Mapping[str, int] = {
    "nodes": 2_000_000,  # operators of a network, its functions expanded and its bodies counted once
    "nesting": 64,  # functions that call functions, bodies inside bodies
    "layers": 4096,  # layers that a configuration asks for
    "text_byte": 1 << 20,  # one name, one string, one list of numbers in an attribute
    "graph_byte": 1 << 29,  # a model file without its weights
}
"""The budgets by name."""

_MEANING = {"nodes": "operators", "nesting": "levels of nesting", "layers": "layers",
            "text_byte": "bytes in one name or attribute", "graph_byte": "bytes beside its weights"}
_LIMITS: ContextVar[Mapping[str, int]] = ContextVar("limits", default=DEFAULTS)


def limit(name: str) -> int:
    """The budget in force."""
    return _LIMITS.get()[name]


def check(name: str, value: int, where: str) -> None:
    """ValueError, saying where and how to raise it, if ``value`` is over a budget."""
    if value > limit(name):
        raise ValueError(f"{where}: has more than {limit(name)} {_MEANING[name]}; if that is meant, raise the budget "
                         f"with --limit {name}=N")


@contextmanager
def raised(**limits: int) -> Iterator[None]:
    """Other budgets inside the block; ValueError on an unknown name or a budget that is no positive integer.

    >>> with raised(layers=10_000):
    ...     limit("layers")
    10000
    """
    for name, value in limits.items():
        if name not in DEFAULTS:
            raise ValueError(f"there is no budget '{name}'; there are {', '.join(DEFAULTS)}")
        if not isinstance(value, int) or value < 1:
            raise ValueError(f"the budget '{name}' cannot be {value!r}; give a positive integer")
    token = _LIMITS.set({**_LIMITS.get(), **limits})
    try:
        yield
    finally:
        _LIMITS.reset(token)
