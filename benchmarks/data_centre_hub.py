"""Models of Hugging Face and torchvision measured on A10 and A100 (yifueve/energaizer-ispass26-artifact cd60749, MIT).

Clocks are locked at 900 MHz. Configurations are the published ones, without heads, as the rows name the bare models.
Rows whose products per second exceed what the data sheet allows at any clock (three: the run had ended early, for want
of memory) are left out; MobileViT, of which there is no configuration here, too.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from claims import Claim, Options
from data_centre_rows import Array

import hardware
import tocompiler

__all__ = ["CACHES", "hub_claims", "measured_models"]

CACHES: Mapping[str, int] = {"a10": 6_291_456, "a100": 41_943_040}
"""The last cache in byte (NVIDIA Ampere GA102 and A100 architecture white papers)."""

_CONFIGS: Mapping[str, Mapping[str, Any]] = {
    "bertmodel_large": {
        "model_type": "bert", "architectures": ["BertModel"], "hidden_size": 1024, "num_hidden_layers": 24,
        "num_attention_heads": 16, "intermediate_size": 4096, "vocab_size": 30522, "max_position_embeddings": 512},
    "gpt2model_gpt2": {
        "model_type": "gpt2", "architectures": ["GPT2Model"], "n_embd": 768, "n_layer": 12, "n_head": 12,
        "vocab_size": 50257, "n_positions": 1024},
    "optmodel_opt-1p3b": {
        "model_type": "opt", "architectures": ["OPTModel"], "hidden_size": 2048, "num_hidden_layers": 24,
        "num_attention_heads": 32, "ffn_dim": 8192, "vocab_size": 50272, "max_position_embeddings": 2048,
        "word_embed_proj_dim": 2048, "do_layer_norm_before": True, "activation_function": "relu"},
    "qwen2model_qwen2-1p5b": {
        "model_type": "qwen2", "architectures": ["Qwen2Model"], "hidden_size": 1536, "num_hidden_layers": 28,
        "num_attention_heads": 12, "num_key_value_heads": 2, "intermediate_size": 8960, "vocab_size": 151936,
        "tie_word_embeddings": True},
    "vitmodel_large": {
        "model_type": "vit", "architectures": ["ViTModel"], "hidden_size": 1024, "num_hidden_layers": 24,
        "num_attention_heads": 16, "intermediate_size": 4096, "image_size": 224, "patch_size": 16, "num_channels": 3},
}


def measured_models(folder: Path, device: str) -> list[hardware.Measurement]:
    """The rows of a device; a group is a model in all its formats."""
    with (folder / "dc_models_a10_a100.csv").open(encoding="utf-8") as file:
        rows = [r for r in csv.DictReader(file) if r["device"] == device and _known(r["model"])]
    peak = hardware.facts_of(f"gpu_{device}").product_per_second
    return [m for m in _measured(rows) if _second(m) * float(peak or 0) > m.program.totals.multiply_accumulates]


def _second(measured: hardware.Measurement) -> float:
    assert measured.latency_second is not None
    return measured.latency_second


def _known(model: str) -> bool:
    return model in _CONFIGS or model.startswith("resnet101")


def _measured(rows: list[dict[str, str]]) -> Iterator[hardware.Measurement]:
    with TemporaryDirectory() as folder:
        files = {model: Path(folder) / f"{model}.json" for model in _CONFIGS}
        for model, file in files.items():
            file.write_text(json.dumps({**_CONFIGS[model], "torch_dtype": "float32"}), encoding="utf-8")
        for r in rows:
            lengths = {"sequence": int(float(r["seq"]))} if r["seq"] else {}
            network = tocompiler.load(files.get(r["model"], "resnet101"), batch=int(r["batch"]), dims=lengths)
            attention = "eager" if r["attention"] == "eager" else "fused"
            yield hardware.Measurement(tocompiler.compile(network, format=r["dtype"]), float(r["energy_j"]),
                                       float(r["time_ms"]) / 1e3, group=r["model"],
                                       conditions={"runtime": "transformers_cuda", "attention": attention})


def hub_claims(folder: Path, options: Options) -> Iterator[Claim]:
    """Each model left out in turn, on either device, and one factor on multiply-accumulates beside."""
    for device, cache in CACHES.items():
        measured = measured_models(folder, device)[::12 if options.smoke else 1]
        groups = np.array([m.group for m in measured])
        ours, macs, inside = np.zeros(len(measured)), np.zeros(len(measured)), []
        count = np.array([float(m.program.totals.multiply_accumulates) for m in measured])
        joule = np.array([m.energy_joule for m in measured])
        for name in np.unique(groups):
            rest = [replace(m, latency_second=None) for m in measured if m.group != name]
            fitted = tocompiler.calibrate(rest, f"gpu_{device}", facts=hardware.facts_of(f"gpu_{device}"),
                                          memory=[hardware.MemoryLevel("l2", cache)])
            for i in np.flatnonzero(groups == name):
                found = tocompiler.predict(measured[i].program, fitted, measured[i].conditions)
                ours[i] = found.energy_joule
                inside.append(found.low_joule <= joule[i] <= found.high_joule)
            macs[groups == name] = count[groups == name] * np.median((joule / count)[groups != name])
        errors: Array = np.abs(ours / joule - 1)
        beside = {"macs": 100 * float(np.abs(macs / joule - 1).mean()), "coverage": 100 * float(np.mean(inside)),
                  **{str(name): 100 * float(errors[groups == name].mean()) for name in np.unique(groups)}}
        yield Claim(f"dc_models_{device}_model_out", 100 * float(errors.mean()), "%", beside)
