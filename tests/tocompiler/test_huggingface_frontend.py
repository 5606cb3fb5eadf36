"""Hugging Face configurations: counts by hand, and against transformers where it is installed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tocompiler import load
from tocompiler.frontends.generation import generation
from tocompiler.frontends.huggingface import from_config
from tocompiler.network import Network
from tocompiler.operators import rule
from tocompiler.passes import pipeline

LLAMA = {"model_type": "llama", "vocab_size": 50, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2,
         "num_attention_heads": 4, "num_key_value_heads": 2}
GPT2 = {"model_type": "gpt2", "vocab_size": 50, "n_positions": 64, "n_embd": 16, "n_layer": 2, "n_head": 2}
BERT = {"model_type": "bert", "vocab_size": 50, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2,
        "intermediate_size": 32, "max_position_embeddings": 64, "type_vocab_size": 2}


def macs(net: Network) -> Any:
    return sum(rule(op.operator).work(op).multiply_accumulates for op in net.operators)


def test_llama_by_hand() -> None:
    # Per layer: query and output 32 x 32, key and value 32 x 16 each, three feed-forward matrices of 32 x 48.
    weights = 2 * (2 * 32 * 32 + 2 * 32 * 16 + 3 * 32 * 48)
    norms = 5 * 32
    net = from_config(LLAMA, batch=3, sequence=7)
    assert net.parameters == 2 * 50 * 32 + weights + norms
    scores = 2 * 2 * 7 * 7 * 32
    assert macs(net) == 3 * (7 * (weights + 32 * 50) + scores)


def test_tied_embeddings_count_once() -> None:
    untied, tied = from_config(LLAMA), from_config({**LLAMA, "tie_word_embeddings": True})
    assert untied.parameters - tied.parameters == 50 * 32
    assert macs(untied) == macs(tied)


def test_qwen2_has_biases_on_queries_keys_and_values_alone() -> None:
    qwen2 = from_config({**LLAMA, "model_type": "qwen2"})
    assert qwen2.parameters - from_config(LLAMA).parameters == 2 * (32 + 16 + 16)


@pytest.mark.parametrize("config", [LLAMA, GPT2])
def test_a_cache_spares_all_but_the_new_token(config: dict[str, Any]) -> None:
    """One token after n others costs what it adds to n + 1 together, bar the scores a causal mask throws away."""
    width = config.get("hidden_size") or config["n_embd"]
    together, before = from_config(config, sequence=11), from_config(config, sequence=10)
    step = from_config(config, sequence=1, past=10)
    masked_scores = 2 * 2 * 10 * width
    assert macs(together) - macs(before) - macs(step) == masked_scores
    assert [t.shape[2] for t in step.inputs[1:]] == [10] * 4
    assert not any(op.operator in ("Concat", "Expand") and "rotary" not in op.name for op in step.operators)


def test_a_sliding_window_bounds_the_cache() -> None:
    config = {**LLAMA, "model_type": "mistral", "sliding_window": 8}
    assert macs(from_config(config, sequence=1, past=5)) < macs(from_config(config, sequence=1, past=7))
    assert macs(from_config(config, sequence=1, past=70)) == macs(from_config(config, sequence=1, past=7))
    g = generation(config, prompt=5, new_tokens=9)
    assert g.total(macs) == macs(g.prefill()) + sum(macs(g.decode(n)) for n in range(5, 13))
    first_full = {**config, "layer_types": ["full_attention", "sliding_attention"]}
    assert [t.shape[2] for t in from_config(first_full, sequence=1, past=70).inputs[1::2]] == [70, 7]


def test_seventy_billion_parameters() -> None:
    """Llama-2-70B by its published configuration: 68 976 648 192 parameters."""
    config = {"model_type": "llama", "vocab_size": 32000, "hidden_size": 8192, "intermediate_size": 28672,
              "num_hidden_layers": 80, "num_attention_heads": 64, "num_key_value_heads": 8}
    assert from_config(config).parameters == 68976648192


def test_generation_is_the_sum_of_its_steps() -> None:
    for new_tokens in (1, 2, 5, 6):
        g = generation(GPT2, prompt=5, new_tokens=new_tokens, batch=2)
        steps = sum(macs(g.decode(n)) for n in range(5, 5 + new_tokens - 1))
        assert g.total(macs) == macs(g.prefill()) + steps


def test_generation_sums_what_is_not_linear_step_by_step() -> None:
    g = generation(GPT2, prompt=5, new_tokens=7)

    def squared(net: Network) -> int:
        return int(macs(net)) ** 2

    assert g.total(squared) == squared(g.prefill()) + sum(squared(g.decode(n)) for n in range(5, 11))


def test_prefill_scores_the_last_position_alone() -> None:
    g = generation(LLAMA, prompt=9, new_tokens=1)
    assert g.prefill().outputs[0].shape == (1, 1, 50)
    assert macs(from_config(LLAMA, sequence=9)) - macs(g.prefill()) == 8 * 32 * 50


def test_symbolic_lengths_equal_concrete_ones() -> None:
    import sympy

    batch, length = sympy.symbols("batch length", integer=True, positive=True)
    for config in (LLAMA, GPT2, BERT):
        counted = macs(from_config(config, batch, sequence=length))
        assert counted.subs({batch: 3, length: 17}) == macs(from_config(config, 3, sequence=17))
    cached = macs(generation(GPT2, 5, 2).decode(length))
    assert cached.subs({length: 9}) == macs(generation(GPT2, 5, 2).decode(9))


def test_load_takes_a_file_or_its_folder(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(BERT), encoding="utf-8")
    for source in (f"hf:{tmp_path}", f"hf:{tmp_path}/config.json"):
        net = load(source, batch=2, dims={"sequence": 9})
        assert net.outputs[0].shape == (2, 9, 16)
    opened = load(f"hf:{tmp_path}", symbolic=True)
    assert [str(d) for d in opened.outputs[0].shape] == ["batch", "sequence", "16"]
    assert [str(d) for d in load("gpt2", symbolic=True).outputs[0].shape] == ["batch", "sequence", "50257"]
    assert [str(d) for d in load("gpt2", symbolic=True, dims={"sequence": 4}).inputs[0].shape] == ["batch", "4"]


@pytest.mark.parametrize(("text", "message"), [
    ("{", "is not JSON"),
    ("[]", "is not a configuration"),
    (json.dumps({"model_type": "mamba"}), "model type 'mamba' is not modelled.*the nearest is 'mamba2'"),
    (json.dumps({**BERT, "hidden_size": 0}), "has hidden_size 0; it must be a whole number above 0"),
    (json.dumps({**BERT, "hidden_size": -16}), "has hidden_size -16"),
    (json.dumps({**BERT, "num_hidden_layers": 2.5}), "has num_hidden_layers 2.5"),
    (json.dumps({**BERT, "vocab_size": "fifty"}), "has vocab_size 'fifty'"),
    (json.dumps({**BERT, "num_hidden_layers": 10**9}), "has more than 4096 layers; if that is meant"),
    (json.dumps({**LLAMA, "num_attention_heads": 5}), "hidden_size 32, which num_attention_heads 5 does not divide"),
    (json.dumps({**LLAMA, "torch_dtype": "int3"}), "torch_dtype 'int3' is not a known number format"),
    (json.dumps({**LLAMA, "quantization_config": {"quant_method": "vptq"}}), "method 'vptq' is not modelled"),
    (json.dumps({k: v for k, v in BERT.items() if k != "hidden_size"}), "lacks 'hidden_size'"),
    (json.dumps({**BERT, "architectures": ["BertForNextSentencePrediction"]}),
     "BertForNextSentencePrediction is not modelled"),
    (json.dumps({**BERT, "hidden_act": "laplace"}), "activation 'laplace' is not modelled"),
])
def test_an_unusable_configuration_is_one_line_that_names_the_file(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "config.json").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=message) as caught:
        load(f"hf:{tmp_path}/config.json")
    assert str(tmp_path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_an_unknown_option() -> None:
    with pytest.raises(ValueError, match="cannot be read"):
        load("hf:/nowhere/config.json")
    with pytest.raises(ValueError, match="a bert has no option past; it has sequence"):
        from_config(BERT, past=3)
    with pytest.raises(ValueError, match="at least one new token"):
        generation(GPT2, 5, 0)


SMALL = {"hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4,
         "num_key_value_heads": 2, "vocab_size": 100, "use_cache": False}
AGAINST = [
    ("BertModel", "BertConfig", {"num_hidden_layers": 2}),
    ("BertForMaskedLM", "BertConfig", {"num_hidden_layers": 2}),
    ("BertForSequenceClassification", "BertConfig", {"num_hidden_layers": 2}),
    ("GPT2LMHeadModel", "GPT2Config", {"n_layer": 2, "use_cache": False}),
    ("LlamaForCausalLM", "LlamaConfig", {**SMALL, "attention_bias": True, "mlp_bias": True}),
    ("MistralModel", "MistralConfig", SMALL),
    ("Qwen2ForCausalLM", "Qwen2Config", SMALL),
    ("Qwen3ForCausalLM", "Qwen3Config", SMALL),
    ("T5ForConditionalGeneration", "T5Config", {"num_layers": 2, "use_cache": False}),
    ("T5EncoderModel", "T5Config", {"num_layers": 2, "feed_forward_proj": "gated-gelu", "use_cache": False}),
    ("ViTModel", "ViTConfig", {"num_hidden_layers": 2}),
    ("ViTForImageClassification", "ViTConfig", {"num_hidden_layers": 2}),
    ("WhisperForConditionalGeneration", "WhisperConfig",
     {"encoder_layers": 1, "decoder_layers": 1, "max_source_positions": 50, "use_cache": False}),
]


@pytest.mark.parametrize(("name", "kind", "values"), AGAINST, ids=[name for name, _, _ in AGAINST])
def test_counts_equal_those_of_transformers(name: str, kind: str, values: Mapping[str, Any], oracle: ModuleType,
                                            monkeypatch: pytest.MonkeyPatch) -> None:
    """torch's flop counter over transformers' own module, on the meta device."""
    torch = pytest.importorskip("torch")
    pytest.importorskip("transformers")
    transformers = oracle.without_torchvision()
    from torch.utils.flop_counter import FlopCounterMode

    config = getattr(transformers, kind)(**values)
    with torch.device("meta"):
        model = getattr(transformers, name)(config).eval()
        ids = torch.zeros(1, 9, dtype=torch.long)
        inputs = {
            "ViTConfig": {"pixel_values": torch.zeros(1, 3, 224, 224)},
            "WhisperConfig": {"input_features": torch.zeros(1, 80, 100), "decoder_input_ids": ids},
            "T5Config": {"input_ids": ids, "decoder_input_ids": ids},
        }.get(kind, {"input_ids": ids})
    if name == "T5EncoderModel":
        del inputs["decoder_input_ids"]
    # Positions have no values on the meta device; there are no packed sequences to find.
    monkeypatch.setattr("transformers.masking_utils.find_packed_sequence_indices", lambda positions: None,
                        raising=False)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model(**inputs)
    options = {"ViTConfig": {}, "T5Config": {"sequence": 9, "decoder_sequence": 9}}.get(kind, {"sequence": 9})
    if name == "T5EncoderModel":
        options = {"sequence": 9}
    net = from_config({**config.to_dict(), "architectures": [name]}, **options)
    assert macs(net) == counter.get_total_flops() // 2
    assert net.parameters == sum(p.numel() for p in model.parameters())


def counted(net: Network) -> list[tuple[str, dict[tuple[str, str], int]]]:
    """Operators that have ALU tasks, in order, after the passes."""
    rows = [(op.operator, dict(rule(op.operator).work(op).tasks)) for op in pipeline(net).operators]
    return [row for row in rows if row[1]]


def test_torch_export_and_configuration_agree_operator_by_operator(oracle: ModuleType) -> None:
    """transformers' GPT-2 exactly; its BERT but for the mask of zeros that it adds to the scores when traced."""
    torch = pytest.importorskip("torch")
    pytest.importorskip("transformers")
    transformers = oracle.without_torchvision()
    gpt2 = transformers.GPT2Config(n_layer=1, vocab_size=100, use_cache=False)
    bert = transformers.BertConfig(num_hidden_layers=2, vocab_size=100)
    with torch.device("meta"):
        models = transformers.GPT2LMHeadModel(gpt2), transformers.BertModel(bert)
        ids = torch.zeros(1, 9, dtype=torch.long)
    traced = [counted(load(model, example_inputs={"input_ids": ids})) for model in models]
    built = [counted(from_config({**config.to_dict(), "architectures": [type(model).__name__]}, sequence=9))
             for config, model in zip((gpt2, bert), models, strict=True)]
    assert traced[0] == built[0]
    for name, tasks in built[1]:
        if name == "Attention":
            tasks["add", "fp32"] += 12 * 9 * 9
    assert traced[1] == built[1]
