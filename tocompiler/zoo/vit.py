"""ViT-B/16 (Dosovitskiy et al. 2020), as in torchvision."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tocompiler.zoo import architecture

if TYPE_CHECKING:
    from tocompiler.network import Network
    from tocompiler.tensors import Tensor

__all__ = ["vit"]

_EPS = 1e-6


@architecture(vit_b_16=(16, 12, 12, 768, 3072))
def vit(net: Network, batch: Any, variant: tuple[int, ...], *, image_size: int = 224, num_classes: int = 1000) -> None:
    """Patches as tokens, a class token, pre-norm encoder layers; the class token is classified."""
    patch, layers, heads, width, hidden = variant
    x = net.conv2d(net.input((batch, 3, image_size, image_size)), width, patch, patch)
    tokens = x.shape[2] * x.shape[3]
    x = net.permute(net.reshape(x, (batch, width, tokens)), (0, 2, 1))
    first = net.expand(net.stored((1, 1, width), name="class_token"), (batch, 1, width))
    x = net.add(net.concat([first, x], 1), net.stored((1, tokens + 1, width), name="position_embedding"))
    for i in range(layers):
        with net.scope(f"layer{i}"):
            x = _encoder_layer(net, x, heads, hidden)
    x = net.select(net.layer_norm(x, eps=_EPS), 1, 0)
    net.output(net.linear(x, num_classes))


def _encoder_layer(net: Network, x: Tensor, heads: int, hidden: int) -> Tensor:
    x = net.add(net.multi_head_attention(net.layer_norm(x, eps=_EPS), heads), x)
    y = net.gelu(net.linear(net.layer_norm(x, eps=_EPS), hidden))
    return net.add(x, net.linear(y, x.shape[-1]))
