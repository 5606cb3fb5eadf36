"""Every command and snippet of README and docs runs as pasted, in a clean folder with the files of examples/."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))  # the benchmarks are no package
from people_commands import clean_folder, pasted, run


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """One folder for all: later commands use what earlier ones wrote."""
    folder = tmp_path_factory.mktemp("documented")
    return folder, clean_folder(folder)


@pytest.mark.parametrize("each", list(pasted()), ids=lambda each: f"{each.document}:{each.line}: {each.text[:60]}")
def test_it_runs_as_pasted(each: object, place: tuple[Path, dict[str, str]]) -> None:
    assert run(each, *place) == ""
