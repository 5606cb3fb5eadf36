"""Denoisers from diffusers' configurations, against diffusers' own modules on the meta device."""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType
from typing import Any

import pytest

from tocompiler.frontends.huggingface import from_config
from tocompiler.operators import rule

_SMALL = {"block_out_channels": (32, 64), "layers_per_block": 2, "norm_num_groups": 8, "cross_attention_dim": 48,
          "attention_head_dim": 4, "sample_size": 16, "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"),
          "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D")}
_XL = {**_SMALL, "block_out_channels": (32, 64, 64), "attention_head_dim": (2, 4, 4), "use_linear_projection": True,
       "transformer_layers_per_block": (1, 2, 3), "addition_embed_type": "text_time", "addition_time_embed_dim": 8,
       "projection_class_embeddings_input_dim": 6 * 8 + 40,
       "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
       "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D")}
_DIT = {"num_attention_heads": 4, "attention_head_dim": 12, "num_layers": 2, "sample_size": 16, "out_channels": 8,
        "activation_fn": "gelu-approximate", "norm_elementwise_affine": False}


def _inputs(name: str, config: Mapping[str, Any]) -> dict[str, Any]:
    import torch

    sample = torch.zeros(2, 4, 16, 16)
    if name == "DiTTransformer2DModel":
        return {"hidden_states": sample, "timestep": torch.zeros(2, dtype=torch.long),
                "class_labels": torch.zeros(2, dtype=torch.long)}
    added = {"text_embeds": torch.zeros(2, 40), "time_ids": torch.zeros(2, 6)}
    return {"sample": sample, "timestep": 1, "encoder_hidden_states": torch.zeros(2, 7, 48),
            "added_cond_kwargs": added if "addition_embed_type" in config else None}


@pytest.mark.parametrize(("name", "config"), [
    ("UNet2DConditionModel", _SMALL), ("UNet2DConditionModel", _XL), ("DiTTransformer2DModel", _DIT)],
    ids=["stable_diffusion", "xl", "dit"])
def test_denoisers_count_as_diffusers_does(name: str, config: dict[str, Any], oracle: ModuleType,
                                          monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    pytest.importorskip("transformers")
    oracle.without_torchvision()  # diffusers imports transformers' classes
    diffusers = pytest.importorskip("diffusers")
    monkeypatch.setattr("diffusers.utils.import_utils._torchvision_available", False)
    from torch.utils.flop_counter import FlopCounterMode

    with torch.device("meta"):
        module = getattr(diffusers, name)(**config).eval()
        given = _inputs(name, config)
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            module(**given)
    options = {"sequence": 7} if name == "UNet2DConditionModel" else {}
    net = from_config({"_class_name": name, **config}, 2, **options)
    macs = sum(rule(op.operator).work(op).multiply_accumulates for op in net.operators)
    assert net.parameters == sum(p.numel() for p in module.parameters())
    assert macs == counter.get_total_flops() // 2


def test_stable_diffusion_by_its_published_configuration() -> None:
    """The denoiser of Stable Diffusion 1.5 has 859 520 964 parameters."""
    net = from_config({"_class_name": "UNet2DConditionModel", "cross_attention_dim": 768})
    assert net.parameters == 859_520_964


def test_what_is_not_modelled_is_said() -> None:
    with pytest.raises(ValueError, match=r"down_block_types of a UNet are 2 of .*; got KDownBlock2D"):
        from_config({"_class_name": "UNet2DConditionModel", **_SMALL, "down_block_types": ("KDownBlock2D",)})
    with pytest.raises(ValueError, match="addition_embed_type 'image' is not modelled"):
        from_config({"_class_name": "UNet2DConditionModel", **_SMALL, "addition_embed_type": "image"})
    with pytest.raises(ValueError, match=r"'UNet2DModel' is not modelled.*the nearest is 'UNet2DConditionModel'"):
        from_config({"_class_name": "UNet2DModel"})
