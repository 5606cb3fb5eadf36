"""What the benchmarks take from the packages that is not a public name: there should be nothing.

A face is a package whose ``__all__`` lists its public names; such a name may be a package with a face (``operators``).
"""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from types import ModuleType

__all__ = ["PACKAGES", "inner_imports", "is_face"]

PACKAGES = ("alu_library", "hardware", "tocompiler")


def inner_imports(source: str) -> Iterator[str]:
    """Every import of something that is not a public name, as ``module.name``, and every use of one through a face."""
    tree = ast.parse(source)
    faces: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] in PACKAGES:
                    if not is_face(alias.name):
                        yield alias.name
                    faces[alias.asname or alias.name.split(".")[0]] = alias.name
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] in PACKAGES:
            for alias in node.names:
                path = f"{node.module}.{alias.name}"
                if not is_face(node.module) or alias.name not in public(node.module):
                    yield path
                elif is_face(path):
                    faces[alias.asname or alias.name] = path
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in faces:
            face = faces[node.value.id]
            if node.attr not in public(face) and not node.attr.startswith("__"):
                yield f"{face}.{node.attr}"


def is_face(path: str) -> bool:
    """Whether a module is one of the three packages, or a public name of a face."""
    parent, _, name = path.rpartition(".")
    if not parent:
        return path in PACKAGES
    return is_face(parent) and name in public(parent) and isinstance(getattr(importlib.import_module(parent), name),
                                                                     ModuleType)


def public(face: str) -> list[str]:
    return list(importlib.import_module(face).__all__)
