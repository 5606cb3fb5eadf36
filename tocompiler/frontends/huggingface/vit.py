"""ViT as transformers has it (Dosovitskiy et al. 2020): separate projections for query, key and value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tocompiler.frontends.huggingface.blocks import activation, heads
from tocompiler.frontends.huggingface.config import Config
from tocompiler.frontends.huggingface.registry import family

if TYPE_CHECKING:
    from tocompiler.network import Network
    from tocompiler.tensors import Tensor

__all__ = ["vit"]

_DEFAULTS = {"hidden_act": "gelu", "layer_norm_eps": 1e-12, "image_size": 224, "patch_size": 16, "num_channels": 3,
             "qkv_bias": True, "num_labels": 2, "pooler_act": "tanh"}


@family("vit")
def vit(net: Network, config: Mapping[str, Any], batch: Any, *, image_size: int | None = None) -> None:
    """Patches as tokens, pre-norm layers; the class token is pooled or classified."""
    c = Config(config, _DEFAULTS)
    head = c.architecture("ViTForImageClassification", "ViTModel")
    size = image_size or c.image_size
    x = _embed(net, c, net.input((batch, c.num_channels, size, size), name="pixel_values"))
    for i in range(c.num_hidden_layers):
        with net.scope(f"layer.{i}"):
            x = net.add(_attention(net, c, net.layer_norm(x, eps=c.layer_norm_eps)), x)
            y = net.linear(net.layer_norm(x, eps=c.layer_norm_eps), c.intermediate_size)
            x = net.add(net.linear(activation(net, c.hidden_act, y), c.hidden_size), x)
    x = net.layer_norm(x, eps=c.layer_norm_eps)
    first = net.select(x, 1, 0)
    if head == "ViTModel":
        net.output(x, activation(net, c.pooler_act, net.linear(first, c.get("pooler_output_size") or c.hidden_size)))
    else:
        net.output(net.linear(first, len(c.get("id2label", ())) or c.num_labels))


def _embed(net: Network, c: Config, pixels: Tensor) -> Tensor:
    x = net.conv2d(pixels, c.hidden_size, c.patch_size, c.patch_size)
    batch, width, rows, columns = x.shape
    x = net.permute(net.reshape(x, (batch, width, rows * columns)), (0, 2, 1))
    first = net.expand(net.stored((1, 1, width), name="cls_token"), (batch, 1, width))
    x = net.concat([first, x], 1)
    return net.add(x, net.stored((1, rows * columns + 1, width), name="position_embeddings"))


def _attention(net: Network, c: Config, x: Tensor) -> Tensor:
    n, width = c.num_attention_heads, c.hidden_size // c.num_attention_heads
    query, key, value = (heads(net, x, n, width, c.qkv_bias) for _ in range(3))
    return net.linear(net.merge_heads(net.scaled_dot_product_attention(query, key, value)), c.hidden_size)
