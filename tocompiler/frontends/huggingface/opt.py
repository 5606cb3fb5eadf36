"""OPT (Zhang et al. 2022, arXiv 2205.01068): GPT-3's decoder with learned positions and ReLU."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tocompiler.frontends.huggingface.decoder import causal, stack

if TYPE_CHECKING:
    from tocompiler.frontends.huggingface.model import Model
    from tocompiler.tensors import Tensor

__all__ = ["opt"]


@causal("opt", defaults={"activation_function": "relu", "do_layer_norm_before": True, "enable_bias": True,
                         "tie_word_embeddings": True})
def opt(m: Model, ids: Tensor, logits: str) -> None:
    """Norms before each half, or after it (``do_layer_norm_before``); embeddings may be narrower than the model."""
    c, net = m.c, m.net
    before, bias, width = bool(c.do_layer_norm_before), bool(c.enable_bias), c.hidden_size
    narrow = c.get("word_embed_proj_dim", width)

    def attention(y: Tensor) -> Tensor:
        with net.scope("self_attn"):
            q, k, v = (m.project(y, width, f"{name}_proj", bias) for name in "qkv")
            return m.project(m.attend(q, k, v, c.num_attention_heads, c.num_attention_heads), width, "out_proj", bias)

    def feed_forward(y: Tensor) -> Tensor:
        return m.project(m.act(m.project(y, c.ffn_dim, "fc1", bias), c.activation_function), width, "fc2", bias)

    def block(x: Tensor, i: int) -> Tensor:
        if before:
            x = net.add(x, attention(m.layer_norm(x, "self_attn_layer_norm")))
            return net.add(x, feed_forward(m.layer_norm(x, "final_layer_norm")))
        x = m.layer_norm(net.add(x, attention(x)), "self_attn_layer_norm")
        return m.layer_norm(net.add(x, feed_forward(x)), "final_layer_norm")

    def embed(x: Tensor) -> Tensor:
        x = m.project(x, width, "project_in") if narrow != width else x
        table = m.stored("embed_positions.weight", (c.max_position_embeddings + 2, width))
        positions = m.stored("positions", (1, ids.shape[1]), "int64", "buffer")
        return net.add(x, m.embed(positions, table, "embed_positions"))

    def final(x: Tensor) -> Tensor:
        x = m.layer_norm(x, "final_layer_norm") if before and not c.get("_remove_final_layer_norm") else x
        return m.project(x, narrow, "project_out") if narrow != width else x

    stack(m, ids, logits, block, heads=("OPTForCausalLM", "OPTModel"), prefix="model.decoder", embed=embed, final=final)
