"""Compare, check and planning: ratios with their intervals, budgets with an exit status, kWh, money and emissions."""

from __future__ import annotations

import csv
import io
import json

import pytest
from click.testing import CliRunner

import hardware
import tocompiler
from tocompiler.commands.check import command as check
from tocompiler.commands.compare import command as compare
from tocompiler.commands.compile import command as compile_command
from tocompiler.commands.zoo import command as zoo
from tocompiler.testing import assert_energy, joules

DEVICE = "jetson_tx2_maxn"
MODEL = "mlp:64-64-8:relu"


def run(command: object, *arguments: str, status: int = 0) -> str:
    done = CliRunner().invoke(command, arguments, standalone_mode=False)  # type: ignore[arg-type]
    assert done.exception is None or status, done.exception
    assert not status or isinstance(done.exception, Exception) or done.return_value == status
    return done.output if done.exception is None else str(done.exception)


def test_a_program_against_itself_is_one() -> None:
    found = json.loads(run(compare, MODEL, MODEL, "--device", DEVICE, "--json", "-"))["compared"][1]
    assert (found["ratio"], found["ratio_low"], found["ratio_high"]) == pytest.approx((1, 1, 1))


def test_formats_and_batches_are_compared_by_the_sample() -> None:
    found = json.loads(run(compare, "resnet18", "--device", DEVICE, "--format", "fp32", "--format", "fp16",
                           "--batch", "1", "--batch", "4", "--json", "-"))
    assert [e["label"] for e in found["compared"]] == ["fp32 batch 1", "fp32 batch 4", "fp16 batch 1", "fp16 batch 4"]
    base = found["compared"][0]
    for entry in found["compared"]:
        assert entry["ratio"] == pytest.approx(entry["energy_per_sample_joule"] / base["energy_per_sample_joule"])
        assert entry["ratio_low"] <= entry["ratio"] <= entry["ratio_high"]
        assert sum(entry["energy_by_operator_joule"].values()) == pytest.approx(entry["energy_joule"])


def test_devices_share_no_error() -> None:
    found = json.loads(run(compare, "resnet18", "--device", DEVICE, "--device", "rpi4", "--json", "-"))["compared"][1]
    own = found["energy_high_joule"] / found["energy_joule"]
    assert found["ratio_high"] / found["ratio"] > own * 0.999


def test_the_table_says_where_two_part() -> None:
    text = run(compare, "resnet18", "mobilenet_v2", "--device", DEVICE, "--executions", "1e6", "--grid", "400")
    assert "ratio to the first" in text
    assert "difference" in text
    assert "CO2e (400 g CO2e/kWh)" in text


def test_one_subject_is_no_comparison() -> None:
    assert "to compare with" in run(compare, MODEL, "--device", DEVICE, status=2)


def test_a_budget_decides_the_status() -> None:
    energy = json.loads(run(check, MODEL, "--device", DEVICE, "--max", "1J", "--json", "-"))
    assert energy["kept"] is True
    between = (energy["energy_joule"] + energy["energy_high_joule"]) / 2
    for most, options, status in ((f"{between}J", [], 0), (f"{between}J", ["--certain"], 1), ("1pJ", [], 1)):
        done = CliRunner().invoke(check, [MODEL, "--device", DEVICE, "--max", most, *options], standalone_mode=False)
        assert done.return_value == status, done.output
        assert ("exceeds" if status else "keeps") in done.output


def test_the_helper_fails_a_test_that_exceeds_its_budget() -> None:
    program = tocompiler.compile(tocompiler.load(MODEL))
    assert assert_energy(program, DEVICE, "1 J").energy_joule < 1
    with pytest.raises(AssertionError, match=r"exceeds the budget of 1\.000 µJ; dearest is"):
        assert_energy(program, hardware.load_device(DEVICE), "1 µJ")


@pytest.mark.parametrize("text", ["5 parsecs", "mJ", "-1J", "0J", "", "1e400J..", "nan"])
def test_what_is_no_energy_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no energy: give a positive number"):
        joules(text)


def test_planning_is_arithmetic() -> None:
    figures = json.loads(run(compile_command, MODEL, "--device", DEVICE, "--executions", "3.6e9", "--grid", "fra",
                             "--price", ".5", "--json", "-"))
    plan, energy = figures["planning"], figures["totals"]["energy_joule"]
    assert plan["energy_kilowatt_hour"] == pytest.approx(1000 * energy)
    assert plan["cost"] == pytest.approx(500 * energy)
    assert plan["emission_kilogram_co2e"] == pytest.approx(energy * 56.04)
    assert "Ember" in plan["grid_source"]


def test_planning_options_need_each_other() -> None:
    assert "--grid is for --executions" in run(compile_command, MODEL, "--device", DEVICE, "--grid", "400", status=2)
    assert "needs --device" in run(compile_command, MODEL, "--executions", "5", status=2)
    assert "did you mean Germany?" in run(compile_command, MODEL, "--device", DEVICE, "--executions", "5", "--grid",
                                          "Germny", status=1)


def test_every_grid_has_a_figure_and_a_source() -> None:
    for code, grid in hardware.grids().items():
        assert hardware.grid(code) is grid
        assert 0 < grid.gram_per_kilowatt_hour < 1000
        assert grid.source.startswith("Ember")
        assert grid.year in (2021, 2022, 2023)


def test_rows_as_csv_are_the_json_s_rows() -> None:
    rows = list(csv.DictReader(io.StringIO(run(compile_command, MODEL, "--device", DEVICE, "--csv", "-"))))
    found = json.loads(run(compile_command, MODEL, "--device", DEVICE, "--json", "-"))["operators"]
    assert [(r["name"], float(r["energy_joule"])) for r in rows] == [(f["name"], f["energy_joule"]) for f in found]


def test_the_zoo_is_listed_with_its_options() -> None:
    found = {e["name"]: e["options"] for e in json.loads(run(zoo, "--json", "-"))["networks"]}
    assert found["bert_base"] == {"sequence": 128}
    assert set(found) == set(tocompiler.zoo.names())
