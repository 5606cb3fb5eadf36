"""Decoders from configurations: counts against transformers' own modules, and what a decode step must move."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from module_files import module_at

from tocompiler import compile
from tocompiler.frontends.huggingface import from_config
from tocompiler.network import Network
from tocompiler.operators import rule
from tocompiler.operators.grouped_matmul import active_parameters

DECODERS: Mapping[str, Mapping[str, Any]] = module_at(Path(__file__).parent / "decoder_configs.py").DECODERS


def macs(net: Network) -> Any:
    return sum(rule(op.operator).work(op).multiply_accumulates for op in net.operators)


@pytest.mark.parametrize("name", DECODERS)
def test_prefill_and_decode_count_as_transformers_does(name: str, oracle: ModuleType) -> None:
    config = {**DECODERS[name], "architectures": [name]}
    for lengths in ({"sequence": 12}, {"sequence": 1, "past": 20}):
        expected = oracle.count(config, batch=2, **lengths)
        net = from_config(config, 2, **lengths)
        assert (net.parameters, macs(net)) == (expected.parameters, expected.multiply_accumulates)


PUBLISHED = {
    # model: what it caches for each token and layer, in elements, over all layers that cache (None: a window or state)
    "llama": ({"model_type": "llama", "torch_dtype": "bfloat16", "vocab_size": 128256, "hidden_size": 8192,
               "intermediate_size": 28672, "num_hidden_layers": 8, "num_attention_heads": 64,
               "num_key_value_heads": 8}, 8 * 2 * 8 * 128),
    "latent": ({"model_type": "deepseek_v3", "torch_dtype": "bfloat16", "vocab_size": 129280, "hidden_size": 7168,
                "intermediate_size": 18432, "num_hidden_layers": 3, "first_k_dense_replace": 3,
                "num_attention_heads": 128, "q_lora_rank": 1536, "kv_lora_rank": 512, "qk_nope_head_dim": 128,
                "qk_rope_head_dim": 64, "v_head_dim": 128}, 3 * (512 + 64)),
    "falcon": ({"model_type": "falcon", "torch_dtype": "bfloat16", "vocab_size": 65024, "hidden_size": 8192,
                "num_hidden_layers": 4, "num_attention_heads": 128, "num_kv_heads": 8,
                "new_decoder_architecture": True}, 4 * 2 * 8 * 64),
    "gpt2": ({"model_type": "gpt2", "torch_dtype": "bfloat16", "vocab_size": 50257, "n_positions": 65536,
              "n_embd": 1600, "n_layer": 4, "n_head": 25}, 4 * 2 * 1600),
}


@pytest.mark.parametrize("name", PUBLISHED)
@pytest.mark.parametrize(("batch", "past"), [(1, 32768), (4, 1000)])
def test_a_decode_step_moves_weights_cache_and_activations(name: str, batch: int, past: int) -> None:
    """To 1 %: every weight but the embedding table once, the cache once, and activations of which a token has few."""
    config, cached = PUBLISHED[name]
    net = from_config(config, batch, sequence=1, past=past)
    read = {t.name: t for op in net.operators if op.operator != "Gather" for t in op.inputs if t is not None}
    weights = sum(t.elements for t in read.values() if t.kind == "parameter")
    expected = 16 * (weights + batch * past * cached)
    assert compile(net).totals.traffic_bit == pytest.approx(expected, rel=0.01)


def test_llama_70b_moves_152_gigabytes_a_token_at_32768_cached() -> None:
    config = {**PUBLISHED["llama"][0], "num_hidden_layers": 80}
    program = compile(from_config(config, 1, sequence=1, past=32768))
    assert program.totals.traffic_bit / 8e9 == pytest.approx(141.1 - 2.1 + 10.7, rel=0.01)


def test_a_quantised_cache_and_a_window_move_less() -> None:
    config = {**PUBLISHED["llama"][0]}
    sizes = {}
    for cache in ("bf16", "fp8_e4m3"):
        net = from_config(config, 1, sequence=1, past=32768, cache=cache)
        held = [t for t in net.inputs if "past_" in t.name]
        sizes[cache] = compile(net).totals.traffic_bit
        assert {t.format for t in held} == {cache}
    cached = 16384 * 32768
    assert sizes["bf16"] - sizes["fp8_e4m3"] == pytest.approx(8 * cached, rel=1e-3)
    windowed = from_config({**DECODERS["GptOssForCausalLM"]}, 1, sequence=1, past=1000)
    assert [t.shape[2] for t in windowed.inputs if "past_" in t.name] == [7, 7, 1000, 1000]


def test_the_query_is_scaled_and_cached_keys_are_not() -> None:
    """Multiplications of attention at 1000 cached tokens: one for each element of the query."""
    net = from_config(DECODERS["LlamaForCausalLM"], 1, sequence=1, past=1000)
    for op in net.operators:
        if op.operator == "Attention":
            assert rule("Attention").work(op).tasks[("multiply", "fp32")] == 64


def test_sparse_attention_reads_what_the_index_selects() -> None:
    net = from_config(DECODERS["DeepseekV32ForCausalLM"], 1, sequence=1, past=1000)
    held = {t.name.split(".")[-1] + str(t.shape[1:]) for t in net.inputs if "past" in t.name}
    assert held == {"past_key(1000, 16)", "past_key(1, 63, 40)"}


def test_active_parameters_leave_out_the_experts_that_were_not_chosen() -> None:
    """Six of eight experts of 3 x 64 x 96, in each of two layers."""
    net = from_config(DECODERS["MixtralForCausalLM"], 1)
    assert active_parameters(net.operators, net.parameters) == net.parameters - 2 * 6 * 3 * 64 * 96
    dense = from_config(DECODERS["LlamaForCausalLM"], 1)
    assert active_parameters(dense.operators, dense.parameters) == dense.parameters


def test_layers_keep_the_models_names() -> None:
    net = from_config(DECODERS["Qwen3MoeForCausalLM"], 1)
    names = {op.name for op in net.operators}
    assert {"model.layers.0.mlp.up_proj", "model.layers.1.self_attn.q_proj", "model.layers.1.mlp.gate", "lm_head",
            "model.embed_tokens", "model.norm"} <= names
    stored = {t.name for t in net.stored_tensors()}
    assert {"model.layers.1.mlp.experts.gate_up_proj", "model.layers.0.self_attn.k_norm.weight"} <= stored


def test_symbolic_lengths_equal_concrete_ones() -> None:
    import sympy

    batch, past = sympy.symbols("batch past", integer=True, positive=True)
    for name in ("LlamaForCausalLM", "DeepseekV32ForCausalLM", "GptOssForCausalLM", "Qwen3_5MoeForCausalLM"):
        config = DECODERS[name]
        found = compile(from_config(config, batch, sequence=1, past=past))
        concrete = compile(from_config(config, 3, sequence=1, past=500))
        values = {batch: 3, past: 500}
        assert found.totals.multiply_accumulates.subs(values) == concrete.totals.multiply_accumulates
        assert float(found.totals.traffic_bit.subs(values)) == pytest.approx(concrete.totals.traffic_bit, rel=1e-4)
