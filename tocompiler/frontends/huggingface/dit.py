"""DiT (Peebles and Xie 2022, arXiv 2212.09748) as diffusers has it: a transformer over patches of a latent image."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tocompiler.frontends.huggingface.config import Config
from tocompiler.frontends.huggingface.encoder import attention, patches
from tocompiler.frontends.huggingface.model import Model
from tocompiler.frontends.huggingface.registry import family

if TYPE_CHECKING:
    from tocompiler.network import Network
    from tocompiler.tensors import Tensor

__all__ = ["dit"]

_DEFAULTS = {"num_attention_heads": 16, "attention_head_dim": 72, "in_channels": 4, "num_layers": 28,
             "sample_size": 32, "patch_size": 2, "num_embeds_ada_norm": 1000, "attention_bias": True}
_SINES = 256
"""Sines and cosines of the step's number."""


@family("DiTTransformer2DModel")
def dit(net: Network, config: Mapping[str, Any], batch: Any, *, sample_size: int | None = None) -> None:
    """One step of denoising under a class; each layer makes its shifts, scales and gates from step and class."""
    c = Config(config, _DEFAULTS)
    m = Model(net, c, tied=True)
    width, size = c.num_attention_heads * c.attention_head_dim, sample_size or c.sample_size
    sample = net.input((batch, c.in_channels, size, size), m.format, "hidden_states")
    sines = net.input((batch, _SINES), m.format, "timestep_sines")
    label = net.input((batch,), "int64", "class_labels")
    x = patches(m, sample, width, c.patch_size, "pos_embed.proj")
    x = net.add(x, m.stored("pos_embed.pos_embed", (1, x.shape[1], width), kind="buffer"))
    for i in range(c.num_layers):
        with net.scope(f"transformer_blocks.{i}"):
            x = _layer(m, x, sines, label, width)
    step = _condition(m, sines, label, width, "transformer_blocks.0.norm1.emb")  # the first layer's, once more
    shift, scale = net.split(m.project(net.silu(step), 2 * width, "proj_out_1", True), (width, width))
    x = _modulated(m, _plain(m, x, "norm_out"), shift, scale)
    out = c.get("out_channels") or c.in_channels
    x = m.project(x, c.patch_size**2 * out, "proj_out_2", True)
    side = size // c.patch_size
    pixels = net.reshape(x, (batch, side, side, c.patch_size, c.patch_size, out))
    net.output(net.reshape(net.permute(pixels, (0, 5, 1, 3, 2, 4)), (batch, out, size, size)))


def _condition(m: Model, sines: Tensor, label: Tensor, width: int, name: str) -> Tensor:
    """The step through two layers, and the class's embedding."""
    net = m.net
    with net.scope(name):
        y = net.silu(m.project(sines, width, "timestep_embedder.linear_1", True))
        y = m.project(y, width, "timestep_embedder.linear_2", True)
        table = m.stored("class_embedder.embedding_table.weight", (m.c.num_embeds_ada_norm + 1, width))
        return net.add(y, m.embed(label, table, "class_embedder"))


def _plain(m: Model, x: Tensor, name: str) -> Tensor:
    """A layer norm without a scale of its own."""
    scale = m.stored(f"{name}.ones", x.shape[-1:], kind="constant")
    return m.one("LayerNormalization", [x, scale], {"axis": -1, "epsilon": 1e-6}, name)


def _modulated(m: Model, x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    """x (1 + scale) + shift, the same for every patch."""
    net = m.net
    shift, scale = (net.unsqueeze(t, 1) for t in (shift, scale))
    return net.add(net.mul(x, net.add(scale, 1.0)), shift)


def _layer(m: Model, x: Tensor, sines: Tensor, label: Tensor, width: int) -> Tensor:
    net, c = m.net, m.c
    step = _condition(m, sines, label, width, "norm1.emb")
    six = net.split(m.project(net.silu(step), 6 * width, "norm1.linear", True), (width,) * 6)
    y = _modulated(m, _plain(m, x, "norm1.norm"), six[0], six[1])
    with net.scope("attn1"):
        y = attention(m, y, c.num_attention_heads, ("to_q", "to_k", "to_v", "to_out.0"), bias=bool(c.attention_bias))
    x = net.add(x, net.mul(y, net.unsqueeze(six[2], 1)))
    y = _modulated(m, _plain(m, x, "norm3"), six[3], six[4])
    y = m.project(net.gelu(m.project(y, 4 * width, "ff.net.0.proj", True), "tanh"), width, "ff.net.2", True)
    return net.add(x, net.mul(y, net.unsqueeze(six[5], 1)))
