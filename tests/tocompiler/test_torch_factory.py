"""torch:package.module:function: what the function makes is compiled, or one line says what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

import tocompiler

torch = pytest.importorskip("torch")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "made_here.py").write_text(
        "import torch\ndef both():\n    return torch.nn.Linear(8, 4), torch.zeros(2, 8)\n"
        "def alone():\n    return torch.nn.Linear(8, 4)\nnumber = 3\n")


def test_a_module_and_its_inputs_are_compiled() -> None:
    assert tocompiler.compile(tocompiler.load("torch:made_here:both")).totals.multiply_accumulates == 2 * 8 * 4
    assert tocompiler.compile(tocompiler.load("torch:made_here:both", batch=5)).totals.multiply_accumulates == 5 * 8 * 4


@pytest.mark.parametrize(("source", "line"), [
    ("torch:made_here", "write torch:PACKAGE.MODULE:FUNCTION"), ("torch:nowhere.at:all", "cannot import nowhere.at"),
    ("torch:made_here:number", "made_here has no function number"),
    ("torch:made_here:alone", "a module and its example inputs"),
])
def test_what_is_wrong_is_one_line(source: str, line: str) -> None:
    with pytest.raises(ValueError, match=line) as error:
        tocompiler.load(source)
    assert "\n" not in str(error.value)
