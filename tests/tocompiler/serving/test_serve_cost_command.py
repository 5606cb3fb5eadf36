"""The command: a table, JSON whose figures agree with each other, a plot, and one line on what cannot be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tocompiler.cli import cli

CONFIG = {"model_type": "mixtral", "torch_dtype": "bfloat16", "vocab_size": 512, "hidden_size": 256,
          "intermediate_size": 512, "num_hidden_layers": 2, "num_attention_heads": 8, "num_key_value_heads": 4,
          "num_local_experts": 8, "num_experts_per_tok": 2}


def run(tmp_path: Path, *options: str) -> Any:
    (tmp_path / "config.json").write_text(json.dumps(CONFIG), encoding="utf-8")
    return CliRunner().invoke(cli, ["serve-cost", str(tmp_path), "--device", "gpu_rtx4090_laptop", "--prompt", "64",
                                    "--output", "32", *options])


def test_json_adds_up(tmp_path: Path) -> None:
    result = run(tmp_path, "--gpus", "4", "--tensor-parallel", "2", "--batch", "2..8", "--carbon", "400",
                 "--pue", "1.5", "--json", "-")
    found = json.loads(result.stdout)
    assert [cost["batch"] for cost in found["costs"]] == [2, 4, 8]
    for cost in found["costs"]:
        assert cost["devices"] == 4
        whole = 64 * cost["prompt_token_joule"] + 31 * cost["output_token_joule"]
        assert cost["request_joule"] == pytest.approx(whole)
        assert cost["served_token_joule"] == pytest.approx(whole / 32)
        assert cost["energy_kwh"] == pytest.approx(1e6 * 1.5 * whole / 3.6e6)
        assert cost["carbon_kilogram"] == pytest.approx(0.4 * cost["energy_kwh"])
        assert cost["request_low_joule"] < cost["request_joule"] < cost["request_high_joule"]
    assert found["costs"][0]["output_token_joule"] > found["costs"][2]["output_token_joule"]


def test_a_table_and_a_plot(tmp_path: Path) -> None:
    result = run(tmp_path, "--batch", "1,16", "--weights", "fp8", "--plot", str(tmp_path / "cost.png"))
    assert "J/output token" in result.output
    assert "bf16 by the configuration's torch_dtype; weights fp8 as stated" in result.output
    assert "1,000,000 requests at batch 16 take" in result.output
    assert (tmp_path / "cost.png").stat().st_size > 10_000


@pytest.mark.parametrize(("options", "message"), [
    (("--batch", "0"), "is no batch"), (("--gpus", "3", "--tensor-parallel", "2"), "--gpus 3 is no multiple"),
    (("--memory-gb", "0.001"), "each of 1 needs"), (("--weights", "fp5"), "no known format or scheme"),
    (("--tensor-parallel", "16", "--gpus", "16"), "does not divide by 16 devices"),
])
def test_what_cannot_be_is_one_line(tmp_path: Path, options: tuple[str, ...], message: str) -> None:
    result = run(tmp_path, *options)
    assert result.exit_code != 0
    assert message in (result.output + str(result.exception))
