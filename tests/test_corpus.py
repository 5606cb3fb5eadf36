"""Every file that ever ended in a traceback, a crash or a hang ends in a result or in one line.

A new finding of ``benchmarks/trust.py`` becomes a file of ``tests/corpus``, named after what is wrong with it.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from alu_library.circuits.verilog_reader import from_verilog
from tocompiler.cli import main

CORPUS = sorted((Path(__file__).parent / "corpus").iterdir())
COMMANDS = {
    ".onnx": ("compile", "FILE", "--json", "-"), ".json": ("compile", "hf:FILE", "--json", "-"),
    ".csv": ("evaluate", "FILE", "--device", "cpu_raptorlake", "--json", "-"),
    ".toml": ("compile", "mlp:4-8-3:relu", "--device", "FILE", "--json", "-"),
}


@pytest.mark.parametrize("file", [f for f in CORPUS if f.suffix in COMMANDS], ids=lambda f: f.name)
def test_a_file_is_read_or_refused_in_one_line(file: Path, monkeypatch: pytest.MonkeyPatch,
                                               capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["tocompiler", *(a.replace("FILE", str(file)) for a in COMMANDS[file.suffix])])
    with pytest.raises(SystemExit) as left:
        main()
    said = capsys.readouterr().err.splitlines()
    assert left.value.code in (0, 1)
    assert not any("should not have happened" in line or "MemoryError" in line for line in said)
    assert left.value.code == 0 or (len(said) == 1 and said[0].startswith("tocompiler: "))


@pytest.mark.parametrize("file", [f for f in CORPUS if f.suffix == ".v"], ids=lambda f: f.name)
def test_a_circuit_is_read_or_refused_in_one_line(file: Path) -> None:
    said = ""
    try:
        from_verilog(file.read_text(encoding="utf-8", errors="replace"))
    except ValueError as error:
        said = str(error)
    assert "\n" not in said


def test_every_file_of_the_corpus_is_run() -> None:
    assert {f.suffix for f in CORPUS} <= {*COMMANDS, ".v"}
