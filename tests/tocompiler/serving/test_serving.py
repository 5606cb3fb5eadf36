"""Serving: what one device holds and does, how steps add up, and what does not fit."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import pytest

import tocompiler
from hardware import load_device
from tocompiler.frontends.huggingface import from_config
from tocompiler.frontends.huggingface.routing import expected_experts, imbalance, popularity
from tocompiler.serving import Parallel, Service, Workload, serve, sweep
from tocompiler.serving.pace import pace_of
from tocompiler.serving.parallelism import collectives, local
from tocompiler.serving.programs import Programs

LLAMA = {"model_type": "llama", "torch_dtype": "bfloat16", "vocab_size": 512, "hidden_size": 256,
         "intermediate_size": 512, "num_hidden_layers": 4, "num_attention_heads": 8, "num_key_value_heads": 4}
MOE = {**LLAMA, "model_type": "qwen3_moe", "num_experts": 16, "num_experts_per_tok": 2, "moe_intermediate_size": 128,
       "head_dim": 32}
DEVICE = load_device("gpu_rtx4090_laptop")


def macs(config: Mapping[str, Any], **options: Any) -> Any:
    return tocompiler.compile(from_config(config, **options)).totals.multiply_accumulates


@pytest.mark.parametrize("config", [LLAMA, MOE])
def test_bound_programs_equal_compiled_ones(config: dict[str, Any]) -> None:
    programs = Programs(config)
    for made, options in ((programs.decode(6, 300), {"batch": 6, "sequence": 1, "past": 300}),
                          (programs.prefill(2, 77), {"batch": 2, "sequence": 77}),
                          (programs.prefill(1, 40, 60), {"batch": 1, "sequence": 40, "past": 60}),
                          (programs.decode(6, 300, 4), {"batch": 6, "sequence": 4, "past": 300})):
        expected = tocompiler.compile(from_config(config, logits="last", **options))
        assert made.totals.transistor_operations == pytest.approx(expected.totals.transistor_operations)
        assert dataclasses.replace(made.totals, transistor_operations=0) \
            == dataclasses.replace(expected.totals, transistor_operations=0)
        assert [row.alu.loops for row in made.rows] == [row.alu.loops for row in expected.rows]
        assert [t.shape for t in made.network.inputs] == [t.shape for t in expected.network.inputs]


@pytest.mark.parametrize("config", [LLAMA, MOE])
def test_tensor_parallel_devices_share_the_work(config: dict[str, Any]) -> None:
    """Products divide among devices but for the router, which every one computes."""
    whole = macs(config, batch=3, sequence=1, past=50)
    part = macs(local(config, Parallel(tensor=4)), batch=3, sequence=1, past=50)
    router = 3 * 4 * 256 * 16 if config is MOE else 0
    assert 4 * (part - router) == whole - router
    with pytest.raises(ValueError, match="num_attention_heads 8 does not divide by 3"):
        local(config, Parallel(tensor=3))
    assert local(config, Parallel(tensor=8))["num_key_value_heads"] == 1


def test_experts_dealt_over_replicas_do_the_work_of_all() -> None:
    """Four devices with four requests each: together the products of sixteen requests."""
    parallel = Parallel(data=4, expert=4)
    programs = Programs(MOE, parallel)
    one = programs.decode(4, 50).totals.multiply_accumulates
    assert 4 * one == macs(MOE, batch=16, sequence=1, past=50)
    held = sum(t.elements for t in programs.network(4, 1, 50).stored_tensors() if ".experts." in t.name
               and t.kind == "parameter")
    assert held == 4 * 16 // 4 * 3 * 256 * 128


@pytest.mark.parametrize("chosen", [1, 2])
def test_a_device_with_fewer_rows_than_tokens_adds_none_up(chosen: int) -> None:
    config = {**MOE, "num_experts_per_tok": chosen}
    step = Programs(config, Parallel(tensor=4, expert=4)).decode(40, 100)
    combined = [row for row in step.rows if row.name.endswith("combine")]
    assert combined
    assert not any(row.alu.tasks.get(("add", "bf16"), 0) for row in combined)
    assert all(row.traffic_bit > 0 for row in combined)



def test_collectives_by_hand() -> None:
    sent = collectives(LLAMA, Parallel(tensor=2), tokens=3, rows=3, byte=2)
    # ring all-reduce of 3 x 256 activations after each of 8 halves of layers and the embedding; logits gathered
    assert sent.all_reduce_byte == 2 * 1 * 3 * 256 * 2 * 9
    assert sent.all_gather_byte == 3 * 512 * 2
    assert sent.all_to_all_byte == sent.point_to_point_byte == 0
    routed = collectives(MOE, Parallel(data=4, expert=4), tokens=5, rows=5, byte=2)
    # out and back, two experts for each of 5 tokens in 4 layers, three quarters of them elsewhere, four replicas
    assert routed.all_to_all_byte == 2 * 5 * 256 * 2 * 2 * 4 * 3 / 4 * 4
    assert collectives(LLAMA, Parallel(pipeline=3), 5, 5, 2).point_to_point_byte == 2 * 5 * 256 * 2


def test_steps_cover_the_output() -> None:
    steady = Workload(100, 65, batch=8)
    assert sum(step.count for step in steady.steps()) == pytest.approx(64)
    mean = sum(step.count * step.past for step in steady.steps()) / 64
    assert mean == pytest.approx(100 + 63 / 2, rel=1e-3)
    speculative = Workload(100, 65, speculate=4, accept=0.8)
    assert sum(step.count for step in speculative.steps()) == pytest.approx(64 * 0.2 / (1 - 0.8**5))
    draining = Workload(100, 65, batch=8, together=True, spread=0.5).steps()
    assert sum(step.count * step.batch for step in draining) / 8 == pytest.approx(64, rel=0.05)
    assert draining[-1].batch == 1
    assert Workload(10, 1).steps() == []


def test_a_request_is_its_passes() -> None:
    service = Service(LLAMA, DEVICE)
    found = serve(service, Workload(40, 4, batch=2))
    passes = [tocompiler.predict(tocompiler.compile(from_config(LLAMA, 2, sequence=1, past=n, logits="last")), DEVICE)
              for n in (40, 41, 42)]
    first = tocompiler.predict(tocompiler.compile(from_config(LLAMA, 1, sequence=40, logits="last")), DEVICE)
    assert found.decode.joule == pytest.approx(sum(p.energy_joule for p in passes) / 2)
    assert found.prefill.joule == pytest.approx(first.energy_joule)
    assert found.request.joule == pytest.approx(found.prompt_token.joule * 40 + found.output_token.joule * 3)
    assert found.request.low_joule < found.request.joule < found.request.high_joule


def test_sharing_saves_and_links_cost() -> None:
    alone, together = (serve(Service(LLAMA, DEVICE), Workload(64, 32, batch=b)) for b in (1, 16))
    assert together.output_token.joule < 0.5 * alone.output_token.joule
    cached = serve(Service(LLAMA, DEVICE), Workload(64, 32, batch=16, prefix=48))
    assert cached.prefill.joule < together.prefill.joule
    dealt = serve(Service(LLAMA, DEVICE, Parallel(tensor=2)), Workload(64, 32, batch=16))
    assert dealt.devices == 2
    assert dealt.links_joule == pytest.approx(dealt.sent.total_byte * 8 * 10e-12)
    assert dealt.links_joule > 0
    assert dealt.memory.weights_byte < 0.6 * together.memory.weights_byte
    deep = {**LLAMA, "num_hidden_layers": 16}
    alone, drafted = (serve(Service(deep, DEVICE, draft=draft), Workload(64, 32, speculate=3 if draft else 0))
                      for draft in (None, {**LLAMA, "num_hidden_layers": 1}))
    assert drafted.decode.joule < alone.decode.joule


def test_what_does_not_fit_is_an_error_with_the_numbers() -> None:
    big = {**LLAMA, "hidden_size": 8192, "intermediate_size": 28672, "num_hidden_layers": 80, "vocab_size": 128256,
           "num_attention_heads": 64, "num_key_value_heads": 8}
    with pytest.raises(ValueError, match=r"has 16 GB and each of 1 needs 15\d\.\d GB \(weights 141\.1, cache 16\.1"):
        serve(Service(big, DEVICE), Workload(1024, 512, batch=32))
    with pytest.raises(ValueError, match="a bert does not decode behind a cache"):
        serve(Service({"model_type": "bert", "vocab_size": 9, "hidden_size": 8}, DEVICE), Workload(4, 4))
    few = dataclasses.replace(Service(LLAMA, DEVICE), memory_byte=2e7)
    found = sweep(few, Workload(64, 64), (1, 4096))
    assert not isinstance(found[0], ValueError)
    assert isinstance(found[1], ValueError)


@pytest.mark.parametrize(("fields", "message"), [
    ({"prompt": 0}, "prompt must be at least 1"), ({"prefix": 8}, "prefix of 8 tokens must be shorter"),
    ({"accept": 1.0}, "a probability from 0 up to 1"), ({"spread": 1.0}, "share from 0 up to 1"),
])
def test_a_bad_workload_is_one_line(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Workload(**{"prompt": 8, "output": 4, **fields})


def test_expected_experts_by_simulation() -> None:
    """Uniform and power-law routing against draws of k experts without replacement (systematic sampling)."""
    numpy = pytest.importorskip("numpy")
    generator = numpy.random.default_rng(0)
    for skew in (0.0, 0.8):
        edges = numpy.concatenate([[0.0], numpy.cumsum(popularity(32, 4, skew))])
        touched = []
        for _ in range(300):
            points = generator.random(16)[:, None] + numpy.arange(4)
            touched.append(len(numpy.unique(numpy.searchsorted(edges, points, side="right") - 1)))
        assert numpy.mean(touched) == pytest.approx(expected_experts(32, 4, 16, skew), rel=0.02)
    assert sum(popularity(32, 4, 1.5)) == pytest.approx(4)
    assert imbalance(32, 4, 8) == pytest.approx(1.0)
    assert imbalance(32, 4, 8, 1.0) > 1.1


def test_the_pace_of_a_service_by_hand() -> None:
    """Two replicas with 3 requests each: a prompt of .5 s, 9 steps of .1 s."""
    seconds = {("prefill", 1, 100): 0.5, ("decode", 3, 1): 0.1}
    found = pace_of(Workload(prompt=100, output=10, batch=6), Parallel(data=2), lambda *key: seconds[key[:3]])
    assert found is not None
    assert (found.prompt_second, found.step_second) == (0.5, pytest.approx(0.1))
    assert found.tokens_per_second == pytest.approx(2 * 10 / (0.5 + 0.9 / 3))
    assert pace_of(Workload(100, 10), Parallel(), lambda *key: None) is None
