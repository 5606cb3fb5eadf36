"""DeepSeek-V2, V3 and V3.2: latent attention, shared and routed experts, and an index that picks the tokens to attend.

Latent attention (arXiv 2405.04434, section 2.1) keeps one vector of ``kv_lora_rank`` and one rotated key of
``qk_rope_head_dim`` for each token. A prompt is attended with keys and values unfolded from it; a step behind a cache
attends the latent vectors themselves, the unfolding matrix absorbed into queries and results: the same products for the
new token, and a cache that is read once for all heads. Sparse attention (DeepSeek-V3.2-Exp, 2025): an indexer scores
every earlier token and ``index_topk`` of them are attended.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tocompiler.frontends.huggingface.decoder import causal, pre_norm, stack
from tocompiler.frontends.huggingface.experts import mixture
from tocompiler.frontends.huggingface.model import clipped

if TYPE_CHECKING:
    from tocompiler.frontends.huggingface.model import Model
    from tocompiler.tensors import Tensor

__all__ = ["deepseek"]

_HEADS = {"deepseek_v2": "DeepseekV2", "deepseek_v3": "DeepseekV3", "deepseek_v32": "DeepseekV32"}


@causal(*_HEADS, defaults={"first_k_dense_replace": 0, "n_shared_experts": 0, "routed_scaling_factor": 1.0,
                           "norm_topk_prob": False})
def deepseek(m: Model, ids: Tensor, logits: str) -> None:
    """A decoder with latent attention; the layers behind the first ``first_k_dense_replace`` have experts."""
    c = m.c
    rotation = m.rotation(ids.shape[1], c.qk_rope_head_dim)

    def block(x: Tensor, i: int) -> Tensor:
        dense = i < c.first_k_dense_replace or i % c.get("moe_layer_freq", 1) != 0
        return pre_norm(m, x, lambda y: _latent(m, y, rotation),
                        lambda y: m.mlp(y, c.intermediate_size) if dense else _experts(m, y))

    name = _HEADS[c.model_type]
    stack(m, ids, logits, block, heads=(f"{name}ForCausalLM", f"{name}Model"))


def _experts(m: Model, y: Tensor) -> Tensor:
    c = m.c
    with m.net.scope("mlp"):
        second = c.model_type == "deepseek_v2"
        routed = mixture(m, y, c.n_routed_experts, c.num_experts_per_tok, c.moe_intermediate_size,
                         scores="Softmax" if second else "Sigmoid", corrected=not second,
                         normalised=bool(c.norm_topk_prob), factor=c.routed_scaling_factor)
        if not c.n_shared_experts:
            return routed
        return m.net.add(routed, m.mlp(y, c.moe_intermediate_size * c.n_shared_experts, "shared_experts"))


def _latent(m: Model, x: Tensor, rotation: tuple[Tensor, Tensor]) -> Tensor:
    net, c = m.net, m.c
    heads, plain, turned, rank = c.num_attention_heads, c.qk_nope_head_dim, c.qk_rope_head_dim, c.kv_lora_rank
    with net.scope("self_attn"):
        low = x
        if c.get("q_lora_rank"):
            low = m.rms_norm(m.project(x, c.q_lora_rank, "q_a_proj", bool(c.get("attention_bias"))), "q_a_layernorm")
        q = m.project(low, heads * (plain + turned), "q_b_proj" if c.get("q_lora_rank") else "q_proj")
        q_plain, q_turned = net.split(q, (heads * plain, heads * turned))
        q_turned = m.rotate(q_turned, heads, rotation)
        packed = m.project(x, rank + turned, "kv_a_proj_with_mqa", bool(c.get("attention_bias")))
        latent, k_turned = net.split(packed, (rank, turned))
        latent, k_turned = m.rms_norm(latent, "kv_a_layernorm"), m.rotate(k_turned, 1, rotation)
        selection = _selected(m, x, low, rotation) if c.get("index_topk") else None
        attend = _unfolded if isinstance(m.past, int) and m.past == 0 else _absorbed
        y = attend(m, q_plain, q_turned, latent, k_turned, selection)
        return m.project(y, c.hidden_size, "o_proj", bool(c.get("attention_bias")))


def _unfolded(m: Model, q_plain: Tensor, q_turned: Tensor, latent: Tensor, k_turned: Tensor,
              selection: Tensor | None) -> Tensor:
    """Keys and values of every head from the latent vectors; the rotated part of the key is the same for all."""
    net, c = m.net, m.c
    heads, plain, turned, value = c.num_attention_heads, c.qk_nope_head_dim, c.qk_rope_head_dim, c.v_head_dim
    batch, length, _ = latent.shape
    k_plain, v = net.split(m.project(latent, heads * (plain + value), "kv_b_proj"), (heads * plain, heads * value))
    q, repeated = net.concat([q_plain, q_turned], -1), net.expand(
        net.reshape(k_turned, (batch, length, 1, turned)), (batch, length, heads, turned))
    k = net.concat([k_plain, net.reshape(repeated, (batch, length, heads * turned))], -1)
    return m.attend(q, k, v, heads, heads, selection=selection)


def _absorbed(m: Model, q_plain: Tensor, q_turned: Tensor, latent: Tensor, k_turned: Tensor,
              selection: Tensor | None) -> Tensor:
    """Queries brought into the latent space, one key and value head for all of them, results brought back."""
    net, c = m.net, m.c
    heads, rank, plain, value = c.num_attention_heads, c.kv_lora_rank, c.qk_nope_head_dim, c.v_head_dim
    scheme = c.precision.of(f"{net.scope_name}kv_b_proj")
    stored = scheme.weight if scheme is not None else m.format
    weights = m.stored("kv_b_proj.weight_k", (heads, plain, rank), stored), \
        m.stored("kv_b_proj.weight_v", (heads, rank, value), stored)
    batch, length, _ = latent.shape
    rows = net.reshape(q_plain, (heads, batch * length, plain))
    q_latent = net.emit("MatMul", [rows, weights[0]], name="kv_b_proj.absorb_q", outputs=1,
                        results=[((heads, batch * length, rank), m.format)])[0]
    q = net.concat([net.reshape(q_latent, (batch, length, heads * rank)), q_turned], -1)
    k = net.concat([latent, k_turned], -1)
    attended = clipped(m.past, c.index_topk - 1) if selection is not None else m.past
    y = m.attend(q, k, latent, heads, 1, past=attended, shared=True, selection=selection,
                 scale=(plain + c.qk_rope_head_dim) ** -0.5)
    y = net.emit("MatMul", [net.reshape(y, (heads, batch * length, rank)), weights[1]], name="kv_b_proj.absorb_v",
                 outputs=1, results=[((heads, batch * length, value), m.format)])[0]
    return net.reshape(y, (batch, length, heads * value))


def _selected(m: Model, x: Tensor, low: Tensor, rotation: tuple[Tensor, Tensor]) -> Tensor:
    """The lightning indexer: scores of few, narrow heads over all earlier tokens; the positions to attend."""
    net, c = m.net, m.c
    heads, width = c.index_n_heads, c.index_head_dim
    with net.scope("indexer"):
        q = m.rotate(m.project(low, heads * width, "wq_b"), heads, rotation)
        k = m.rotate(m.layer_norm(m.project(x, width, "wk"), "k_norm", 1e-6), 1, rotation)
        weights = m.project(x, heads, "weights_proj")
        inputs = [q, m.cached(k), weights]
        if not (isinstance(m.past, int) and m.past == 0):
            inputs.append(net.input((x.shape[0], m.past, width), c.precision.cache, "past_key"))
        return m.one("LightningIndexer", inputs, {"num_heads": heads, "k": c.index_topk}, "select")
