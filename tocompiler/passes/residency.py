"""Residency: what passes that keep tensors on chip share. They change which data moves, and no arithmetic."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import replace

from tocompiler.lowering import AluProgram
from tocompiler.operators import Access

__all__ = ["kept_on_chip"]


def kept_on_chip(program: AluProgram, tensors: Set[str]) -> AluProgram:
    """The forward rows without the writes and reads of these tensors."""

    def moving(accesses: tuple[Access, ...]) -> tuple[Access, ...]:
        return tuple(a for a in accesses if a.tensor not in tensors)

    return replace(program, rows=tuple(
        replace(row, reads=moving(row.reads), writes=moving(row.writes)) if row.phase == "forward" else row
        for row in program.rows))
