"""The ablation finds the feature that made the data."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from tocompiler.estimators.feature_study import FEATURE_SETS, ablation, columns, command
from tocompiler.operators import Loops


def _measured(i: int, random: Any) -> Any:
    loops = Loops(n=int(random.integers(1, 64)), m=int(random.integers(1, 512)), c=int(random.integers(1, 512)))
    traffic = int(random.integers(1, 10 ** 9))
    totals = SimpleNamespace(multiply_accumulates=loops.products, traffic_bit=8 * traffic,
                             transistor_operations=1000.0 * loops.products)
    program = SimpleNamespace(totals=totals, rows=[SimpleNamespace(alu=SimpleNamespace(loops=loops))])
    joule = 1e-9 * loops.products + 1e-8 * traffic + 1e-4
    return SimpleNamespace(program=program, joule_per_execution=joule, group=str(i))


def test_the_true_features_win() -> None:
    random = np.random.default_rng(0)
    found = {a.name: a for a in ablation([_measured(i, random) for i in range(80)], splits=4)}
    assert set(found) == set(FEATURE_SETS)
    assert found["products, traffic"].r2 == pytest.approx(1)
    assert found["products, traffic"].relative_mape == pytest.approx(0, abs=1e-3)
    assert found["products"].r2 < 0.9
    assert found["log shape"].relative_mape is None


def test_columns_of_a_program_without_contraction_are_zero() -> None:
    totals = SimpleNamespace(multiply_accumulates=0, traffic_bit=64, transistor_operations=5.0)
    found = columns(SimpleNamespace(totals=totals, rows=[SimpleNamespace(alu=SimpleNamespace(loops=None))]))
    assert found["traffic"] == 8
    assert found["m"] == found["log m"] == 0


def test_too_few_rows_and_bad_tables_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="feature study needs at least 20 measurements, got 0"):
        list(ablation([]))
    table = tmp_path / "bad.csv"
    table.write_text("model,energy_joule\nconv2d 8x8x8 out_channels=4 kernel_size=3,minus\n", encoding="utf-8")
    result = CliRunner().invoke(command, [str(table)])
    assert result.exit_code == 1
    assert "row 2, column energy_joule" in result.output
