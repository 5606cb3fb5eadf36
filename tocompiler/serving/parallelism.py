"""Parallelism: the part of a model that one device holds and computes, and what crosses the links between devices.

Tensor parallelism deals out heads and hidden units (Shoeybi et al. 2019, arXiv 1909.08053): each device's attention and
feed-forward results are parts of sums, which an all-reduce adds up after each. Expert parallelism deals out experts:
rows go to their expert's device and come back (two all-to-alls) where the devices have different tokens (data
parallelism). Pipeline stages hold consecutive layers and hand their results on. A ring all-reduce of n bytes over t
devices sends 2 (t - 1) n bytes in all, an all-gather of n bytes (t - 1) n, an all-to-all (t - 1)/t of its rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Collectives", "Parallel", "collectives", "local"]


@dataclass(frozen=True, slots=True)
class Parallel:
    """Degrees: devices that share each layer (``tensor``), the experts (``expert``, of the tensor x data ones), the
    stack of layers (``pipeline``) and the requests (``data``). ValueError where they do not fit each other."""

    tensor: int = 1
    expert: int = 1
    pipeline: int = 1
    data: int = 1

    def __post_init__(self) -> None:
        for name in ("tensor", "expert", "pipeline", "data"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} parallelism must be at least 1, not {getattr(self, name)}")
        if self.tensor * self.data % self.expert:
            raise ValueError(f"experts are dealt out over tensor x data = {self.tensor * self.data} devices: expert "
                             f"parallelism {self.expert} does not divide them")

    @property
    def devices(self) -> int:
        """All devices together."""
        return self.tensor * self.pipeline * self.data

    @property
    def expert_slices(self) -> int:
        """Over how many devices the hidden units of one expert are dealt."""
        return self.tensor * self.data // self.expert if self.expert > 1 else self.tensor

    def idle_share(self, microbatches: int) -> float:
        """Share of time that pipeline stages wait: full in steady state with as many batches on the way as stages.

        >>> Parallel(pipeline=4).idle_share(1), Parallel(pipeline=4).idle_share(4)
        (0.75, 0.0)
        """
        return max(0.0, 1 - microbatches / self.pipeline)


_BY_TENSOR = ("num_attention_heads", "intermediate_size", "intermediate_size_mlp", "shared_expert_intermediate_size",
              "moe_shared_expert_intermediate_size", "linear_num_key_heads", "linear_num_value_heads",
              "mamba_num_heads", "vocab_size")
_REPLICATED_BELOW_ONE = ("num_key_value_heads", "n_groups")
_TYPES = frozenset({
    "llama", "mistral", "qwen2", "qwen3", "mixtral", "qwen2_moe", "qwen3_moe", "gpt_oss", "deepseek_v2", "deepseek_v3",
    "deepseek_v32", "qwen3_5_text", "qwen3_5_moe_text", "qwen3_next", "qwen3_5", "qwen3_5_moe", "qwen3_vl",
    "qwen3_vl_moe", "qwen3_vl_text", "qwen3_vl_moe_text", "llama4", "llama4_text", "gemma", "gemma2", "gemma3",
    "gemma3_text", "phi3", "nemotron_h"})
"""Types whose layers divide by heads and hidden units alone."""


def local(config: Mapping[str, Any], parallel: Parallel) -> dict[str, Any]:
    """The configuration of what one device computes; a vocabulary that does not divide is padded.

    ValueError, with the numbers, where heads or hidden units do not divide, or the type is not dealt out here.
    """
    kind = config.get("model_type")
    if parallel.devices == parallel.data == 1 or parallel.tensor == parallel.expert == 1:
        return dict(config)
    if kind not in _TYPES:
        raise ValueError(f"tensor or expert parallelism of a {kind} is not modelled; it is for "
                         f"{', '.join(sorted(_TYPES))}")
    made = dict(config)
    if isinstance(made.get("text_config"), Mapping):
        made["text_config"] = _sliced({**made["text_config"]}, parallel)
        return made
    return _sliced(made, parallel)


def _sliced(c: dict[str, Any], parallel: Parallel) -> dict[str, Any]:
    t = parallel.tensor
    if "num_attention_heads" in c and "kv_lora_rank" not in c and "attention_head_dim" not in c:
        c["head_dim"] = c.get("head_dim") or c["hidden_size"] // c["num_attention_heads"]
    sparse = any(c.get(key) for key in ("num_experts", "num_local_experts", "n_routed_experts"))
    experts = "moe_intermediate_size" if "moe_intermediate_size" in c else "intermediate_size"
    for key in _BY_TENSOR:
        if c.get(key):
            by = parallel.expert_slices if sparse and key == experts else t
            c[key] = -(-c[key] // t) if key == "vocab_size" else _divided(c, key, by)
    if sparse and experts != "intermediate_size":
        c[experts] = _divided(c, experts, parallel.expert_slices)
    for key in _REPLICATED_BELOW_ONE:
        if c.get(key):
            c[key] = _divided(c, key, t) if c[key] > t else 1
    return c


def _divided(c: Mapping[str, Any], key: str, by: int) -> int:
    value = c[key]
    if not isinstance(value, int) or value % by:
        raise ValueError(f"{key} {value} does not divide by {by} devices; choose another degree of parallelism")
    return value // by


@dataclass(frozen=True, slots=True)
class Collectives:
    """Bytes that one step sends between devices, all of them together."""

    all_reduce_byte: float = 0.0
    all_gather_byte: float = 0.0
    all_to_all_byte: float = 0.0
    point_to_point_byte: float = 0.0

    @property
    def total_byte(self) -> float:
        return self.all_reduce_byte + self.all_gather_byte + self.all_to_all_byte + self.point_to_point_byte

    def __add__(self, other: Collectives) -> Collectives:
        return Collectives(self.all_reduce_byte + other.all_reduce_byte, self.all_gather_byte + other.all_gather_byte,
                           self.all_to_all_byte + other.all_to_all_byte,
                           self.point_to_point_byte + other.point_to_point_byte)

    def __mul__(self, times: float) -> Collectives:
        return Collectives(self.all_reduce_byte * times, self.all_gather_byte * times, self.all_to_all_byte * times,
                           self.point_to_point_byte * times)


_ONE_MIXER = ("nemotron_h", "mamba2")
"""Types whose layers have one part instead of two."""


def collectives(config: Mapping[str, Any], parallel: Parallel, tokens: float, rows: float, byte: float) -> Collectives:
    """What one step of one replica sends, times the replicas: ``tokens`` through the layers, ``rows`` through the
    output layer, activations of ``byte`` bytes."""
    c = {**config, **(config.get("text_config") or {})}
    t, e = parallel.tensor, parallel.expert
    layers, width = c.get("num_hidden_layers", 0), c.get("hidden_size", 0)
    activations = tokens * width * byte
    parts = 1 if config.get("model_type") in _ONE_MIXER else 2
    reduced = 2 * (t - 1) * activations * (parts * layers + 1) if t > 1 else 0.0
    gathered = (t - 1) * rows * c.get("vocab_size", 0) * byte if t > 1 else 0.0
    chosen = c.get("num_experts_per_tok") or 0
    routed = 0.0
    if e > 1 and parallel.data > 1:
        routed = 2 * activations * chosen * _sparse_layers(c) * (e - 1) / e
    handed = (parallel.pipeline - 1) * activations
    return Collectives(reduced, gathered, routed, handed) * parallel.data


def _sparse_layers(c: Mapping[str, Any]) -> int:
    """How many layers have experts."""
    layers = int(c.get("num_hidden_layers", 0))
    if "hybrid_override_pattern" in c:
        return str(c["hybrid_override_pattern"]).count("E")
    step = c.get("decoder_sparse_step") or c.get("interleave_moe_layer_step") or 1
    dense = c.get("first_k_dense_replace") or len(c.get("mlp_only_layers") or ())
    return (layers - dense) // step
