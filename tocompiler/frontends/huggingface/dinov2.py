"""DINOv2 (Oquab et al. 2023, arXiv 2304.07193): a vision transformer whose halves are scaled channel by channel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tocompiler.frontends.huggingface.config import Config
from tocompiler.frontends.huggingface.encoder import attention, feed_forward, labels, patches, pre_norm
from tocompiler.frontends.huggingface.model import Model
from tocompiler.frontends.huggingface.registry import family

if TYPE_CHECKING:
    from tocompiler.network import Network
    from tocompiler.tensors import Tensor

__all__ = ["dinov2"]

_DEFAULTS = {"hidden_act": "gelu", "layer_norm_eps": 1e-6, "image_size": 224, "patch_size": 14, "num_channels": 3,
             "qkv_bias": True, "mlp_ratio": 4, "num_labels": 2, "use_swiglu_ffn": False}


@family("dinov2")
def dinov2(net: Network, config: Mapping[str, Any], batch: Any, *, image_size: int | None = None) -> None:
    """Patches as tokens behind a class token; positions of another image size are those stored, resized beforehand."""
    c = Config(config, _DEFAULTS)
    head = c.architecture("Dinov2Model", "Dinov2ForImageClassification")
    m = Model(net, c)
    size = image_size or c.image_size
    pixels = net.input((batch, c.num_channels, size, size), m.format, "pixel_values")
    with net.scope("embeddings"):
        x = patches(m, pixels, c.hidden_size, c.patch_size, "patch_embeddings.projection")
        first = net.expand(m.stored("cls_token", (1, 1, c.hidden_size)), (batch, 1, c.hidden_size))
        x = net.concat([first, x], 1)
        x = net.add(x, m.stored("position_embeddings", (1, x.shape[1], c.hidden_size)))
    for i in range(c.num_hidden_layers):
        with net.scope(f"encoder.layer.{i}"):
            x = pre_norm(m, x, lambda y: _mixed(m, y), lambda y: _pair(m, y), c.layer_norm_eps, ("norm1", "norm2"))
    x = m.layer_norm(x, "layernorm", c.layer_norm_eps)
    first = net.select(x, 1, 0)
    if head == "Dinov2Model":
        net.output(x, first)
        return
    mean = net.mean(net.slice(x, 1, x.shape[1], 1), 1)
    net.output(m.project(net.concat([first, mean], 1), labels(c), "classifier", True))


def _mixed(m: Model, x: Tensor) -> Tensor:
    with m.net.scope("attention"):
        y = attention(m, x, m.c.num_attention_heads, ("q_proj", "k_proj", "v_proj", "o_proj"), bias=bool(m.c.qkv_bias))
    return m.net.mul(y, m.stored("layer_scale1.lambda1", (x.shape[-1],)))


def _pair(m: Model, x: Tensor) -> Tensor:
    c, hidden = m.c, int(m.c.hidden_size * m.c.mlp_ratio)
    with m.net.scope("mlp"):
        if c.use_swiglu_ffn:
            hidden = (hidden * 2 // 3 + 7) // 8 * 8
            gate, up = (m.project(x, hidden, name, True) for name in ("gate_proj", "up_proj"))
            y = m.project(m.gated(gate, up, "silu"), x.shape[-1], "down_proj", True)
        else:
            y = feed_forward(m, x, hidden, c.hidden_act)
    return m.net.mul(y, m.stored("layer_scale2.lambda1", (x.shape[-1],)))
