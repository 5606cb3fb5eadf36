"""Sweeps: every configuration has the figures that compiling it alone gives."""

from __future__ import annotations

import itertools
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tocompiler
from hardware.device import load_device
from tocompiler.sweeping import pareto, sweep
from tocompiler.sweeping.models import Model

SETTINGS = ("format", "phase", "device")
DATA = Path(__file__).parent.parent / "data"
LLAMA = {"model_type": "llama", "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
         "num_key_value_heads": 2, "intermediate_size": 96, "vocab_size": 100, "max_position_embeddings": 64,
         "rms_norm_eps": 1e-5, "torch_dtype": "bfloat16"}
MIXTRAL = {**LLAMA, "model_type": "mixtral", "num_local_experts": 4, "num_experts_per_tok": 2}


def _built(batch: int, width: int) -> tocompiler.Network:
    net = tocompiler.Network("own")
    net.output(net.linear(net.relu(net.linear(net.input((batch, 8)), width)), 3))
    return net


def alone(model: Any, point: dict[str, Any], device: str | None) -> list[Any]:
    """The figures of one configuration, compiled by itself."""
    network = Model(model).network({k: v for k, v in point.items() if k not in SETTINGS})
    program = tocompiler.compile(network, point.get("format"), point.get("phase", "inference"))
    t = program.totals
    figures: list[Any] = [t.multiply_accumulates, t.parameters, t.traffic_bit, t.transistor_operations]
    device = point.get("device", device)
    if device is None:
        return figures
    p = tocompiler.predict(program, load_device(device))
    return [*figures, p.energy_joule, p.low_joule, p.high_joule, p.in_domain]


COLUMNS = ("multiply_accumulates", "parameters", "traffic_bit", "transistor_operations", "energy_joule",
           "energy_low_joule", "energy_high_joule", "in_domain")
CASES: dict[str, tuple[Any, dict[str, Any], str | None]] = {
    "structures and numbers": ("resnet{depth}", {"depth": [18], "format": ["fp32", "fp16"], "width": [9, 16],
                                                 "resolution": [33, 64, 65], "batch": [1, 3]}, "jetson_tx2_maxn"),
    "grouped and swept by device": ("mobilenet_v2", {"batch": [1, 2], "image_size": [33, 64],
                                                     "device": ["rpi4", "cpu_cortex_a53", "ncs2"]}, None),
    "by layer": ("mlperf_tiny_resnet8", {"batch": [1, 2, 5]}, "cpu_raptorlake"),
    "training": ("mlperf_tiny_resnet8", {"batch": [1, 4], "phase": ["training", "backward"]}, "jetson_tx2_maxn"),
    "training by layer": ("mlperf_tiny_autoencoder", {"batch": [1, 4], "phase": "training"}, "cpu_raptorlake"),
    "sequence": ("bert_base", {"batch": [1, 2], "sequence": [8, 24]}, "rpi4"),
    "configuration": (LLAMA, {"batch": [1, 2], "sequence": [1, 5], "hidden_size": [64, 72, 96],
                              "num_hidden_layers": [1, 3], "num_attention_heads": [4, 8]}, "jetson_nano_cpu"),
    "behind a cache": (LLAMA, {"batch": [1, 2], "sequence": [1], "past": [3, 40], "intermediate_size": [96, 100]},
                       "gpu_rtx4090_laptop"),
    "experts": (MIXTRAL, {"batch": [1, 2], "sequence": [3, 4], "num_local_experts": [4, 8],
                          "num_experts_per_tok": [1, 2]}, "gpu_rtx4090_laptop"),
    "own function": (_built, {"batch": [1, 2], "width": [5, 6]}, None),
}


@pytest.mark.parametrize("case", CASES)
def test_every_configuration_is_what_it_is_alone(case: str) -> None:
    model, space, device = CASES[case]
    table = sweep(model, space, device=device)
    listed = {k: v if isinstance(v, list) else [v] for k, v in space.items()}
    for place, values in enumerate(itertools.product(*listed.values())):
        point = dict(zip(listed, values, strict=True))
        assert {k: table[k][place] for k in point} == point
        try:
            expected = alone(model, point, device)
        except ValueError:
            assert table["reason"][place], point
            continue
        assert table["reason"][place] == "", point
        found = [table[name][place] for name in COLUMNS[:len(expected)]]
        assert found[:3] == expected[:3], point
        assert found == pytest.approx(expected, rel=1e-9), point


def test_an_onnx_file_with_free_dimensions_is_read_once() -> None:
    onnx = pytest.importorskip("onnx")
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("MatMul", ["x", "w"], ["y"]), onnx.helper.make_node("Relu", ["y"], ["z"])], "g",
        [onnx.helper.make_tensor_value_info("x", 1, ["n", "length", 8])],
        [onnx.helper.make_tensor_value_info("z", 1, ["n", "length", 4])],
        [onnx.helper.make_tensor("w", 1, [8, 4], [0.0] * 32)])
    network = tocompiler.load(onnx.helper.make_model(graph), symbolic=True)
    table = sweep(network, {"n": [1, 2], "length": [3, 5]})
    assert table["multiply_accumulates"].tolist() == [3 * 32, 5 * 32, 6 * 32, 10 * 32]
    with pytest.raises(ValueError, match="no free dimension wide"):
        raise ValueError(sweep(network, {"n": [1], "length": [3], "wide": [2]})["reason"][0])


def test_infeasible_configurations_stay_with_their_reason() -> None:
    table = sweep(LLAMA, {"hidden_size": [64, 66], "num_attention_heads": [4, 8], "sequence": [4]},
                  constraints=["hidden_size / num_attention_heads >= 12",
                               "num_attention_heads < 8 or hidden_size > 64"])
    assert table["reason"].tolist() == ["", "ruled out: hidden_size / num_attention_heads >= 12",
                                        table["reason"][2], "ruled out: hidden_size / num_attention_heads >= 12"]
    assert "66" in table["reason"][2]
    assert table["multiply_accumulates"][1] is None


def test_samples_are_repeatable_and_latin() -> None:
    space = {"batch": {"low": 1, "high": 10}, "image_size": {"low": 32, "high": 41}}
    one, two = (sweep("resnet18", space, method="latin_hypercube", count=10, seed=3) for _ in range(2))
    assert sorted(one["batch"].tolist()) == list(range(1, 11))
    assert sorted(one["image_size"].tolist()) == list(range(32, 42))
    assert all((one[name] == two[name]).all() for name in one)
    drawn = sweep("resnet18", space, method="random", count=10, seed=3)
    assert set(drawn["batch"].tolist()) <= set(range(1, 11))


@pytest.mark.parametrize(("space", "options", "message"), [
    ({}, {}, "space is empty"), ({"batch": []}, {}, "'batch' has no values"),
    ({"batch": {"low": 3, "high": 1}}, {}, "is no range"), ({"batch": {"low": 3, "hihg": 1}}, {}, "low, high and step"),
    ({"batch": [1]}, {"constraints": ["width > 3"]}, "speaks of 'width'"),
    ({"batch": [1]}, {"constraints": ["__import__('os')"]}, "__import__"),
    ({"batch": [1]}, {"constraints": ["batch.real > 3"]}, "only calculate"),
    ({"batch": [1]}, {"constraints": ["batch >"]}, "no expression"),
    ({"batch": [1]}, {"method": "sobol"}, "no way 'sobol'"), ({"batch": [1]}, {"method": "random"}, "number of points"),
])
def test_a_bad_space_is_one_clear_line(space: dict[str, Any], options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        sweep("resnet18", space, **options)


def test_pareto_front_is_what_no_other_row_beats() -> None:
    values = np.random.default_rng(0).integers(0, 9, (60, 3)).astype(float)
    for columns in (2, 3):
        rows = values[:, :columns]
        expected = [i for i, row in enumerate(rows)
                    if not any((other <= row).all() and (other < row).any() for other in rows)]
        assert pareto(rows).tolist() == expected


def test_command_writes_a_table_and_says_what_is_missing(tmp_path: Path) -> None:
    spec, out = tmp_path / "spec.toml", tmp_path / "table.csv"
    spec.write_text('model = "mlp:{width}-4"\ndevice = "rpi4"\nconstraints = ["batch < 3"]\n'
                    "[space]\nwidth = [8, 16]\nbatch = [1, 2, 3]\n")
    done = subprocess.run([sys.executable, "-m", "tocompiler.cli", "sweep", str(spec), "-o", str(out)], text=True,
                          capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, "6 configurations, 2 without figures (column reason)\n")
    lines = out.read_text().splitlines()
    assert lines[0].startswith("width,batch,multiply_accumulates,parameters,")
    assert lines[1].startswith("8,1,32,36,")
    assert lines[3] == "8,3,,,,,,,,False,ruled out: batch < 3"
    spec.write_text('model = "resnet18"\nspcae = 3\n')
    done = subprocess.run([sys.executable, "-m", "tocompiler.cli", "sweep", str(spec)], text=True, capture_output=True,
                          check=False)
    assert done.returncode == 1
    assert "unknown key 'spcae'" in done.stderr


def test_tables_are_handed_over(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    parquet = pytest.importorskip("pyarrow.parquet")
    table = sweep("mlp:{width}-4", {"width": [8, 16], "batch": [1, 2, 3]}, device="rpi4", constraints=["batch < 3"])
    table.write(tmp_path / "table.parquet")
    table.write(tmp_path / "table.csv")
    read = parquet.read_table(tmp_path / "table.parquet").to_pydict()
    assert read["multiply_accumulates"] == [32, 64, None, 64, 128, None]
    assert read["energy_joule"][:2] == table["energy_joule"][:2].tolist()
    frame = table.to_dataframe()
    assert list(frame.columns) == list(table)
    text = pandas.read_csv(tmp_path / "table.csv")
    assert text["energy_joule"].tolist()[:2] == table["energy_joule"].tolist()[:2]
    assert frame["reason"].tolist() == text["reason"].fillna("").tolist()
    front = table.pareto(maximise=["parameters"])
    assert set(front) == {0, 3}
    table.plot(tmp_path / "front.svg")
    assert "svg" in (tmp_path / "front.svg").read_text()
    with pytest.raises(ValueError, match=r"neither \.parquet nor \.csv"):
        table.write(tmp_path / "table.txt")
