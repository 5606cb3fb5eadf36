"""Tables as people export them: each is read as the truth that it was written from, or refused with what mends it."""

from __future__ import annotations

from pathlib import Path

import pytest
from module_files import BENCHMARKS, module_at

import hardware
import tocompiler
from hardware.tables.columns import named
from hardware.tables.numbers import decimal_mark, plain

people_tables = module_at(BENCHMARKS / "people_tables.py")
CASES = {case.name: case for case in people_tables.CASES}


@pytest.mark.parametrize("name", [c.name for c in people_tables.CASES if not c.refusal and not c.doubt])
def test_what_is_read_is_the_truth(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    rows = hardware.read_table(case.write(tmp_path))
    found = sorted((r.model, r.batch, round(1e9 * r.energy_joule / r.executions)) for r in rows)
    assert found == sorted((r.model, r.batch, round(1e9 * r.energy_joule / r.executions))
                           for r in people_tables.TRUTH if case.batches or r.batch == 1)


@pytest.mark.parametrize("name", [c.name for c in people_tables.CASES if c.refusal])
def test_what_cannot_be_read_is_refused_in_a_line_that_mends_it(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    with pytest.raises(ValueError, match=r"\S") as error:
        tocompiler.read_measurements(case.write(tmp_path))
    assert case.refusal in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", [c.name for c in people_tables.CASES if c.doubt])
def test_what_is_doubtful_is_said(name: str, tmp_path: Path) -> None:
    path = CASES[name].write(tmp_path)
    said = [*hardware.table_remarks(path), *tocompiler.doubts(tocompiler.read_measurements(path))]
    assert any(CASES[name].doubt in line for line in said), said


def test_a_good_table_raises_no_doubt(tmp_path: Path) -> None:
    path = CASES["as documented"].write(tmp_path)
    assert [*hardware.table_remarks(path), *tocompiler.doubts(tocompiler.read_measurements(path))] == []


def test_rows_are_chosen_by_a_column(tmp_path: Path) -> None:
    rows = hardware.read_table(CASES["two devices, named"].write(tmp_path), where={"device": "b"})
    assert {row.batch for row in rows} == {1}
    with pytest.raises(hardware.TableError, match="no row says 'c' - it says a, b"):
        hardware.read_table(tmp_path / "table.csv", where={"device": "c"})


@pytest.mark.parametrize(("header", "column", "scale"), [
    ("energy_mJ", "energy_joule", 1e-3), ("energy_MJ", "energy_joule", 1e6), ("ENERGY_MJ", "energy_joule", 1e-3),
    ("Energy [kWh]", "energy_joule", 3.6e6), ("joule", "energy_joule", 1.0), ("avg_power_mW", "power_watt", 1e-3),
    ("Latency (µs)", "latency_second", 1e-6), ("Inference Time [ms]", "latency_second", 1e-3),
    ("duration_s", "duration_second", 1.0), ("Batch size", "batch", 1.0),
    ("mJ/inference", "energy_per_execution_joule", 1e-3),
    ("Energy (J/inference)", "energy_per_execution_joule", 1.0), ("temperature", None, 1.0),
])
def test_a_name_is_understood_with_its_unit(header: str, column: str | None, scale: float) -> None:
    found = named(header)
    assert (found.column if found else None) == column
    assert found is None or found.scale == scale


@pytest.mark.parametrize(("texts", "mark", "value"), [
    (["1.234,5"], ",", "1234.5"), (["1,234.5"], ".", "1234.5"), (["1'234.5"], ".", "1234.5"),
    (["0,5"], ",", "0.5"), (["1,234,567"], ".", "1234567"), (["1.234.567"], ",", "1234567"),
    (["12 345,6"], ",", "12345.6"), (["-1,5E-3"], ",", "-1.5E-3"),
])
def test_the_mark_between_whole_and_fraction_is_found(texts: list[str], mark: str, value: str) -> None:
    assert decimal_mark(texts) == mark
    assert plain(texts[0], mark) == value
