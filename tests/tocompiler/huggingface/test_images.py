"""Models of images and text: the tower and the text behind it, against transformers' own modules."""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType
from typing import Any

import pytest

from tocompiler.frontends.huggingface import from_config
from tocompiler.operators import rule

_TEXT = {"vocab_size": 128, "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 4,
         "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16, "max_position_embeddings": 512,
         "rope_parameters": {"rope_type": "default", "mrope_section": [4, 2, 2], "rope_theta": 10000.0,
                             "partial_rotary_factor": 1.0}}
_VISION = {"depth": 3, "hidden_size": 48, "intermediate_size": 72, "num_heads": 4, "patch_size": 16,
           "spatial_merge_size": 2, "temporal_patch_size": 2, "in_channels": 3, "out_hidden_size": 64,
           "num_position_embeddings": 16, "deepstack_visual_indexes": [0, 2], "hidden_act": "gelu_pytorch_tanh"}
_MOE = {"num_experts": 8, "num_experts_per_tok": 2, "moe_intermediate_size": 48}
_STATE = {"linear_num_key_heads": 2, "linear_num_value_heads": 4, "linear_key_head_dim": 16,
          "linear_value_head_dim": 8, "linear_conv_kernel_dim": 4, "full_attention_interval": 4}
_CASES = {
    "Qwen3VLForConditionalGeneration": {"model_type": "qwen3_vl", "text_config": _TEXT, "vision_config": _VISION},
    "Qwen3VLMoeForConditionalGeneration": {"model_type": "qwen3_vl_moe", "text_config": {**_TEXT, **_MOE},
                                           "vision_config": _VISION},
    "Qwen3_5ForConditionalGeneration": {"model_type": "qwen3_5", "text_config": {**_TEXT, **_STATE},
                                        "vision_config": {**_VISION, "deepstack_visual_indexes": []}},
    "Qwen3_5MoeForConditionalGeneration": {
        "model_type": "qwen3_5_moe", "vision_config": {**_VISION, "deepstack_visual_indexes": []},
        "text_config": {**_TEXT, **_STATE, **_MOE, "shared_expert_intermediate_size": 80}},
}


@pytest.mark.parametrize("name", _CASES)
def test_an_image_and_its_text_count_as_transformers_does(name: str, oracle: ModuleType) -> None:
    torch = pytest.importorskip("torch")
    pytest.importorskip("transformers")
    config: Mapping[str, Any] = {**_CASES[name], "architectures": [name], "image_token_id": 5,
                                 "vision_start_token_id": 6, "vision_end_token_id": 7, "video_token_id": 8}
    # an image of 64 pixels: 16 patches of 16, four of which make a token
    ids = torch.tensor([[6, 5, 5, 5, 5, 7, 9, 10, 11, 12, 13, 14]])
    inputs = {"input_ids": ids, "pixel_values": torch.zeros(16, 3 * 2 * 16 * 16),
              "image_grid_thw": torch.tensor([[1, 4, 4]]), "mm_token_type_ids": (ids == 5).int()}
    expected = oracle.count(config, inputs=inputs, device="cpu")
    net = from_config(config, 1, sequence=12, image_size=64)
    macs = sum(rule(op.operator).work(op).multiply_accumulates for op in net.operators)
    assert (net.parameters, macs) == (expected.parameters, expected.multiply_accumulates)


def test_an_image_must_fit() -> None:
    config = _CASES["Qwen3VLForConditionalGeneration"]
    with pytest.raises(ValueError, match="an image of 224 pixels is 49 tokens, more than the sequence of 40"):
        from_config(config, sequence=40, image_size=224)
    with pytest.raises(ValueError, match="image_size 100 is no multiple of 32"):
        from_config(config, sequence=40, image_size=100)
    assert not any("visual" in op.name for op in from_config(config, sequence=1, past=40).operators)
