"""Hugging Face configurations for fuzzing: small ones of every family, right but for a few fields."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["config_file"]

_Made = tuple[str, bytes, Sequence[str]]
"""A suffix, the file's bytes, and the command line that reads it (FILE stands for the path)."""

_DECODER = {"vocab_size": 64, "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2,
            "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 4, "max_position_embeddings": 64}
_EXPERTS = {**_DECODER, "num_experts": 4, "num_local_experts": 4, "num_experts_per_tok": 2,
            "moe_intermediate_size": 8, "shared_expert_intermediate_size": 8}
_LATENT = {**_DECODER, "num_key_value_heads": 4, "q_lora_rank": 8, "kv_lora_rank": 8, "qk_nope_head_dim": 4,
           "qk_rope_head_dim": 4, "v_head_dim": 4, "n_routed_experts": 4, "n_shared_experts": 1,
           "num_experts_per_tok": 2, "moe_intermediate_size": 8, "first_k_dense_replace": 1, "n_group": 2,
           "topk_group": 1, "index_n_heads": 2, "index_head_dim": 4, "index_topk": 8}
_HYBRID = {**_EXPERTS, "linear_num_key_heads": 2, "linear_num_value_heads": 4, "linear_key_head_dim": 4,
           "linear_value_head_dim": 4, "linear_conv_kernel_dim": 4, "full_attention_interval": 2}
_STATES = {**_EXPERTS, "n_groups": 2, "conv_kernel": 4, "num_heads": 8, "state_size": 8, "expand": 2,
           "mamba_num_heads": 8, "mamba_head_dim": 4, "ssm_state_size": 8, "hybrid_override_pattern": "M-*E",
           "n_routed_experts": 4, "moe_shared_expert_intermediate_size": 8, "n_shared_experts": 1, "ffn_dim": 32,
           "word_embed_proj_dim": 8, "sliding_window": 8, "intermediate_size_mlp": 24, "interleave_moe_layer_step": 2}
_KINDS = (("llama mistral qwen2 qwen3 gemma gemma2 gemma3_text phi3 falcon opt", _DECODER),
          ("mixtral qwen2_moe qwen3_moe gpt_oss llama4_text", _EXPERTS),
          ("deepseek_v2 deepseek_v3 deepseek_v32", _LATENT),
          ("qwen3_next qwen3_5_text qwen3_5_moe_text", _HYBRID), ("mamba2 nemotron_h opt gemma2 llama4_text", _STATES))
_CONFIGS: tuple[Mapping[str, Any], ...] = (
    {"model_type": "gpt2", "vocab_size": 64, "n_positions": 64, "n_embd": 16, "n_layer": 2, "n_head": 2},
    {"model_type": "bert", "vocab_size": 64, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2,
     "intermediate_size": 32, "max_position_embeddings": 64, "type_vocab_size": 2},
    *({"model_type": kind, **fields} for kinds, fields in _KINDS for kind in kinds.split()),
    {"model_type": "t5", "vocab_size": 64, "d_model": 16, "d_kv": 4, "d_ff": 32, "num_layers": 2, "num_heads": 4},
    {"model_type": "vit", "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32,
     "image_size": 32, "patch_size": 8, "num_channels": 3},
    {"model_type": "whisper", "d_model": 16, "encoder_layers": 2, "decoder_layers": 2, "encoder_attention_heads": 2,
     "decoder_attention_heads": 2, "encoder_ffn_dim": 32, "decoder_ffn_dim": 32, "vocab_size": 64, "num_mel_bins": 8,
     "max_source_positions": 30, "max_target_positions": 20},
)
_VALUES = (0, -1, 1, 3, 1.5, -2.5, 1e300, 1 << 40, 10**9, 10**30, True, False, None, "16", "banana", "", [], [3], {},
           {"a": 1}, float("nan"), float("inf"))
_FIELDS = ("hidden_act", "architectures", "n_inner", "tie_word_embeddings", "layer_types", "rope_scaling",
           "num_experts", "quantization_config", "text_config", "sliding_window", "model_type", "torch_dtype",
           "dtype", "max_window_layers", "mlp_only_layers", "no_rope_layers", "vision_config",
           "num_nextn_predict_layers")


def config_file(rng: random.Random) -> _Made:
    config: dict[str, Any] = dict(rng.choice(_CONFIGS))
    for _ in range(rng.choice((0, 1, 1, 1, 2, 3))):
        key = rng.choice((*config, *config, *_FIELDS)) if config else "x"
        if rng.random() < 0.15:
            config.pop(key, None)
        else:
            config[key] = rng.choice((*_VALUES, {"quant_method": "fp8"}, {"quant_method": rng.choice(_VALUES)},
                                      dict(config)))
    text = json.dumps(config)
    if rng.random() < 0.03:
        text = "[" * rng.choice((10, 100_000))
    options = rng.choice(((), ("--dim", "sequence=8"), ("--symbolic",), ("--dim", "past=4"), ("--batch", "3"),
                          ("--phase", "training"), ("--dim", f"sequence={10**20}")))
    served = ("serve-cost", "FILE", "--device", "gpu_rtx4090_laptop", "--batch", "1..4", "--prompt", "8")
    command = ("compile", "hf:FILE", *options) if rng.random() < 0.85 else served
    return ".json", text.encode(), (*command, "--json", "-")
