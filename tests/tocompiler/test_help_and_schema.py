"""What the command line promises in writing: an example in every help, what was meant, the schema of its JSON."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path

import pytest
from click.testing import CliRunner

from tocompiler.cli import COMMANDS, cli
from tocompiler.report.compiled import SCHEMA_VERSION


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_help_has_an_example_of_its_own_command(name: str) -> None:
    text = CliRunner().invoke(cli, [name, "--help"]).output
    assert f"Example: tocompiler {name}" in text


@pytest.mark.parametrize(("arguments", "line"), [
    (["complie", "resnet18"], "there is no command 'complie'; did you mean compile"),
    (["compile", "resnet5"], "did you mean resnet50"),
    (["compile", "resnet18", "--device", "jetson_tx2"], "did you mean jetson_tx2_max"),
    (["compile", "resnet18", "--format", "fp61"], "did you mean fp64, fp16"),
    (["compile", "resnet18", "--formt", "fp16"], "--format"),
])
def test_what_is_nearly_right_is_told_what_was_meant(arguments: list[str], line: str) -> None:
    done = CliRunner().invoke(cli, arguments)
    assert done.exit_code != 0
    assert line in f"{done.output} {done.exception}"


@pytest.mark.parametrize("arguments", [
    ("mlp:4-3",), ("mlp:4-3", "--phase", "training"), ("resnet18", "--device", "jetson_tx2_maxn", "--format", "fp16"),
    ("mlp:4-3", "--device", "rpi4", "--executions", "10", "--grid", "France", "--price", "0.3"),
    (str(Path(__file__).parents[2] / "examples" / "model.onnx"), "--symbolic"),
], ids=lambda arguments: " ".join(arguments)[-40:])
def test_the_json_keeps_its_schema(arguments: tuple[str, ...]) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads(resources.files("tocompiler").joinpath("data/compile.schema.json").read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    done = CliRunner().invoke(cli, ["compile", *arguments, "--json", "-"])
    assert done.exit_code == 0, done.output
    found = json.loads(done.output)
    jsonschema.validate(found, schema)
    assert found["schema_version"] == SCHEMA_VERSION == schema["properties"]["schema_version"]["const"]
    assert found.keys() <= schema["properties"].keys()
    assert found["totals"].keys() <= schema["properties"]["totals"]["properties"].keys()
    assert found["operators"][0].keys() <= schema["properties"]["operators"]["items"]["properties"].keys()


def test_names_fit_a_narrow_terminal_and_files_keep_them(monkeypatch: pytest.MonkeyPatch) -> None:
    from tocompiler.report.columns import columns

    rows = [("layer4.1.residual.conv2d_1", "Conv", "115.6 M"), ("short", "Relu", "1")]
    headers = ("layer", "operator", "MACs")
    whole = columns(rows, headers, left=2)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "40")
    narrow = columns(rows, headers, left=2)
    assert max(map(len, narrow.splitlines())) <= 40 < max(map(len, whole.splitlines()))
    assert "layer…nv2d_1" not in whole
    assert "…" in narrow
    assert "short" in narrow
    monkeypatch.setenv("COLUMNS", "200")
    assert columns(rows, headers, left=2) == whole


def test_formulas_are_ranked_at_a_size() -> None:
    model = str(Path(__file__).parents[2] / "examples" / "model.onnx")
    text = CliRunner().invoke(cli, ["compile", model, "--symbolic", "--top", "3"]).output
    assert "262144*batch*sequence" in text
    assert "The dearest where every open dimension is 128." in text
