"""Mamba-2 (Dao and Gu 2024) and Nemotron-H (NVIDIA 2025, arXiv 2504.03624), which mixes it with attention."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tocompiler.frontends.huggingface.decoder import causal, stack
from tocompiler.frontends.huggingface.experts import mixture
from tocompiler.frontends.huggingface.mixers import mamba2_mixer

if TYPE_CHECKING:
    from tocompiler.frontends.huggingface.config import Config
    from tocompiler.frontends.huggingface.model import Model
    from tocompiler.tensors import Tensor

__all__ = ["mamba2", "nemotron_h"]


@causal("mamba2", defaults={"num_heads": 128, "head_dim": 64, "state_size": 128, "n_groups": 8, "conv_kernel": 4,
                            "use_bias": False, "use_conv_bias": True, "layer_norm_epsilon": 1e-5})
def mamba2(m: Model, ids: Tensor, logits: str) -> None:
    """A norm and a Mamba-2 block in each layer, no attention."""
    c = m.c

    def block(x: Tensor, i: int) -> Tensor:
        y = m.rms_norm(x, "norm", c.layer_norm_epsilon)
        with m.net.scope("mixer"):
            y = mamba2_mixer(m, y, c.num_heads, c.head_dim, c.state_size, c.n_groups, c.conv_kernel,
                             bool(c.use_bias), bool(c.use_conv_bias))
        return m.net.add(x, y)

    stack(m, ids, logits, block, heads=("Mamba2ForCausalLM", "Mamba2Model"), prefix="backbone",
          embeddings="embeddings", final=lambda x: m.rms_norm(x, "norm_f", c.layer_norm_epsilon))


_KINDS = {"M": "linear_attention", "mamba": "linear_attention", "*": "full_attention", "attention": "full_attention",
          "-": "mlp", "E": "moe"}


@causal("nemotron_h", defaults={"mlp_hidden_act": "relu2", "n_groups": 8, "conv_kernel": 4, "use_conv_bias": True,
                                "layer_norm_epsilon": 1e-5, "n_shared_experts": 0})
def nemotron_h(m: Model, ids: Tensor, logits: str) -> None:
    """One mixer in each layer: Mamba-2, attention without positions, a feed-forward pair, or experts."""
    c = m.c
    pattern = c.get("layers_block_type") or c.get("layer_types") or list(c.hybrid_override_pattern)
    kinds = [_KINDS.get(kind, kind) for kind in pattern]

    def block(x: Tensor, i: int) -> Tensor:
        y = m.rms_norm(x, "norm", c.layer_norm_epsilon)
        with m.net.scope("mixer"):
            return m.net.add(x, _MIXERS[kinds[i]](m, y))

    unknown = sorted(set(kinds) - _MIXERS.keys())
    if unknown or len(kinds) != c.num_hidden_layers:
        odd = f" with {', '.join(unknown)}" if unknown else ""
        raise ValueError(f"the layers of a nemotron_h are {', '.join(_MIXERS)}, one for each of num_hidden_layers "
                         f"{c.num_hidden_layers}; got {len(kinds)}{odd}")
    stack(m, ids, logits, block, heads=("NemotronHForCausalLM", "NemotronHModel"), prefix="backbone",
          embeddings="embeddings", final=lambda x: m.rms_norm(x, "norm_f", c.layer_norm_epsilon))


def _mamba(m: Model, x: Tensor) -> Tensor:
    c = m.c
    return mamba2_mixer(m, x, c.mamba_num_heads, c.mamba_head_dim, c.ssm_state_size, c.n_groups, c.conv_kernel,
                        bool(c.get("use_bias")), bool(c.use_conv_bias))


def _width(c: Config) -> int:
    return int(c.get("attention_head_dim") or c.get("head_dim") or c.divide("hidden_size", "num_attention_heads"))


def _attention(m: Model, x: Tensor) -> Tensor:
    heads, few, width = m.c.num_attention_heads, m.c.num_key_value_heads, _width(m.c)
    q = m.project(x, heads * width, "q_proj")
    k, v = (m.project(x, few * width, name) for name in ("k_proj", "v_proj"))
    return m.project(m.attend(q, k, v, heads, few), x.shape[-1], "o_proj")


def _pair(m: Model, x: Tensor, hidden: int | None = None) -> Tensor:
    c, bias = m.c, bool(m.c.get("mlp_bias"))
    y = m.act(m.project(x, hidden or c.intermediate_size, "up_proj", bias), c.mlp_hidden_act)
    return m.project(y, x.shape[-1], "down_proj", bias)


def _experts(m: Model, x: Tensor) -> Tensor:
    """Routed experts, in a narrower space where the configuration has one, and a shared pair."""
    c = m.c
    low = m.project(x, c.moe_latent_size, "fc1_latent_proj") if c.get("moe_latent_size") else x
    y = mixture(m, low, c.n_routed_experts, c.num_experts_per_tok, c.moe_intermediate_size, scores="Sigmoid",
                corrected=True, factor=c.get("routed_scaling_factor", 1.0), gated=False, routed_by=x)
    y = m.project(y, x.shape[-1], "fc2_latent_proj") if c.get("moe_latent_size") else y
    if not c.n_shared_experts:
        return y
    with m.net.scope("shared_experts"):
        return m.net.add(y, _pair(m, x, c.n_shared_experts * c.moe_shared_expert_intermediate_size))


_MIXERS: dict[str, Callable[[Model, Tensor], Tensor]] = {
    "linear_attention": _mamba, "full_attention": _attention, "mlp": _pair, "moe": _experts}
