"""Tables and commands: calibrate, evaluate and devices on a small table, and what they say of bad ones."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from hardware.adapters import layer_cell, published_tables
from hardware.device import load_device
from hardware.measurement import MeasurementRow, write_table
from tocompiler.commands.calibrate import command as calibrate
from tocompiler.commands.devices import command as devices
from tocompiler.commands.evaluate import command as evaluate
from tocompiler.tables import read_measurements


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Twelve perceptrons that cost 1 nJ per width squared and layer, and 1 mJ each."""
    rows = [MeasurementRow(f"mlp:{w}-{w}-{w}:relu", 1e-3 + 2e-9 * w * w, group=f"w{w}") for w in range(100, 1300, 100)]
    write_table(tmp_path / "t.csv", rows)
    return tmp_path / "t.csv"


def test_a_calibrated_device_predicts_its_own_table(table: Path) -> None:
    device = table.with_name("board.toml")
    done = CliRunner().invoke(calibrate, [str(table), "--name", "board", "-o", str(device)])
    assert done.exit_code == 0, done.output
    said = CliRunner().invoke(evaluate, [str(table), "--device", str(device), "--json", "-"])
    assert "the very rows that board was calibrated on" in said.stderr
    found = json.loads(said.stdout)
    assert found["device"] == "board"
    assert found["rows"] == 12
    assert found["mape"] < 2
    assert found["predictions"][0]["measured_joule"] == pytest.approx(1e-3 + 2e-5)


def test_evaluate_draws_a_plot(table: Path) -> None:
    device, image = table.with_name("board.toml"), table.with_name("plot.png")
    CliRunner().invoke(calibrate, [str(table), "--name", "board", "-o", str(device)])
    done = CliRunner().invoke(evaluate, [str(table), "--device", str(device), "--plot", str(image)])
    assert done.exit_code == 0, done.output
    assert image.read_bytes().startswith(b"\x89PNG")


def test_devices_are_listed_with_their_held_out_errors() -> None:
    found = json.loads(CliRunner().invoke(devices, ["--json", "-"]).output)["devices"]
    board = next(d for d in found if d["name"] == "cpu_raptorlake")
    assert board["rows"] == 4973
    assert 5 < board["mape"]["convolution, forward"] < 15


def test_all_of_a_device_is_its_coefficients_beside_what_is_likely(table: Path) -> None:
    device = table.with_name("board.toml")
    CliRunner().invoke(calibrate, [str(table), "--name", "board", "-o", str(device)])
    said = CliRunner().invoke(devices, [str(device), "--all"]).output
    assert "board: \n  12 rows of 12 networks, runtime generic" in said
    assert "calibrated on operators Relu, matrix product; formats fp32; phases forward" in said
    found = json.loads(CliRunner().invoke(devices, [str(device), "--all", "--json", "-"]).output)["devices"][0]
    weights = next(c for c in found["models"]["program"]["coefficients"] if c["term"] == "weights")
    assert weights["low_joule"] < weights["joule"] < weights["high_joule"]
    assert weights["inside"]


def test_what_a_data_sheet_says_of_a_device_known_by_name_is_looked_up(tmp_path: Path) -> None:
    device = tmp_path / "h100.toml"
    done = CliRunner().invoke(calibrate, ["--name", "gpu_h100", "--tdp", "500", "-o", str(device)])
    assert "gpu_h100: what is not given is taken from NVIDIA H100 SXM data sheet" in done.stderr
    facts = load_device(device).facts
    assert (facts.power_watt, facts.byte_per_second, facts.memory_byte) == (500.0, 3.35e12, 8e10)


def test_a_model_that_cannot_be_built_is_named_with_its_row(tmp_path: Path) -> None:
    write_table(tmp_path / "t.csv", [MeasurementRow("resnet18", 1.0), MeasurementRow("linear 8 out=3", 1.0)])
    with pytest.raises(ValueError, match=r"t\.csv, row 3, column model, 'linear 8 out=3'"):
        read_measurements(tmp_path / "t.csv")


def test_layers_of_a_study_become_model_cells(tmp_path: Path) -> None:
    record = {"layer_type": "conv2d", "in_channels": "3", "in_size": "8", "out_channels": "4", "kernel": "3",
              "stride": "2", "padding": "1"}
    assert layer_cell(record) == "conv2d 3x8x8 out_channels=4 kernel_size=3 stride=2 padding=1"
    header = "layer_type,batch,in_channels,out_channels,kernel,stride,padding,in_size,in_features,out_features,phase,"
    (tmp_path / "cpu_raptorlake_layers.csv").write_text(
        header + "energy_joule,latency_s,power_w\nlinear,4,,,,,,,16,2,backward_sgd,0.5,0.001,1\n", encoding="utf-8")
    row = published_tables(tmp_path, "cpu_raptorlake_layers.csv")["cpu_raptorlake"][0]
    assert (row.model, row.batch, row.phase, row.energy_joule) == ("linear 16 out_features=2", 4, "backward", 0.5)
    with pytest.raises(ValueError, match="no adapter for other"):
        published_tables(tmp_path, "other")


def test_without_a_table_the_process_gives_a_wide_estimate(tmp_path: Path) -> None:
    device = tmp_path / "guess.toml"
    done = CliRunner().invoke(calibrate, ["--name", "guess", "--technology", "7nm", "-o", str(device)])
    assert done.exit_code == 0, done.output
    assert "not measured" in done.output
    assert "rows = 0" in device.read_text(encoding="utf-8")


def test_few_rows_rescale_a_calibrated_device(table: Path) -> None:
    origin, moved = table.with_name("board.toml"), table.with_name("moved.toml")
    CliRunner().invoke(calibrate, [str(table), "--name", "board", "-o", str(origin)])
    done = CliRunner().invoke(calibrate, [str(table), "--name", "moved", "--from", str(origin), "--rows", "2",
                                          "-o", str(moved)])
    assert done.exit_code == 0, done.output
    assert "board rescaled by" in done.output
