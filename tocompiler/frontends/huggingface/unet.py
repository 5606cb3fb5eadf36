"""The denoisers of Stable Diffusion 1, 2 and XL as diffusers has them (Rombach et al. 2021, arXiv 2112.10752)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tocompiler.frontends.huggingface.config import Config
from tocompiler.frontends.huggingface.encoder import attention
from tocompiler.frontends.huggingface.model import Model
from tocompiler.frontends.huggingface.registry import family

if TYPE_CHECKING:
    from tocompiler.network import Network
    from tocompiler.tensors import Tensor

__all__ = ["unet"]

_DEFAULTS = {
    "in_channels": 4, "out_channels": 4, "sample_size": 64, "layers_per_block": 2, "norm_num_groups": 32,
    "block_out_channels": (320, 640, 1280, 1280), "attention_head_dim": 8, "cross_attention_dim": 1280,
    "down_block_types": ("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",),
    "up_block_types": ("UpBlock2D",) + ("CrossAttnUpBlock2D",) * 3, "transformer_layers_per_block": 1,
    "use_linear_projection": False, "act_fn": "silu"}
_NAMES = ("to_q", "to_k", "to_v", "to_out.0")
_SAMPLED = ("DownBlock2D", "CrossAttnDownBlock2D", "UpBlock2D", "CrossAttnUpBlock2D")


@family("UNet2DConditionModel")
def unet(net: Network, config: Mapping[str, Any], batch: Any, *, sequence: Any = 77,
         sample_size: int | None = None) -> None:
    """One step of denoising a latent image of ``sample_size`` under a text of ``sequence`` tokens."""
    c = Config(config, _DEFAULTS)
    widths, size = tuple(c.block_out_channels), sample_size or c.sample_size
    _check(c, len(widths))
    m = Model(net, c)
    x = net.input((batch, c.in_channels, size, size), m.format, "sample")
    text = net.input((batch, sequence, _each(c.cross_attention_dim, 0)), m.format, "encoder_hidden_states")
    step = _time(m, batch, widths[0])
    x = _conv(m, x, widths[0], "conv_in")
    skips = [x]
    for i, width in enumerate(widths):
        with net.scope(f"down_blocks.{i}"):
            for j in range(_each(c.layers_per_block, i)):
                x = _resnet(m, x, width, step, f"resnets.{j}")
                if c.down_block_types[i].startswith("CrossAttn"):
                    x = _transformer(m, x, text, i, f"attentions.{j}")
                skips.append(x)
            if i + 1 < len(widths):
                x = _conv(m, x, width, "downsamplers.0.conv", 3, 2)
                skips.append(x)
    with net.scope("mid_block"):
        x = _resnet(m, x, widths[-1], step, "resnets.0")
        x = _transformer(m, x, text, len(widths) - 1, "attentions.0")
        x = _resnet(m, x, widths[-1], step, "resnets.1")
    for i, block in enumerate(reversed(range(len(widths)))):
        with net.scope(f"up_blocks.{i}"):
            for j in range(_each(c.layers_per_block, block) + 1):
                x = _resnet(m, net.concat([x, skips.pop()], 1), widths[block], step, f"resnets.{j}")
                if c.up_block_types[i].startswith("CrossAttn"):
                    x = _transformer(m, x, text, block, f"attentions.{j}")
            if block:
                x = _conv(m, net.upsample(x, scale_factor=2), widths[block], "upsamplers.0.conv")
    net.output(_conv(m, net.silu(_norm(m, x, "conv_norm_out", 1e-5)), c.out_channels, "conv_out"))


def _check(c: Config, blocks: int) -> None:
    for side in ("down", "up"):
        kinds = c[f"{side}_block_types"]
        unknown = sorted(set(kinds) - set(_SAMPLED))
        if unknown or len(kinds) != blocks:
            raise ValueError(f"{side}_block_types of a UNet are {blocks} of {', '.join(_SAMPLED)}; got "
                             f"{', '.join(map(str, kinds))}")
    for key in ("class_embed_type", "encoder_hid_dim_type", "time_cond_proj_dim"):
        if c.get(key) is not None:
            raise ValueError(f"a UNet with {key} {c[key]!r} is not modelled")


def _each(value: Any, block: int) -> Any:
    """A field given once, or for each block."""
    return value[block] if isinstance(value, (list, tuple)) else value


def _conv(m: Model, x: Tensor, width: int, name: str, kernel: int = 3, stride: int = 1) -> Tensor:
    with m.net.scope(name):
        return m.net.conv2d(x, width, kernel, stride, kernel // 2)


def _norm(m: Model, x: Tensor, name: str, epsilon: float) -> Tensor:
    with m.net.scope(name):
        return m.net.group_norm(x, m.c.norm_num_groups, epsilon)


def _time(m: Model, batch: Any, width: int) -> Tensor:
    """The step's number as sines and cosines through two layers; XL adds the text's vector and six sizes."""
    net, c, out = m.net, m.c, 4 * width
    sines = net.input((batch, width), m.format, "timestep_sines")
    step = m.project(net.silu(m.project(sines, out, "time_embedding.linear_1", True)), out, "time_embedding.linear_2",
                     True)
    kind = c.get("addition_embed_type")
    if kind == "text_time":
        added = net.input((batch, c.projection_class_embeddings_input_dim), m.format, "text_and_sizes")
        y = net.silu(m.project(added, out, "add_embedding.linear_1", True))
        step = net.add(step, m.project(y, out, "add_embedding.linear_2", True))
    elif kind is not None:
        raise ValueError(f"a UNet with addition_embed_type {kind!r} is not modelled; text_time is")
    return step


def _resnet(m: Model, x: Tensor, width: int, step: Tensor, name: str) -> Tensor:
    """Two convolutions, each behind a norm and SiLU, the step added in between, and a shortcut."""
    net = m.net
    with net.scope(name):
        y = _conv(m, net.silu(_norm(m, x, "norm1", 1e-5)), width, "conv1")
        shift = m.project(net.silu(step), width, "time_emb_proj", True)
        y = net.add(y, net.reshape(shift, (*shift.shape, 1, 1)))
        y = _conv(m, net.silu(_norm(m, y, "norm2", 1e-5)), width, "conv2")
        x = x if x.shape[1] == width else _conv(m, x, width, "conv_shortcut", 1)
        return net.add(x, y)


def _transformer(m: Model, x: Tensor, text: Tensor, block: int, name: str) -> Tensor:
    """Pixels as tokens: attention among them and to the text, and a gated pair, some layers deep."""
    net, c = m.net, m.c
    batch, width, rows, columns = x.shape
    heads = _each(c.get("num_attention_heads") or c.attention_head_dim, block)
    with net.scope(name):
        y = _norm(m, x, "norm", 1e-6)
        y = y if c.use_linear_projection else _conv(m, y, width, "proj_in", 1)
        y = net.permute(net.reshape(y, (batch, width, rows * columns)), (0, 2, 1))
        y = m.project(y, width, "proj_in", True) if c.use_linear_projection else y
        for i in range(_each(c.transformer_layers_per_block, block)):
            with net.scope(f"transformer_blocks.{i}"):
                y = _layer(m, y, text, heads)
        y = m.project(y, width, "proj_out", True) if c.use_linear_projection else y
        y = net.reshape(net.permute(y, (0, 2, 1)), x.shape)
        return net.add(y if c.use_linear_projection else _conv(m, y, width, "proj_out", 1), x)


def _layer(m: Model, x: Tensor, text: Tensor, heads: int) -> Tensor:
    net, width = m.net, x.shape[-1]
    for name, source in (("attn1", None), ("attn2", text)):
        y = m.layer_norm(x, "norm1" if source is None else "norm2")
        with net.scope(name):
            x = net.add(attention(m, y, heads, _NAMES, bias=False, source=source), x)
    with net.scope("ff.net"):
        value, gate = net.split(m.project(m.layer_norm(x, "norm3"), 8 * width, "0.proj", True), (4 * width,) * 2)
        return net.add(m.project(net.mul(value, net.gelu(gate)), width, "2", True), x)
