"""``tocompiler measure`` and ``profile`` as a user meets them: real executions, a real clock, meters played back."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hardware.measurement import read_table
from hardware.meters import MeterError, Reading
from hardware.meters.traces import Replay
from tocompiler.commands import measure, profile
from tocompiler.measuring import operators, window

pytest.importorskip("onnxruntime")
QUICK = window.Settings(goal=0.05, warm_up_second=0.05, least_second=0.4, most_second=0.8, idle_second=0.3,
                        most_idle_second=0.4)
WATT = 25.0


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Result]:
    """A command in a folder with a trace of constant power and a plan of two perceptrons, with short windows."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(window, "Settings", lambda: QUICK)
    monkeypatch.setattr(window, "TIMED", QUICK)
    monkeypatch.setattr(operators, "SETTINGS", QUICK)
    Path("trace.csv").write_text("second,watt\n" + "".join(f"{i / 50},{WATT}\n" for i in range(50 * 120)))
    Path("plan.toml").write_text('order = "listed"\n[[workloads]]\nmodels = ["mlp:64-64-8:relu", "relu 5000"]\n')

    def call(*arguments: str) -> Result:
        command = {"measure": measure.command, "profile": profile.command}[arguments[0]]
        return CliRunner().invoke(command, [*arguments[1:], "--threads", "1"], standalone_mode=False,
                                  catch_exceptions=False)

    return call


def test_a_replayed_trace_gives_power_times_time(run: Callable[..., Result]) -> None:
    done = run("measure", "--plan", "plan.toml", "--meter", "replay:trace.csv", "-o", "table.csv")
    assert done.return_value == 0
    assert "[2/2] relu 5000 batch 1 fp32:" in done.stderr
    assert "table.csv: 2 new rows" in done.stderr
    rows = read_table("table.csv")
    assert [row.model for row in rows] == ["mlp:64-64-8:relu", "relu 5000"]
    for row in rows:
        assert row.latency_second is not None
        assert row.energy_joule == pytest.approx(WATT * row.latency_second * row.executions, rel=0.02)
        assert float(row.conditions["idle_watt"]) == pytest.approx(WATT, rel=0.02)
        assert row.conditions["meter"] == "replay"
    again = run("measure", "--plan", "plan.toml", "--meter", "replay:trace.csv", "-o", "table.csv")
    assert "table.csv: 0 new rows" in again.stderr
    assert read_table("table.csv") == rows


def test_time_only_is_refused_as_energy(run: Callable[..., Result]) -> None:
    done = run("measure", "--plan", "plan.toml", "--time-only", "-o", "table.csv")
    assert done.return_value == 0
    assert "no meter: seconds only" in done.stderr
    assert "energy_joule" not in Path("table.csv").read_text().splitlines()[0]
    with pytest.raises(ValueError, match=r"table.csv, row 1, column energy_joule: missing .* calibrate it with --time"):
        read_table("table.csv")


def test_without_a_meter_one_message_says_what_to_do(run: Callable[..., Result],
                                                     monkeypatch: pytest.MonkeyPatch) -> None:
    def none(spec: str, covers: str) -> None:
        raise MeterError("no meter for the cpu of this machine answers.\n  rapl: looked for ...\n    sudo chmod ...")

    monkeypatch.setattr("hardware.meters.open_meter", none)
    for command in (("measure", "-o", "table.csv"), ("profile", "mlp:4-16-16-3:tanh")):
        done = run(*command)
        assert done.return_value == 1
        assert done.stdout == ""
        for part in ("tocompiler: no meter for the cpu", "sudo chmod", "--meter external:LOG.csv", "--time-only"):
            assert part in done.stderr
    assert not Path("table.csv").exists()


def test_a_meter_that_fails_on_the_way_keeps_what_was_finished(run: Callable[..., Result],
                                                               monkeypatch: pytest.MonkeyPatch) -> None:
    read = Replay.read

    def failing(meter: Replay) -> Reading:
        if Path("table.csv").exists() and Path("table.csv").read_text().count("\n") > 1:
            raise MeterError("the plug was pulled")
        return read(meter)

    monkeypatch.setattr(Replay, "read", failing)
    done = run("measure", "--plan", "plan.toml", "--meter", "replay:trace.csv", "-o", "table.csv")
    assert done.return_value == 1
    assert "the plug was pulled" in done.stderr
    assert "table.csv: 1 new rows; the same command goes on from here" in done.stderr
    assert [row.model for row in read_table("table.csv")] == ["mlp:64-64-8:relu"]


def test_a_profile_has_every_operator_and_the_whole(run: Callable[..., Result]) -> None:
    done = run("profile", "mlp:64-64-64-8:relu", "--meter", "replay:trace.csv", "--device", "cpu_raptorlake", "--json",
               "profile.json")
    assert done.return_value == 0
    assert "sum of the operators" in done.stdout
    found = json.loads(Path("profile.json").read_text())
    kinds = {entry["operator"]: entry for entry in found["operators"]}
    assert kinds["Gemm"]["count"] + kinds["Relu"]["count"] >= 3
    assert sum(entry["count"] for entry in found["operators"]) == 5  # three products, two activations
    for entry in (*found["operators"], found["whole"]):
        assert entry["energy_joule"] == pytest.approx(WATT * entry["latency_second"], rel=0.05)
        assert entry["predicted_joule"] > 0


@pytest.mark.parametrize(("text", "seconds"), [("90", 90), ("90s", 90), ("10m", 600), ("1.5h", 5400)])
def test_times_are_read(text: str, seconds: float) -> None:
    assert measure.duration(None, None, text) == seconds  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["soon", "-3m", "0"])
def test_what_is_no_time_is_refused(text: str) -> None:
    import click

    with pytest.raises(click.BadParameter, match="is no time; write 90s, 10m or 2h"):
        measure.duration(None, None, text)  # type: ignore[arg-type]
