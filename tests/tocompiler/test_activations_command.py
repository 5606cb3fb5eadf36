"""``tocompiler activations``: ranked, priced by the compiler's own circuits, answered from the shipped tables."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from alu_library.functions import activation_names, cost, function_rows
from tocompiler.commands.activations import command, entries
from tocompiler.report.activation_plot import pareto

ACTIVATIONS = activation_names()
KEYS = {"name", "format", "internal_format", "algorithm", "alu_tasks", "transistor_operations", "relative_to_multiply",
        "table_bit", "max_error_ulp", "mean_error_ulp", "max_error_absolute", "points"}


def run(*arguments: str) -> list[dict]:  # type: ignore[type-arg]
    result = CliRunner().invoke(command, [*arguments, "--json", "-"], catch_exceptions=False)
    assert result.exit_code == 0
    found: list[dict] = json.loads(result.output)["activations"]  # type: ignore[type-arg]
    return found


def test_json_has_the_documented_keys_and_every_algorithm() -> None:
    found = run()
    assert all(entry.keys() >= KEYS for entry in found)
    assert {entry["name"] for entry in found} == set(ACTIVATIONS)
    assert len(found) == sum(len(function_rows(name, "fp32")) for name in ACTIVATIONS)


def test_ranked_by_cost() -> None:
    costs = [entry["transistor_operations"] for entry in run("--format", "bf16")]
    assert costs == sorted(costs)


@pytest.mark.parametrize("format", ["fp64", "fp8_e4m3", "bf16"])
def test_every_format_answers(format: str) -> None:
    assert {"relu", "gelu", "tanh"} <= {entry["name"] for entry in run("--format", format)}


@pytest.mark.parametrize("bound", [0.51, 1.0, 4.0])
def test_a_bound_gives_the_cheapest_of_each_within_it(bound: float) -> None:
    found = run("--format", "fp16", "--max-error", str(bound))
    assert len({entry["name"] for entry in found}) == len(found) == len(ACTIVATIONS)
    for entry in found:
        good = [row for row in function_rows(entry["name"], "fp16") if row.max_error_ulp <= bound]
        assert entry["transistor_operations"] == min(map(cost, good))


def test_relu_is_cheaper_than_sigmoid_and_sigmoid_than_gelu() -> None:
    """What FLOP counters have the wrong way round, or at zero."""
    price = {entry["name"]: entry["relative_to_multiply"] for entry in run("--max-error", "4")}
    assert price["relu"] < 1 < price["hard_swish"] < price["silu"] < price["gelu"]


def test_names_restrict_the_list() -> None:
    assert {entry["name"] for entry in run("gelu", "exp")} == {"gelu", "exp"}


def test_derivatives_and_elementary_functions() -> None:
    assert "gelu_derivative" in {entry["name"] for entry in run("--derivatives", "--max-error", "1000")}
    assert {"exp", "divide", "rsqrt"} <= {entry["name"] for entry in run("--elementary", "--max-error", "4")}


def test_energy_per_element_at_a_node_is_proportional_to_transistor_operations() -> None:
    found = run("relu", "tanh", "--node", "7nm", "--max-error", "4")
    ratios = [entry["energy_joule"] / entry["transistor_operations"] for entry in found]
    assert ratios[0] == pytest.approx(ratios[1])
    assert 1e-18 < ratios[0] < 1e-14  # joule for each transistor that switches


def test_an_unknown_function_is_one_clear_line() -> None:
    with pytest.raises(ValueError, match="'swoosh'"):
        CliRunner().invoke(command, ["swoosh"], catch_exceptions=False)


def test_plot_is_written(tmp_path: Path) -> None:
    target = tmp_path / "cost.svg"
    CliRunner().invoke(command, ["gelu", "silu", "--plot", str(target)], catch_exceptions=False)
    assert target.read_text(encoding="utf-8").lstrip().startswith("<?xml")


def test_pareto_front_keeps_only_undominated_points() -> None:
    assert pareto([(1.0, 5.0), (2.0, 4.0), (2.5, 4.5), (0.5, 9.0)]) == [(2.0, 4.0), (1.0, 5.0), (0.5, 9.0)]


def test_answers_from_the_shipped_table_in_under_two_seconds() -> None:
    start = time.perf_counter()
    entries(ACTIVATIONS, "fp32")
    assert time.perf_counter() - start < 2


def test_what_no_algorithm_reaches_is_said() -> None:
    result = CliRunner().invoke(command, ["gelu", "--max-error", "0.1"])
    assert result.exit_code == 1
    assert "no algorithm in fp32 keeps the bound for gelu; the best of gelu errs by 0.5" in str(result.exception)
    shown = CliRunner().invoke(command, ["--max-error", "0.1"])
    assert "no algorithm in fp32 keeps the bound for celu, elu" in shown.output
    assert "relu" in shown.output
    listed = CliRunner().invoke(command, ["--max-error", "0.1", "--json", "-"])
    assert "gelu" in json.loads(listed.output)["left_out"]
