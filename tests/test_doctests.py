"""Examples in docstrings run, in every module that has one and in no other."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

PACKAGES = ("alu_library", "hardware", "tocompiler")
OPTIONAL = {"tocompiler/frontends/torch": "torch", "tocompiler/frontends/onnx": "onnx"}
HOMES = {package: Path(str(importlib.import_module(package).__file__)).parent for package in PACKAGES}
"""Where the packages are that are tested: beside the tests, or installed."""
FILES = sorted(path.relative_to(home.parent) for home in HOMES.values()
               for path in home.rglob("*.py") if ">>> " in path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", FILES, ids=str)
def test_examples(path: Path) -> None:
    for start, library in OPTIONAL.items():
        if path.as_posix().startswith(start):
            pytest.importorskip(library)
    module = importlib.import_module(".".join(path.with_suffix("").parts).removesuffix(".__init__"))
    failed, attempted = doctest.testmod(module)
    assert attempted > 0
    assert failed == 0


def test_there_are_examples_in_every_package() -> None:
    assert {path.parts[0] for path in FILES} == set(PACKAGES)
