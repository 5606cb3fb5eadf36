"""The command line as a user meets it: whole processes, exit statuses, and what each may import."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = ("statsmodels", "scipy", "pandas", "sympy", "networkx", "matplotlib", "sklearn", "torch")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "tocompiler.cli", *arguments], capture_output=True, text=True,
                          check=False, timeout=120)


def loaded_by(*arguments: str) -> set[str]:
    """Which heavy packages one command imports."""
    script = (
        "import sys; sys.argv[1:] = sys.argv[1:]; from tocompiler.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        f"print('LOADED', *[m for m in {HEAVY!r} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=True,
                          timeout=120)
    return set(done.stdout.splitlines()[-1].split()[1:])


@pytest.mark.parametrize("arguments", [
    ("--help",), ("compile", "mlp:4-16-16-3:tanh"), ("compile", "mlp:4-16-16-3:tanh", "--device", "cpu_raptorlake"),
    ("compile", "mlp:4-3", "--phase", "training"),
], ids=" ".join)
def test_light_from_the_first_day(arguments: tuple[str, ...]) -> None:
    assert loaded_by(*arguments) == set()


def test_json_holds_every_promised_key_and_nothing_else_is_printed() -> None:
    done = run("compile", "mlp:4-16-16-3:tanh", "--device", "cpu_raptorlake", "--json", "-")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert {"model", "format", "phase", "batch", "circuits", "totals", "operators", "unmodelled"} <= set(result)
    assert set(result["totals"]) == {
        "multiply_accumulates", "parameters", "active_parameters", "alu_tasks", "transistor_operations",
        "traffic_bit", "traffic_by_level_bit", "energy_joule", "energy_low_joule", "energy_high_joule",
        "execution_joule", "latency_second", "latency_low_second", "latency_high_second", "power_watt"}
    # 4*16 + 16*16 + 16*3 products; 16 + 16 + 3 biases more parameters.
    assert result["totals"]["multiply_accumulates"] == 368
    assert result["totals"]["parameters"] == 368 + 35
    assert result["batch"] == 1
    totals, parts = result["totals"], result["operators"]
    assert totals["energy_low_joule"] <= totals["energy_joule"] <= totals["energy_high_joule"]
    assert sum(p["multiply_accumulates"] for p in parts) == totals["multiply_accumulates"]
    assert sum(p["transistor_operations"] for p in parts) == pytest.approx(totals["transistor_operations"])
    for level, crossing in totals["traffic_by_level_bit"].items():
        assert crossing == sum(p["traffic_by_level_bit"][level] for p in parts) >= totals["traffic_bit"]
    assert sum(p["energy_joule"] for p in parts) == pytest.approx(totals["energy_joule"])


def test_energies_are_null_without_a_device() -> None:
    result = json.loads(run("compile", "mlp:4-3", "--json", "-").stdout)
    assert result["totals"]["energy_joule"] is None
    assert {p["energy_joule"] for p in result["operators"]} == {None}


def test_table_and_json_may_go_to_files(tmp_path: Path) -> None:
    table, figures = tmp_path / "table.txt", tmp_path / "figures.json"
    done = run("compile", "mlp:4-3", "--json", str(figures), "--output", str(table))
    assert (done.returncode, done.stdout) == (0, "")
    assert "transistor ops" in table.read_text()
    assert json.loads(figures.read_text())["totals"]["multiply_accumulates"] == 12


@pytest.mark.parametrize(("arguments", "said"), [
    (("compile", "no_such_model.onnx"), "no_such_model.onnx"),
    (("compile", "resnet_51"), "resnet_51"),
    (("compile", "mlp:4-3", "--format", "fp99"), "fp99"),
    (("compile", "mlp:4-3", "--device", "abacus"), "abacus"),
    (("compile", "mlp:4-3", "--circuits", "relays"), "relays"),
    (("compile", "mlp:4-3", "--phase", "dreaming"), "dreaming"),
    (("compile", "mlp:4-3", "--phase", "training", "--optimizer", "lion"), "lion"),
    (("compile", "mlp:4-3", "--option", "magic"), "magic"),
    (("compile", "mlp:4-3:sinusoid"), "sinusoid"),
    (("compile", "hf:no/config.json"), "no/config.json"),
], ids=lambda value: value if isinstance(value, str) else " ".join(value))
def test_bad_input_gives_one_line_and_status_1(arguments: tuple[str, ...], said: str) -> None:
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert said in done.stderr


def test_files_that_are_not_onnx_are_refused(tmp_path: Path) -> None:
    for name, payload in {"text.onnx": b"hello", "empty.onnx": b"", "zeros.onnx": bytes(64)}.items():
        (tmp_path / name).write_bytes(payload)
        done = run("compile", str(tmp_path / name))
        assert (done.returncode, len(done.stderr.splitlines())) == (1, 1), done.stderr
        assert name in done.stderr


def test_somebody_elses_hardware_package_is_named(tmp_path: Path) -> None:
    (tmp_path / "hardware").mkdir()
    (tmp_path / "hardware" / "__init__.py").touch()
    script = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); from tocompiler.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", script, "compile", "mlp:4-3"], capture_output=True, text=True,
                          check=False, timeout=120)
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (1, "", 1)
    assert str(tmp_path) in done.stderr


def test_wrong_usage_is_status_2() -> None:
    assert run("compile").returncode == 2
    assert run("compile", "mlp:4-3", "--dim", "sequence").returncode == 2
    assert run("dance").returncode == 2


@pytest.mark.parametrize("level", ["network", "alu", "transistors", "execution", "energy"])
def test_levels_print_as_the_golden_text(level: str) -> None:
    golden = Path(__file__).parents[1] / "golden" / f"mlp_4-3-2_sigmoid.{level}.txt"
    done = run("compile", "mlp:4-3-2:sigmoid", "--emit", level, "--device", "cpu_raptorlake")
    assert done.stdout == golden.read_text()


def test_output_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    closed = subprocess.run(f"{sys.executable} -m tocompiler.cli compile mlp:4-3 >&-", shell=True, text=True,
                            capture_output=True, check=False, timeout=120)
    assert (closed.returncode, closed.stderr) == (
        1, "tocompiler: standard output is closed; send it to a file or to /dev/null\n")
    full = subprocess.run(f"{sys.executable} -m tocompiler.cli compile mlp:4-3 >/dev/full", shell=True, text=True,
                          capture_output=True, check=False, timeout=120)
    assert (full.returncode, full.stderr) == (1, "tocompiler: standard output: No space left on device\n")


def test_a_traceback_is_for_those_who_ask(tmp_path: Path) -> None:
    plain, asked = run("compile", "no_such_network"), run("--debug", "compile", "no_such_network")
    assert plain.returncode == asked.returncode == 1
    assert len(plain.stderr.splitlines()) == 1
    assert "Traceback" in asked.stderr


def test_a_plot_needs_a_suffix_before_anything_is_computed() -> None:
    done = run("circuits", "--plot", "picture")
    assert done.returncode == 2
    assert "'picture' ends in none of .pdf, .png, .svg" in done.stderr
