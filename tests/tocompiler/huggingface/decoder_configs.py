"""Small configurations of every decoder that is modelled, with all of its kinds of layers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["DECODERS"]

_LLAMA = {"vocab_size": 128, "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2,
          "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16, "max_position_embeddings": 512}
_MOE = {**_LLAMA, "num_experts": 8, "num_experts_per_tok": 2, "moe_intermediate_size": 48}
_LATENT = {**_LLAMA, "num_key_value_heads": 4, "head_dim": 8, "q_lora_rank": 24, "kv_lora_rank": 32,
           "qk_nope_head_dim": 16, "qk_rope_head_dim": 8, "v_head_dim": 12, "n_routed_experts": 8,
           "n_shared_experts": 1, "num_experts_per_tok": 2, "moe_intermediate_size": 48, "first_k_dense_replace": 1,
           "n_group": 2, "topk_group": 1, "norm_topk_prob": True, "routed_scaling_factor": 2.5}
_HYBRID = {**_LLAMA, "num_hidden_layers": 4, "linear_num_key_heads": 2, "linear_num_value_heads": 4,
           "linear_key_head_dim": 16, "linear_value_head_dim": 8, "linear_conv_kernel_dim": 4,
           "full_attention_interval": 4, "partial_rotary_factor": 0.25}
_MAMBA = {"vocab_size": 128, "hidden_size": 64, "n_groups": 2, "conv_kernel": 4}

DECODERS: Mapping[str, Mapping[str, Any]] = {
    "LlamaForCausalLM": {"model_type": "llama", **_LLAMA, "attention_bias": True, "mlp_bias": True},
    "MistralForCausalLM": {"model_type": "mistral", **_LLAMA, "sliding_window": 8},
    "Qwen2ForCausalLM": {"model_type": "qwen2", **_LLAMA, "tie_word_embeddings": True},
    "Qwen3ForCausalLM": {"model_type": "qwen3", **_LLAMA},
    "MixtralForCausalLM": {"model_type": "mixtral", **_LLAMA, "num_local_experts": 8, "num_experts_per_tok": 2},
    "Qwen2MoeForCausalLM": {"model_type": "qwen2_moe", **_MOE, "shared_expert_intermediate_size": 80},
    "Qwen3MoeForCausalLM": {"model_type": "qwen3_moe", **_MOE, "mlp_only_layers": [0], "norm_topk_prob": True},
    "GptOssForCausalLM": {"model_type": "gpt_oss", **_LLAMA, "num_local_experts": 8, "num_experts_per_tok": 2,
                          "sliding_window": 8, "layer_types": ["sliding_attention", "full_attention"]},
    "DeepseekV3ForCausalLM": {"model_type": "deepseek_v3", **_LATENT},
    "DeepseekV32ForCausalLM": {"model_type": "deepseek_v32", **_LATENT, "index_n_heads": 4, "index_head_dim": 16,
                               "index_topk": 64},
    "Qwen3_5ForCausalLM": {"model_type": "qwen3_5_text", **_HYBRID},
    "Qwen3_5MoeForCausalLM": {"model_type": "qwen3_5_moe_text", **_HYBRID, "num_experts": 8, "num_experts_per_tok": 2,
                              "moe_intermediate_size": 48, "shared_expert_intermediate_size": 80},
    "Llama4ForCausalLM": {"model_type": "llama4_text", **_LLAMA, "intermediate_size_mlp": 112, "num_local_experts": 4,
                          "num_experts_per_tok": 1, "interleave_moe_layer_step": 2, "num_hidden_layers": 4},
    "GemmaForCausalLM": {"model_type": "gemma", **_LLAMA},
    "Gemma2ForCausalLM": {"model_type": "gemma2", **_LLAMA, "sliding_window": 8},
    "Gemma3ForCausalLM": {"model_type": "gemma3_text", **_LLAMA, "sliding_window": 8, "num_hidden_layers": 6},
    "Phi3ForCausalLM": {"model_type": "phi3", **_LLAMA, "pad_token_id": 0, "sliding_window": 8},
    "FalconForCausalLM": {"model_type": "falcon", "vocab_size": 128, "hidden_size": 64, "num_hidden_layers": 2,
                          "num_attention_heads": 4, "bias": True},
    "OPTForCausalLM": {"model_type": "opt", **_LLAMA, "ffn_dim": 96, "word_embed_proj_dim": 32},
    "Mamba2ForCausalLM": {"model_type": "mamba2", **_MAMBA, "num_hidden_layers": 2, "num_heads": 8, "head_dim": 16,
                          "state_size": 24, "expand": 2},
    "NemotronHForCausalLM": {"model_type": "nemotron_h", **_MAMBA, "num_hidden_layers": 4, "mamba_num_heads": 8,
                             "mamba_head_dim": 16, "ssm_state_size": 24, "hybrid_override_pattern": "M-*E",
                             "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16,
                             "intermediate_size": 96, "n_routed_experts": 8, "num_experts_per_tok": 2,
                             "moe_intermediate_size": 40, "moe_shared_expert_intermediate_size": 72,
                             "n_shared_experts": 1},
}
"""By the class of transformers that is the oracle."""
