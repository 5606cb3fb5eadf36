"""Program: what this package needs to know of a compiled program, without knowing networks or circuits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

__all__ = ["Program", "ProgramRow"]


class ProgramRow(Protocol):
    """One operator in one phase: what it is called, which operator it came from, and its counts."""

    @property
    def name(self) -> str: ...
    @property
    def operator(self) -> str: ...
    @property
    def phase(self) -> str: ...
    @property
    def source(self) -> str | None: ...
    @property
    def parameter(self) -> str | None: ...


class Program(Protocol):
    """A program that was measured, or whose energy is asked for: a TransistorProgram has all of it.

    ``network`` and ``alu`` are the levels above, which only those read that know them.
    """

    @property
    def name(self) -> str: ...
    @property
    def network(self) -> Any: ...
    @property
    def alu(self) -> Any: ...
    @property
    def rows(self) -> Sequence[Any]: ...
    @property
    def totals(self) -> Any: ...
    @property
    def unmodelled(self) -> Sequence[Any]: ...
