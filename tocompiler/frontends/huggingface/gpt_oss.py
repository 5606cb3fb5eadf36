"""GPT-OSS (OpenAI 2025, arXiv 2508.10925): experts in MXFP4, biases, attention sinks, every other layer a window."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tocompiler.frontends.huggingface.decoder import causal, grouped_query, head_width, pre_norm, slides, stack
from tocompiler.frontends.huggingface.experts import mixture

if TYPE_CHECKING:
    from tocompiler.frontends.huggingface.model import Model
    from tocompiler.tensors import Tensor

__all__ = ["gpt_oss"]


@causal("gpt_oss", defaults={"attention_bias": True, "swiglu_limit": 7.0})
def gpt_oss(m: Model, ids: Tensor, logits: str) -> None:
    """A decoder of experts that each have a bias, with a learned extra score for each head."""
    c, net = m.c, m.net
    rotation = m.rotation(ids.shape[1], head_width(c))

    def clamped(gate: Tensor, up: Tensor) -> Tensor:
        """(clamp(up) + 1) g sigmoid(1.702 g) with g = min(gate, limit)."""
        limit = float(c.swiglu_limit)
        gate = m.one("Min", [gate, net.constant(limit, gate.format)])
        up = net.add(net.clip(up, -limit, limit), 1.0)
        return m.one("SwiGLU", [gate, up], {"alpha": 1.702}, "act_fn")

    def feed_forward(y: Tensor) -> Tensor:
        with net.scope("mlp"):
            # The softmax is over the chosen scores alone; over all, with the chosen ones normalised, is the same.
            return mixture(m, y, c.num_local_experts, c.num_experts_per_tok, c.intermediate_size, router="router",
                           bias=True, act=clamped)

    stack(m, ids, logits, lambda x, i: pre_norm(
        m, x, lambda y: grouped_query(m, y, rotation, bias=bool(c.attention_bias), sinks=True,
                                      window=slides(c, i, i % 2 == 0)), feed_forward),
        heads=("GptOssForCausalLM", "GptOssModel"))
