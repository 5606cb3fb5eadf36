"""Rows kept on disk: the same as simulated ones, read again, named after all they follow from."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from alu_library.circuits import kept
from alu_library.circuits.cells import CELLS, add_cell
from alu_library.circuits.characterisation import characterise

NAME = ("adder/ripple_carry", "int5")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TOCOMPILER_CACHE", str(tmp_path / "rows"))
    return tmp_path / "rows"


def no_simulation(circuit: str, format: str) -> None:
    raise AssertionError(f"{circuit} {format} was simulated again")


def test_a_kept_row_is_the_simulated_one_and_spares_the_simulation(
        folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = kept.characterised(*NAME)
    assert first == characterise(*NAME)
    assert len(list(folder.iterdir())) == 1
    monkeypatch.setattr(kept, "characterise", no_simulation)
    assert kept.characterised(*NAME) == first


@pytest.mark.parametrize("damage", ["", "{", "[]", "[1, 2]", json.dumps({"a": 1})])
def test_a_damaged_file_is_made_anew(folder: Path, damage: str) -> None:
    first = kept.characterised(*NAME)
    (file,) = folder.iterdir()
    whole = file.read_text(encoding="utf-8")
    file.write_text(damage, encoding="utf-8")
    assert kept.characterised(*NAME) == first
    assert file.read_text(encoding="utf-8") == whole


def test_other_circuits_formats_and_cells_have_other_files(folder: Path) -> None:
    for circuit, format in (NAME, ("adder/ripple_carry", "int6"), ("adder/kogge_stone", "int5")):
        kept.characterised(circuit, format)
    assert len(list(folder.iterdir())) == 3


def test_a_user_cell_of_other_transistors_is_another_row(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netlist = kept.build(*NAME)
    before = kept._name(netlist, *NAME)
    kind = next(iter(netlist.counts))
    heavier = add_cell("HEAVIER", " ".join(CELLS[kind].inputs), "y", "y = a", "a:20")
    monkeypatch.setitem(CELLS, kind, heavier)
    assert kept._name(netlist, *NAME) != before


def test_without_a_folder_or_where_none_can_be_nothing_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCOMPILER_CACHE", "")
    assert kept.folder() is None
    row = kept.characterised(*NAME)
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("TOCOMPILER_CACHE", str(tmp_path / "file"))
    assert kept.characterised(*NAME) == row


def test_the_folder_is_where_the_system_keeps_caches(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("TOCOMPILER_CACHE")
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert kept.folder() == tmp_path / "tocompiler"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert kept.folder() == tmp_path / ".cache" / "tocompiler"


def test_more_than_two_seconds_are_announced(folder: Path, monkeypatch: pytest.MonkeyPatch,
                                             caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(kept, "_spent", {"second": 0.0, "circuits": 0, "told": 0.0})
    with caplog.at_level(logging.WARNING):
        for second in (1.5, 0.4, 0.3, 1.0, 1.5):
            kept._tell(second, folder)
    assert [record.getMessage() for record in caplog.records] == [
        f"simulated {n} circuits that no table holds, {s} s so far; kept in {folder}" for n, s in ((3, 2), (5, 5))]
