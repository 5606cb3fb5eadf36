"""Comparisons hold groups out, give every estimator the same splits, and say why a method has no score."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from tocompiler.commands.evaluate import command
from tocompiler.estimators.comparison import compare, grouped_folds, score


def _measured(products: float, joule: float, group: str) -> Any:
    totals = SimpleNamespace(multiply_accumulates=products, transistor_operations=100 * products)
    return SimpleNamespace(program=SimpleNamespace(totals=totals, rows=[], network=SimpleNamespace(operators=[])),
                           joule_per_execution=joule, group=group)


ROWS = [_measured(m, 2e-9 * m + 1, f"net{i % 4}") for i, m in enumerate(np.geomspace(1e6, 1e10, 24))]


def test_folds_hold_each_row_out_once_and_split_no_group() -> None:
    splits = grouped_folds(ROWS, folds=3)
    assert len(splits) == 3
    assert sorted(np.concatenate([test for _, test in splits])) == list(range(24))
    for train, test in splits:
        assert not {ROWS[i].group for i in train} & {ROWS[i].group for i in test}
    assert len(grouped_folds(ROWS)) == 4  # no more folds than groups
    with pytest.raises(ValueError, match="at least two groups"):
        grouped_folds(ROWS[:1])


def test_scores_are_held_out_errors() -> None:
    found = score("macs", ROWS, grouped_folds(ROWS))
    assert found.mape == pytest.approx(0, abs=1e-6)
    assert found.predicted_joule == pytest.approx([r.joule_per_execution for r in ROWS])


def test_nothing_held_out_is_an_error_not_a_nan() -> None:
    with pytest.raises(ValueError, match="hold no measurement out"):
        score("macs", ROWS, [(np.arange(24), np.arange(0))])


def test_a_method_that_cannot_be_fitted_says_why() -> None:
    by_name = {s.name: s for s in compare(ROWS, ("macs", "getzner", "scaling_law"))}
    assert by_name["getzner"].mape is None
    assert "measurements of single layers" in by_name["getzner"].reason
    assert np.isnan(by_name["getzner"].predicted_joule).all()
    assert by_name["macs"].mape < by_name["scaling_law"].mape


def test_evaluate_compares_by_name(tmp_path: Path) -> None:
    table = tmp_path / "layers.csv"
    cells = [f"relu {1000 * i},{1e-6 * i + 1e-3:.9g}" for i in range(1, 13)]
    table.write_text("model,energy_joule\n" + "\n".join(cells) + "\n", encoding="utf-8")
    result = CliRunner().invoke(command, [str(table), "--estimator", "flops", "--json", "-"])
    assert result.exit_code == 0, result.output
    (found,) = json.loads(result.output)["estimators"]
    assert found["estimator"] == "flops"
    assert found["mape"] == pytest.approx(0, abs=1e-4)
    assert len(found["predicted_joule"]) == 12


@pytest.mark.parametrize(("options", "status"), [([], 2), (["--device", "a", "--estimator", "b"], 2)])
def test_evaluate_wants_a_device_or_a_method(options: list[str], status: int) -> None:
    result = CliRunner().invoke(command, ["table.csv", *options])
    assert result.exit_code == status
    assert "either --device or --estimator" in result.output


def test_evaluate_refuses_an_unknown_method() -> None:
    result = CliRunner().invoke(command, ["table.csv", "--estimator", "oracle"])
    assert isinstance(result.exception, ValueError)
    assert "unknown estimator 'oracle'" in str(result.exception)
