"""Mutants: one small change of one expression, drawn by seed from the sources."""

from __future__ import annotations

import ast
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["ROOMS", "Mutant", "drawn", "mutants_of", "room_of"]

ROOMS: Mapping[str, tuple[str, ...]] = {
    "energy": ("tocompiler/energy", "tocompiler/runtimes", "tocompiler/execution.py"),
    "lowering": ("tocompiler/lowering.py", "tocompiler/costing.py", "tocompiler/training.py", "tocompiler/passes",
                 "tocompiler/compiler.py", "tocompiler/traffic.py"),
    "operators": ("tocompiler/operators",),
    "readers": ("tocompiler/frontends/onnx", "tocompiler/frontends/shape_arithmetic.py", "tocompiler/loading",
                "tocompiler/frontends/huggingface", "alu_library/circuits/verilog_"),
    "circuits": ("alu_library",),
}
"""The rooms of which a score is asked, by the paths in them (the first that fits)."""

_COMPARISONS: Mapping[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is}
_ARITHMETIC: Mapping[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv, ast.FloorDiv: ast.Mult, ast.Div: ast.Mult,
    ast.Mod: ast.Mult, ast.Pow: ast.Mult, ast.LShift: ast.RShift, ast.RShift: ast.LShift, ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd}
_CALLS = {"min": "max", "max": "min", "any": "all", "all": "any"}


@dataclass(frozen=True)
class Mutant:
    """A file's text with one expression changed; ``line`` and ``change`` say where and how."""

    path: str
    line: int
    change: str
    text: str


def room_of(path: str) -> str:
    """The room that a file belongs to; ``others`` for the rest."""
    return next((room for room, starts in ROOMS.items() if path.startswith(starts)), "others")


def drawn(root: Path, count: int, seed: int) -> list[Mutant]:
    """As many mutants, the rooms in turn, each from a file drawn by its number of lines."""
    rng = random.Random(seed)
    files: dict[str, list[Path]] = {}
    for package in ("tocompiler", "alu_library"):
        for path in sorted((root / package).rglob("*.py")):
            files.setdefault(room_of(path.relative_to(root).as_posix()), []).append(path)
    rooms = sorted(files)
    sizes = {room: [path.stat().st_size for path in files[room]] for room in rooms}
    found: dict[tuple[str, int, str], Mutant] = {}
    while len(found) < count:
        room = rooms[len(found) % len(rooms)]
        path = rng.choices(files[room], sizes[room])[0]
        name = path.relative_to(root).as_posix()
        possible = list(mutants_of(path.read_text(encoding="utf-8"), name))
        if possible:
            mutant = rng.choice(possible)
            found.setdefault((name, mutant.line, mutant.change), mutant)
    return list(found.values())


def mutants_of(source: str, path: str) -> Iterator[Mutant]:
    """Every mutant of one file."""
    tree = ast.parse(source)
    lines = source.split("\n")
    for node in _expressions(tree):
        for made in _changed(node):
            start = _offset(lines, node.lineno, node.col_offset)
            end = _offset(lines, node.end_lineno or 0, node.end_col_offset or 0)
            old, new = source[start:end], f"({ast.unparse(made)})"
            yield Mutant(path, node.lineno, f"{' '.join(old.split())} -> {new}", source[:start] + new + source[end:])


def _offset(lines: Sequence[str], line: int, column: int) -> int:
    """A place that ast counts in UTF-8 bytes, as an index into the text."""
    return sum(len(text) + 1 for text in lines[:line - 1]) + len(lines[line - 1].encode()[:column].decode())


def _expressions(node: ast.AST) -> Iterator[ast.expr]:
    """Expressions that decide what is computed: no messages, no annotations, no names, no documentation."""
    skipped: tuple[type[ast.AST], ...] = (ast.Raise, ast.JoinedStr, ast.Import, ast.ImportFrom, ast.Assert)
    if isinstance(node, ast.expr):
        yield node
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list", "type_comment"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST) and not isinstance(child, skipped) and not _is_idle(child):
                yield from _expressions(child)


def _is_idle(node: ast.AST) -> bool:
    """A docstring, ``__all__``, a type's name, or what only a type checker runs."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return True
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
        return node.targets[0].id == "__all__"
    return isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "__name__ == '__main__'")


def _changed(node: ast.expr) -> Iterator[ast.expr]:
    """The node's mutants: the operator next to its own, the number next to it, the condition's opposite."""
    changes: Mapping[type[ast.expr], Callable[..., Iterator[ast.expr]]] = {
        ast.Compare: _comparison, ast.BinOp: _arithmetic, ast.BoolOp: _boolean, ast.UnaryOp: _unary,
        ast.Constant: _constant, ast.IfExp: _choice, ast.Call: _call}
    yield from changes.get(type(node), lambda _: iter(()))(node)


def _comparison(node: ast.Compare) -> Iterator[ast.expr]:
    first = _COMPARISONS[type(node.ops[0])]()
    yield ast.Compare(node.left, [first, *node.ops[1:]], node.comparators)


def _arithmetic(node: ast.BinOp) -> Iterator[ast.expr]:
    if isinstance(node.left, ast.Constant) and isinstance(node.left.value, str):
        return  # text put together, or a pattern filled in
    if type(node.op) in _ARITHMETIC:
        yield ast.BinOp(node.left, _ARITHMETIC[type(node.op)](), node.right)


def _boolean(node: ast.BoolOp) -> Iterator[ast.expr]:
    yield ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)


def _unary(node: ast.UnaryOp) -> Iterator[ast.expr]:
    if isinstance(node.op, (ast.Not, ast.USub)):
        yield node.operand


def _constant(node: ast.Constant) -> Iterator[ast.expr]:
    if isinstance(node.value, bool):
        yield ast.Constant(not node.value)
    elif isinstance(node.value, (int, float)):
        yield ast.Constant(node.value + 1)


def _choice(node: ast.IfExp) -> Iterator[ast.expr]:
    yield ast.IfExp(node.test, node.orelse, node.body)


def _call(node: ast.Call) -> Iterator[ast.expr]:
    if isinstance(node.func, ast.Name) and node.func.id in _CALLS:
        yield ast.Call(ast.Name(_CALLS[node.func.id]), node.args, node.keywords)
