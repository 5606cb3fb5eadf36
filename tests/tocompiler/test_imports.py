"""Imports run one way: tocompiler reads alu_library and hardware, which know nothing of it or of each other; how a file
is written whole is the one thing that all share."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import alu_library
import hardware
import tocompiler

FORBIDDEN = {alu_library: {"hardware", "tocompiler"}, hardware: {"alu_library", "tocompiler"},
             tocompiler: {"tests", "benchmarks"}}


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0 and node.module != "hardware.files":
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize("package", FORBIDDEN, ids=lambda package: package.__name__)
def test_a_package_imports_only_what_it_may_know(package: object) -> None:
    files = list(Path(package.__file__).parent.rglob("*.py"))  # type: ignore[attr-defined]
    assert files
    for path in files:
        assert not imported(path) & FORBIDDEN[package], path  # type: ignore[index]
