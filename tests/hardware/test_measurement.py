"""Measurement tables: what is read is what was written, and every mistake is named with its place."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from hardware.measurement import Measurement, MeasurementRow, TableError, read_table, write_table
from hardware.provenance import shipped_table, shipped_tables


def table(folder: Path, text: str) -> Path:
    path = folder / "table.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_table_reads_back_as_it_was_written(tmp_path: Path) -> None:
    rows = [
        MeasurementRow("resnet50", 1.5, 8, "fp16", "training", "pytorch_cuda", 10, 0.25, 3, 0.02, "nets",
                       {"fan": "on"}),
        MeasurementRow("linear 64 out_features=10", 2e-6),
    ]
    write_table(tmp_path / "t.csv", rows)
    assert read_table(tmp_path / "t.csv") == rows


@pytest.mark.parametrize(
    ("text", "place", "advice"),
    [
        ("model,enrgy_joule\nresnet18,1\n", "row 1, column energy_joule", "missing - did you mean enrgy_joule?"),
        ("model,energy_joule,speed\nresnet18,1,2\n", "row 1, column speed", "rename it condition_speed"),
        ("model,energy_joule\nresnet18,-1\n", "row 2, column energy_joule", "above 0"),
        ("model,energy_joule\nresnet18,nan\n", "row 2, column energy_joule", "finite"),
        ("model,energy_joule\nresnet18,1 J\n", "row 2, column energy_joule", "number with a decimal point"),
        ("model,energy_joule,batch\nresnet18,1,1.5\n", "row 2, column batch", "whole number"),
        ("model,energy_joule,phase\nresnet18,1,test\n", "row 2, column phase", "one of inference"),
        ("model,energy_joule\n,1\n", "row 2, column model", "must not be empty"),
        ("model,energy_joule\nresnet18\n", "row 2", "cells"),
        ("model,energy_joule\n", "has no rows", "at least one"),
        ("model,energy_joule,model\nresnet18,1,x\n", "row 1, column model", "is there twice"),
        ("model,energy_joule,batch\nresnet18,1,1e300\n", "row 2, column batch", "whole number up to 1000000000000000"),
        ("model,energy_joule\nresnet18,1_0\n", "row 2, column energy_joule", "number with a decimal point"),
        ("model,energy_joule\nresnet18,٣\n", "row 2, column energy_joule", "number with a decimal point"),
        (f"model,energy_joule\n{'x' * 140_000},1\n", "is not a CSV file", "field larger than field limit"),
    ],
)
def test_a_mistake_is_named_with_file_row_column_and_remedy(tmp_path: Path, text: str, place: str, advice: str) -> None:
    path = table(tmp_path, text)
    with pytest.raises(TableError) as error:
        read_table(path)
    message = str(error.value)
    assert str(path) in message
    assert place in message
    assert advice in message
    assert "\n" not in message


def test_a_spreadsheet_s_mark_in_front_is_no_part_of_a_name(tmp_path: Path) -> None:
    assert read_table(table(tmp_path, "\ufeffmodel,energy_joule\nresnet18,1\n"))[0].model == "resnet18"


def test_a_missing_file_is_one_line() -> None:
    with pytest.raises(TableError, match=r"nowhere\.csv: cannot be read"):
        read_table("nowhere.csv")


PROGRAM = SimpleNamespace(rows=(), totals=None)


def test_a_measurement_is_of_a_compiled_program() -> None:
    with pytest.raises(ValueError, match=r"the program is a str: give what tocompiler\.compile returns"):
        Measurement("resnet50", 1.0)


@pytest.mark.parametrize("energy", [0.0, -1.0, float("inf"), float("nan")])
def test_a_measurement_needs_a_positive_energy(energy: float) -> None:
    with pytest.raises(ValueError, match="positive number of joules"):
        Measurement(PROGRAM, energy)


def test_energy_is_shared_by_the_executions() -> None:
    assert Measurement(PROGRAM, 6.0, executions=4).joule_per_execution == 1.5


def test_every_shipped_table_has_provenance_and_valid_rows() -> None:
    for name, known in shipped_tables().items():
        assert known.licence in ("MIT", "Apache-2.0", "BSD-3-Clause")
        assert known.source
        assert known.meter
        assert known.scope
        assert len(read_table(shipped_table(name))) >= 3
