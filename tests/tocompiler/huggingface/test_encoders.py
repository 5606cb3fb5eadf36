"""Encoders from configurations, with their usual heads: counts against transformers' own modules."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from module_files import module_at

from tocompiler.frontends.huggingface import from_config, model_types
from tocompiler.network import Network
from tocompiler.operators import rule


def macs(net: Network) -> Any:
    return sum(rule(op.operator).work(op).multiply_accumulates for op in net.operators)


_BERT = {"vocab_size": 120, "hidden_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4,
         "intermediate_size": 80, "max_position_embeddings": 64, "type_vocab_size": 2}
_DISTIL = {"vocab_size": 120, "dim": 48, "n_layers": 2, "n_heads": 4, "hidden_dim": 80, "max_position_embeddings": 64}
_ENDINGS = ("Model", "ForMaskedLM", "ForSequenceClassification", "ForTokenClassification", "ForQuestionAnswering")
_TEXT = {
    "Bert": {"model_type": "bert", **_BERT}, "Roberta": {"model_type": "roberta", **_BERT},
    "XLMRoberta": {"model_type": "xlm-roberta", **_BERT}, "Camembert": {"model_type": "camembert", **_BERT},
    "Electra": {"model_type": "electra", **_BERT, "embedding_size": 32}, "MPNet": {"model_type": "mpnet", **_BERT},
    "DistilBert": {"model_type": "distilbert", **_DISTIL},
    "Albert": {"model_type": "albert", **_BERT, "embedding_size": 32, "num_hidden_layers": 4, "num_hidden_groups": 2},
    "DebertaV2": {"model_type": "deberta-v2", **_BERT, "type_vocab_size": 0, "relative_attention": True,
                  "position_buckets": 16, "norm_rel_ebd": "layer_norm", "share_att_key": True,
                  "pos_att_type": ["p2c", "c2p"], "position_biased_input": False, "pooler_hidden_size": 48},
    "ModernBert": {"model_type": "modernbert", **_BERT, "num_hidden_layers": 4, "pad_token_id": 0, "bos_token_id": 1,
                   "eos_token_id": 2, "cls_token_id": 1, "sep_token_id": 2},
}
_CASES = [(title + ending, config) for title, config in _TEXT.items() for ending in _ENDINGS]
_CASES += [("ElectraForPreTraining", _TEXT["Electra"]),
           ("DebertaV2Model", {**_TEXT["DebertaV2"], "share_att_key": False, "position_buckets": -1,
                               "conv_kernel_size": 3, "position_biased_input": True, "type_vocab_size": 2}),
           ("ElectraModel", {**_TEXT["Electra"], "embedding_size": 48})]


@pytest.mark.parametrize(("name", "config"), _CASES, ids=[name for name, _ in _CASES])
def test_text_encoders_count_as_transformers_does(name: str, config: Mapping[str, Any], oracle: ModuleType) -> None:
    config = {**config, "architectures": [name]}
    expected = oracle.count(config, 9, batch=2, device="cpu" if config["model_type"] == "deberta-v2" else "meta")
    net = from_config(config, 2, sequence=9)
    assert (net.parameters, macs(net)) == (expected.parameters, expected.multiply_accumulates)


_TOWER = {"hidden_size": 48, "intermediate_size": 80, "num_hidden_layers": 2, "num_attention_heads": 4}
_WORDS = {**_TOWER, "vocab_size": 120, "max_position_embeddings": 12}
_PIXELS = {**_TOWER, "image_size": 32, "patch_size": 8}
_SOUND = {"vocab_size": 32, **_TOWER, "conv_dim": [24, 24, 24], "conv_stride": [5, 2, 2], "conv_kernel": [10, 3, 2],
          "num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 4}
_OTHERS = [
    ("CLIPModel", {"model_type": "clip", "text_config": _WORDS, "vision_config": _PIXELS, "projection_dim": 40}),
    ("SiglipModel", {"model_type": "siglip", "text_config": _WORDS, "vision_config": _PIXELS}),
    ("Dinov2Model", {"model_type": "dinov2", **_PIXELS}),
    ("Dinov2ForImageClassification", {"model_type": "dinov2", **_PIXELS, "use_swiglu_ffn": True}),
    ("Wav2Vec2Model", {"model_type": "wav2vec2", **_SOUND}),
    ("Wav2Vec2ForCTC", {"model_type": "wav2vec2", **_SOUND, "do_stable_layer_norm": True, "conv_bias": True,
                        "feat_extract_norm": "layer"}),
    ("Wav2Vec2ForSequenceClassification", {"model_type": "wav2vec2", **_SOUND}),
    ("BartModel", {"model_type": "bart", "vocab_size": 120, "d_model": 48, "encoder_layers": 2, "decoder_layers": 2,
                   "encoder_attention_heads": 4, "decoder_attention_heads": 4, "encoder_ffn_dim": 80,
                   "decoder_ffn_dim": 72, "max_position_embeddings": 32, "scale_embedding": True}),
]
_OTHERS.append(("BartForConditionalGeneration", _OTHERS[-1][1]))
_UNREAD = ("mask_token", "masked_spec_embed")
"""Parameters that only pre-training reads."""


def _inputs(kind: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """What transformers is given, and the options of ``from_config`` that ask for the same."""
    import torch

    ids = torch.zeros(2, 12, dtype=torch.long, device="meta")
    pixels = torch.zeros(2, 3, 32, 32, device="meta")
    return {"clip": ({"input_ids": ids, "pixel_values": pixels}, {"sequence": 12}),
            "siglip": ({"input_ids": ids, "pixel_values": pixels}, {"sequence": 12}),
            "dinov2": ({"pixel_values": pixels}, {}),
            "wav2vec2": ({"input_values": torch.zeros(2, 2000, device="meta")}, {"samples": 2000}),
            "bart": ({"input_ids": ids, "decoder_input_ids": ids[:, :7], "use_cache": False},
                     {"sequence": 12, "decoder_sequence": 7})}[kind]


@pytest.mark.parametrize(("name", "config"), _OTHERS, ids=[name for name, _ in _OTHERS])
def test_other_encoders_count_as_transformers_does(name: str, config: Mapping[str, Any], oracle: ModuleType,
                                                   monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    monkeypatch.setattr("torch.backends.mha.get_fastpath_enabled", lambda: False)
    config = {**config, "architectures": [name]}
    given, options = _inputs(config["model_type"])
    module = oracle.module(config)
    device = "cpu" if config["model_type"] == "bart" else "meta"
    given = {k: torch.zeros_like(v, device=device) if k != "use_cache" else v for k, v in given.items()}
    expected = oracle.count(config, batch=2, inputs=given, device=device)
    unread = sum(p.numel() for n, p in module.named_parameters() if n.endswith(_UNREAD))
    net = from_config(config, 2, **options)
    assert (net.parameters, macs(net)) == (expected.parameters - unread, expected.multiply_accumulates)


def test_every_model_type_is_held_against_transformers() -> None:
    decoders = module_at(Path(__file__).parent / "decoder_configs.py").DECODERS
    held = {config["model_type"] for config in decoders.values()} | {config["model_type"] for _, config in _CASES}
    held |= {config["model_type"] for _, config in _OTHERS}
    elsewhere = {"gpt2", "t5", "vit", "whisper",  # test_huggingface_frontend
                 "UNet2DConditionModel", "DiTTransformer2DModel"}  # test_diffusers
    # the same decoders under an image tower (all files of the benchmark), and types whose layers are another's
    composed = {"qwen3_vl", "qwen3_vl_moe", "qwen3_vl_text", "qwen3_vl_moe_text", "qwen3_5", "qwen3_5_moe",
                "qwen3_next", "llama4", "gemma3", "deepseek_v2"}
    assert set(model_types()) == held | elsewhere | composed
