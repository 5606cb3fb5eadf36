"""The printed form of the fourth level, and its trace: which rule moved which amount of which row."""

from __future__ import annotations

from collections.abc import Iterator

from tocompiler.execution import ExecutionProgram, ExecutionRow
from tocompiler.runtimes.draft import AMOUNTS

__all__ = ["attention_note", "print_execution", "trace"]

_STATED = ("products", "executed")
"""Amounts whose value before any rule is printed beside the one after."""


def print_execution(execution: ExecutionProgram) -> str:
    """One line for each row that does anything, and one for what belongs to the execution as a whole.

    ``products`` and ``executed`` (transistor operations) are given as stated and, where rules changed them, as done.
    """
    program = execution.program
    head = (f"execution {program.name} format={program.alu.format} phase={program.alu.phase} "
            f"runtime={execution.runtime.name} rules={len(execution.rules)}")
    lines = [f"  {row.name} {row.operator} {row.phase} {_amounts(row)}".rstrip() for row in execution.rows]
    return "\n".join([head, *lines, f"  per execution {_amounts(execution.execution)}".rstrip()])


def _amounts(row: ExecutionRow) -> str:
    parts = []
    for name in AMOUNTS:
        stated, done = row.stated.amount(name), row[name]
        if name in _STATED and stated != done:
            parts.append(f"{name}={_number(stated)}->{_number(done)}")
        elif done:
            parts.append(f"{name}={_number(done)}")
    return " ".join(parts)


def attention_note(execution: ExecutionProgram) -> list[str]:
    """Whether attention runs fused or eager, and who says so, as a line; none where the program has no attention."""
    if all(row.operator != "Attention" for row in execution.rows):
        return []
    use = next((r for r in execution.rules if r.name == "attention"), None)
    kind = "one fused kernel (no rule says otherwise)" if use is None else str(use.parameters["attention"])
    return [f"Attention: {kind}, runtime {execution.runtime.name}."]


def trace(execution: ExecutionProgram) -> str:
    """The runtime's rules with their sources, and every change that they made, row by row."""
    lines = [f"Runtime {execution.runtime.name}: {execution.runtime.source}"]
    for use in execution.rules:
        given = ", ".join(f"{k} {v}" for k, v in use.parameters.items())
        lines.append(f"  {use.name}{f' ({given})' if given else ''}: {use.source}")
    lines.append("What the rules changed (amounts: " + ", ".join(f"{k} in {u}" if u != "1" else k for k, u in
                                                                AMOUNTS.items()) + ")")
    return "\n".join([*lines, *_changes(execution)])


def _changes(execution: ExecutionProgram) -> Iterator[str]:
    for row in (*execution.rows, execution.execution):
        for change in row.trace:
            yield f"  {row.name} {row.phase}: {change.rule}: {change.amount} {_number(change.before)} -> " \
                  f"{_number(change.after)}"


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else f"{value:.6g}"
