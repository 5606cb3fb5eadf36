"""Searches: networks from blocks, serving's capacity, objectives and clusters give what one compilation gives."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tocompiler
from hardware.device import load_device
from tocompiler.families import build
from tocompiler.serving import Parallel, Service, Workload, capacity, serve
from tocompiler.sweeping import Evaluation, NasBench201, Objective, sweep

DEVICE = load_device("jetson_tx2_maxn")
LLAMA = {"model_type": "llama", "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
         "num_key_value_heads": 2, "intermediate_size": 96, "vocab_size": 100, "max_position_embeddings": 64,
         "rms_norm_eps": 1e-5, "torch_dtype": "bfloat16"}


def test_published_sizes_of_nasbench201() -> None:
    """The largest and the smallest network that has a convolution's path: 220.119680 and 7.783040 million products,
    1.531546 and 0.073306 million parameters (NATS-Bench, Dong et al. 2021, query by the benchmark's own interface)."""
    found = NasBench201(DEVICE)(np.array([[3] * 6, [0, 0, 0, 1, 0, 0]]))
    assert found["multiply_accumulates"].tolist() == [220_119_680, 7_783_040]
    assert found["parameters"].tolist() == [1_531_546, 73_306]


def test_blocks_add_up_to_the_network() -> None:
    space, random = NasBench201(DEVICE), np.random.default_rng(1)
    operations = random.integers(0, 5, (12, 6))
    found = space(operations)
    for i, row in enumerate(operations):
        try:
            network = space.network(row)
        except ValueError:
            assert found["reason"][i]
            assert np.isnan(found["energy_joule"][i])
            continue
        program = tocompiler.compile(network)
        p, t = tocompiler.predict(program, DEVICE), program.totals
        assert [found[n][i] for n in ("multiply_accumulates", "parameters", "traffic_bit")] == [
            t.multiply_accumulates, t.parameters, t.traffic_bit]
        assert [found[n][i] for n in ("energy_joule", "energy_low_joule", "energy_high_joule")] == pytest.approx(
            [p.energy_joule, p.low_joule, p.high_joule], rel=1e-9)
        assert found["in_domain"][i] == p.in_domain


@pytest.mark.parametrize(("arch", "message"), [
    ("|none~0|+|none~0|none~1|+|none~0|none~1|none~2|", "no path leads"), ("|none~0|", "no architecture"),
    ("|swish~0|+|none~0|none~1|+|none~0|none~1|none~2|", "unknown operation 'swish'"), ("", "no architecture")])
def test_bad_architectures_are_one_clear_line(arch: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build(f"nasbench201:arch={arch}")


def test_capacity_is_serve_at_every_point() -> None:
    device = load_device("rpi4")
    space = {"tensor": [1, 2, 3], "batch": [1, 5], "prompt": [7, 40], "output": [4, 30], "memory_byte": [1e6, 2e5]}
    table = capacity(LLAMA, device, space)
    reasons = 0
    for i in range(len(table["reason"])):
        at = {name: table[name][i].item() for name in space}
        try:
            cost = serve(Service(LLAMA, device, Parallel(at["tensor"]), memory_byte=at["memory_byte"]),
                         Workload(at["prompt"], at["output"], at["batch"]))
        except ValueError:
            assert table["reason"][i], at
            reasons += 1
            continue
        assert not table["reason"][i], at
        assert [table[n][i] for n in ("request_joule", "request_low_joule", "request_high_joule", "needed_byte")] == (
            pytest.approx([cost.request.joule, cost.request.low_joule, cost.request.high_joule,
                           cost.memory.needed_byte], rel=1e-9)), at
        assert table["in_domain"][i] == cost.in_domain
    assert 16 < reasons < 40  # heads do not divide by three; the smaller memory holds some


def test_an_evaluation_can_be_pickled_and_says_why_not() -> None:
    evaluate = pickle.loads(pickle.dumps(Evaluation("resnet{depth}", "rpi4")))
    found = evaluate({"depth": 18, "batch": 2})
    assert found["multiply_accumulates"] == 3_628_146_688
    alone = tocompiler.predict(tocompiler.compile(tocompiler.load("resnet18", batch=2)), load_device("rpi4"))
    assert found["energy_joule"] == pytest.approx(alone.energy_joule, rel=1e-9)
    assert "resnet19" in evaluate({"depth": 19, "batch": 2})["reason"]


def test_optuna_finds_the_smallest() -> None:
    optuna = pytest.importorskip("optuna")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    objective = Objective("mlp:{width}-3", {"width": [4, 8, 16], "batch": [1, 2]}, "rpi4")
    study = optuna.create_study(sampler=optuna.samplers.BruteForceSampler())
    study.optimize(objective, n_trials=6)
    assert study.best_params == {"width": 4, "batch": 1}
    assert Objective.constraint(study.best_trial) == (0.0,)


SPEC = {"model": "mlp:{width}-4", "device": "rpi4", "constraints": ["batch < 4"],
        "space": {"width": [4, 8, 12, 16], "batch": [1, 2, 4]}}


def _sweep_on(folder: Path) -> subprocess.CompletedProcess[str]:
    """A sweep on one worker, in a process that may be the main one of workers."""
    script = folder / "run.py"
    script.write_text(f"""
import json, sys
from pathlib import Path
from tocompiler.sweeping import cluster
if __name__ == "__main__":
    table = cluster.sweep_on(folder=Path({str(folder / "parts")!r}), workers=1, progress=print,
                             **json.loads(sys.argv[1]))
    table.write({str(folder / "table.csv")!r})
""")
    return subprocess.run([sys.executable, str(script), json.dumps(SPEC)], capture_output=True, text=True, check=False)


def test_a_cluster_writes_the_same_file_and_goes_on_where_it_was(tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    sweep(**{k: v for k, v in SPEC.items() if k != "device"}, device="rpi4").write(tmp_path / "alone.csv")
    done = _sweep_on(tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "table.csv").read_bytes() == (tmp_path / "alone.csv").read_bytes()
    (tmp_path / "parts" / "000001.npz").unlink()
    before = (tmp_path / "parts" / "000000.npz").stat().st_mtime_ns
    again = _sweep_on(tmp_path)
    assert again.stdout.splitlines() == ["4 of 4 chunks"]
    assert (tmp_path / "parts" / "000000.npz").stat().st_mtime_ns == before
    assert (tmp_path / "table.csv").read_bytes() == (tmp_path / "alone.csv").read_bytes()


def test_another_sweeps_chunks_are_refused(tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    from tocompiler.sweeping import sweep_on

    (tmp_path / "manifest.json").write_text(json.dumps({"sweep": "another", "chunks": 4, "done": []}))
    given: dict[str, Any] = dict(SPEC)
    with pytest.raises(ValueError, match="another sweep"):
        sweep_on(folder=tmp_path, workers=1, **given)
