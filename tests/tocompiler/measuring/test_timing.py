"""Run times: refused as energy, accepted as time, and their file is no device's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

import tocompiler
from hardware import load_device
from hardware.measurement import read_table
from tocompiler.commands.calibrate import command
from tocompiler.energy.timing import calibrate_time, predict_time
from tocompiler.measuring.plan import Plan, Workload
from tocompiler.measuring.session import Session, measure
from tocompiler.measuring.simulation import Conditions, SimulatedMachine, SimulatedRuntime

WIDTHS = (64, 128, 256, 400, 700, 1000, 1500, 2200, 3000)


@pytest.fixture
def timed(tmp_path: Path) -> Path:
    """Run times of perceptrons on a machine that takes 40 W and a shipped device's joules."""
    machine = SimulatedMachine(Conditions())
    runtime = SimulatedRuntime(machine, load_device("jetson_tx2_maxn"), watt=40.0)
    workloads = tuple(Workload(f"mlp:{w}-{w}-10", b) for w in WIDTHS for b in (1, 16))
    for _ in measure(Plan("t", workloads), tmp_path / "times.csv", Session(runtime, None, machine)):
        pass
    return tmp_path / "times.csv"


def test_seconds_are_predicted_for_what_was_not_timed(timed: Path) -> None:
    found = calibrate_time(timed, "box")
    program = tocompiler.compile(tocompiler.load("mlp:1800-1800-10", batch=16))
    truth = tocompiler.predict(program, load_device("jetson_tx2_maxn")).energy_joule / 40.0
    prediction = predict_time(program, found)
    assert prediction.second == pytest.approx(truth, rel=0.1)
    assert prediction.low_second <= prediction.second <= prediction.high_second


def test_the_command_refuses_it_as_energy_and_accepts_it_as_time(timed: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"column energy_joule: missing - the table holds run times and no energy"):
        CliRunner().invoke(command, [str(timed), "--name", "box"], standalone_mode=False, catch_exceptions=False)
    out = tmp_path / "box.toml"
    done = CliRunner().invoke(command, [str(timed), "--time", "--name", "box", "-o", str(out)], standalone_mode=False,
                              catch_exceptions=False)
    assert "box: run times of 18 rows: seconds, not joules" in done.stderr
    program = tocompiler.compile(tocompiler.load("mlp:1800-1800-10"))
    assert predict_time(program, load_device(out)).second > 0
    with pytest.raises(ValueError, match="knows run times alone, which are no joules"):
        tocompiler.predict(program, load_device(out))


def test_a_device_whose_runs_were_not_timed_says_so() -> None:
    untimed = replace(load_device("jetson_tx2_maxn"), times={})
    with pytest.raises(ValueError, match="no run of device 'jetson_tx2_maxn' was timed"):
        predict_time(tocompiler.compile(tocompiler.load("mlp:18-10")), untimed)


def test_a_table_of_energy_has_times_too(timed: Path) -> None:
    rows = read_table(timed, quantity="latency_second")
    assert all(row.energy_joule != row.energy_joule for row in rows)  # not a number: nobody can use it
