"""``tocompiler circuits``: the table and its JSON."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from tocompiler.commands.circuits import command

KEYS = {"name", "signed", "basis", "transistors", "depth", "transistor_operations", "operands"}


def circuits(*arguments: str) -> list[dict]:
    result = CliRunner().invoke(command, [*arguments, "--json", "-"])
    assert result.exit_code == 0, result.output
    found: list[dict] = json.loads(result.stdout)["circuits"]
    return found


def one(found: list[dict], **wanted: object) -> dict:
    matching = [c for c in found if wanted.items() <= c.items()]
    assert len(matching) == 1, (wanted, matching)
    return matching[0]


def test_without_options_all_widths_and_formats_are_listed() -> None:
    found = circuits()
    assert all(c.keys() >= KEYS and ("width" in c) != ("format" in c) for c in found)
    assert {c["width"] for c in found if "width" in c} == {8, 16, 32, 64}
    assert {c["format"] for c in found if "format" in c} == {
        "fp4_e2m1", "fp6_e2m3", "fp6_e3m2", "fp8_e4m3", "fp8_e5m2", "bf16", "fp16", "tf32", "fp32", "fp64"}
    assert {c["basis"] for c in found} == {"textbook"}
    assert {"adder/ripple_carry", "multiplier/dadda", "multiplier/booth", "floating_point/multiply",
            "floating_point/add"} <= {c["name"] for c in found}


def test_published_counts() -> None:
    found = circuits()
    # A half adder (14) and seven full adders (28); the same with 31.
    assert one(found, name="adder/ripple_carry", width=8, signed=False)["transistors"] == 14 + 7 * 28
    assert one(found, name="adder/ripple_carry", width=32, signed=False)["transistors"] == 14 + 31 * 28
    # 48 full adders, 8 half adders and 64 ANDs of 6.
    assert one(found, name="multiplier/array", width=8, signed=False)["transistors"] == 48 * 28 + 8 * 14 + 64 * 6


def test_names_are_unique_within_a_width_or_format() -> None:
    seen = [(c["name"], c.get("width"), c.get("format"), c["signed"]) for c in circuits()]
    assert len(seen) == len(set(seen))


def test_switching_never_exceeds_the_simulated_transistors() -> None:
    for c in circuits("--basis", "static_cmos"):
        assert c["basis"] == "static_cmos"
        assert 0 < c["transistor_operations"] < c["transistors"]


def test_a_width_that_is_not_in_the_table_is_simulated() -> None:
    found = circuits("--width", "5")
    assert {c["width"] for c in found} == {5}
    assert one(found, name="adder/ripple_carry", signed=False)["transistors"] == 14 + 4 * 28


def test_a_format_alone() -> None:
    assert {c["format"] for c in circuits("--format", "bf16")} == {"bf16"}
    assert {c["width"] for c in circuits("--format", "int8")} == {8}


def test_energy_at_a_node() -> None:
    found = circuits("--node", "45nm")
    multiply = one(found, name="floating_point/multiply", format="fp32")
    assert multiply["energy_joule"] == pytest.approx(3.7e-12, rel=0.25)  # Horowitz 2014
    assert multiply["node_obtained"] == "fitted"
    between = one(circuits("--node", "16nm"), name="floating_point/multiply", format="fp32")
    assert between["node_obtained"] == "interpolated"


def test_text_and_file(tmp_path: Path) -> None:
    target = tmp_path / "circuits.json"
    result = CliRunner().invoke(command, ["--format", "fp16", "--node", "7nm", "--json", str(target)])
    assert result.exit_code == 0
    assert "floating_point/multiply" in result.output
    assert "energy [pJ]" in result.output
    assert json.loads(target.read_text())["circuits"]


def test_plot(tmp_path: Path) -> None:
    target = tmp_path / "circuits.png"
    result = CliRunner().invoke(command, ["--format", "fp16", "--plot", str(target)])
    assert result.exit_code == 0
    assert target.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(("arguments", "status", "text"), [
    (["--format", "fp99"], 1, "fp99"), (["--node", "cardboard"], 1, "not 'cardboard'"),
    (["--width", "8", "--format", "int8"], 1, "choose --width or --format"),
    (["--width", "65"], 2, "65 is not in the range"), (["--basis", "feet"], 2, "'feet' is not one of"),
])
def test_bad_input_is_one_clear_line(arguments: list[str], status: int, text: str) -> None:
    result = CliRunner().invoke(command, arguments)
    assert result.exit_code == status
    assert text in (str(result.exception) if status == 1 else result.output)


def test_the_product_of_two_stored_matrices(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    dense, sparse = rng.standard_normal((64, 64)), rng.standard_normal((64, 64)) * (rng.random((64, 64)) < 0.1)
    paths = [str(tmp_path / name) for name in ("dense.npy", "sparse.npy")]
    for path, values in zip(paths, (dense, sparse), strict=True):
        np.save(path, values)
    result = CliRunner().invoke(command, ["--gemm", *paths, "--unit", "tensor_core", "--node", "7nm", "--json", "-"])
    assert result.exit_code == 0, result.output
    found = json.loads(result.output)
    assert found["shape"] == [64, 64, 64]
    assert 0.1 < found["relative_to_normal_operands"] < 0.7
    assert found["energy_joule"] == pytest.approx(found["transistor_operations"] * 0.0978e-15)
    shown = CliRunner().invoke(command, ["--gemm", paths[0], paths[0]])
    assert "1.0" in shown.output
    assert "64 x 64 results of 64 products" in shown.output


def test_a_verilog_file_and_a_node_of_ones_own(tmp_path: Path) -> None:
    node = tmp_path / "node.toml"
    node.write_text('nm = 22\nfemtojoule_per_transistor_operation = 0.2\nat_volt = 0.8\nvolt = 0.4\nsource = "us"\n')
    verilog = Path(__file__).parents[1] / "data" / "circuits" / "truncated.v"
    result = CliRunner().invoke(command, ["--verilog", str(verilog), "--node", str(node), "--json", "-"])
    assert result.exit_code == 0, result.output
    found = json.loads(result.output)
    assert (found["name"], found["node"]) == ("truncated", "22nm")
    assert found["energy_joule"] == pytest.approx(found["transistor_operations"] * 0.2e-15 / 4)


def test_what_is_wrong_with_a_verilog_file_is_said_with_its_name(tmp_path: Path) -> None:
    file = tmp_path / "mine.v"
    file.write_text("module m(input a, output y); assign y = ~; endmodule")
    result = CliRunner().invoke(command, ["--verilog", str(file)])
    assert result.exit_code == 1
    assert str(result.exception) == f"{file}: ';' in an expression of module m"
