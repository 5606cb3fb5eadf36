"""The image tower of Qwen3-VL and Qwen3.5, and the models that put its tokens before the text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from tocompiler.frontends.huggingface.blocks import activation, tokens
from tocompiler.frontends.huggingface.config import Config
from tocompiler.frontends.huggingface.model import Model
from tocompiler.frontends.huggingface.registry import family

if TYPE_CHECKING:
    from tocompiler.network import Network
    from tocompiler.tensors import Tensor

__all__ = ["with_images"]

_FRAMES = {"in_channels": 3, "temporal_patch_size": 2, "spatial_merge_size": 2, "hidden_act": "gelu_pytorch_tanh"}
_HEADS = {"qwen3_vl": "Qwen3VL", "qwen3_vl_moe": "Qwen3VLMoe", "qwen3_5": "Qwen3_5", "qwen3_5_moe": "Qwen3_5Moe"}


def with_images(*model_types: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Decorator of a text decoder: file the model of images and text under model types.

    ``image_size`` is the side in pixels of the one image before each sequence's text (0: none); its tokens are among
    ``sequence``. By default a prompt of at least 64 tokens has one of 224 pixels and a decode step none.
    """

    def file(read: Callable[..., None]) -> Callable[..., None]:
        def build(net: Network, config: Mapping[str, Any], batch: Any, *, sequence: Any = 128, past: Any = 0,
                  logits: str = "all", skew: float = 0.0, expert_parallel: int = 1, replicas: int = 1,
                  image_size: int | None = None) -> None:
            whole = Config(config)
            outer = {k: whole[k] for k in ("architectures", "tie_word_embeddings") if whole.get(k) is not None}
            text = Config({"model_type": whole.model_type, **whole.nested("text_config"), **outer},
                          {"rms_norm_eps": 1e-6, "hidden_act": "silu"}, whole.precision)
            m = Model(net, text, past, skew, expert_parallel, replicas)
            if image_size is None:
                image_size = 0 if past != 0 or (isinstance(sequence, int) and sequence < 64) else 224
            options: dict[str, Any] = {"prefix": "model.language_model"}
            name = _HEADS[whole.model_type]
            options["heads"] = (f"{name}ForConditionalGeneration", f"{name}Model")
            if image_size and "vision_config" in whole:
                options |= _images(net, whole, m, batch, sequence, image_size)
            read(m, tokens(net, batch, sequence), logits, **options)

        family(*model_types)(build)
        return read

    return file


def _images(net: Network, whole: Config, text: Model, batch: Any, sequence: Any, size: int) -> dict[str, Any]:
    """What the decoder does with the image: its tokens take the first places, its inner layers are added there."""
    c = whole.nested("vision_config", _FRAMES)
    with net.scope("model.visual"):
        features, inner = _tower(Model(net, c), batch, size)
    count = features.shape[1]
    if isinstance(sequence, int) and count > sequence:
        raise ValueError(f"an image of {size} pixels is {count} tokens, more than the sequence of {sequence}; "
                         "give a longer sequence, or image_size=0")

    def embed(x: Tensor) -> Tensor:
        return net.concat([features, net.slice(x, count, sequence, 1)], 1)

    def after(x: Tensor, i: int) -> Tensor:
        if i >= len(inner):
            return x
        seen = net.add(net.slice(x, 0, count, 1), inner[i])
        return net.concat([seen, net.slice(x, count, sequence, 1)], 1)

    return {"embed": embed, "after": after}


def _tower(m: Model, batch: Any, size: int) -> tuple[Tensor, list[Tensor]]:
    """Patches through pre-norm layers with rotary positions; 2 x 2 neighbours merge into one token of the text."""
    net, c = m.net, m.c
    merge, patch = c.spatial_merge_size, c.patch_size
    if size % (patch * merge):
        raise ValueError(f"image_size {size} is no multiple of {patch * merge}, {merge} patches of {patch} pixels")
    count = (size // patch) ** 2
    pixels = net.input((batch, count, c.in_channels * c.temporal_patch_size * patch**2), m.format, "pixel_values")
    x = m.project(pixels, c.hidden_size, "patch_embed.proj", True)
    with net.scope("pos_embed"):
        near = m.stored("neighbours", (count, 4), "int64", "buffer")
        table = m.stored("weight", (c.num_position_embeddings, c.hidden_size))
        corners = net.mul(m.one("Gather", [table, near], {"axis": 0}), m.stored("shares", (count, 4, 1), kind="buffer"))
        x = net.add(x, net.sum(corners, 1))
    rotation = m.rotation(count, c.divide("hidden_size", "num_heads"))
    inner: list[Tensor] = []
    for i in range(c.depth):
        with net.scope(f"blocks.{i}"):
            x = _layer(m, x, rotation)
        if i in (c.get("deepstack_visual_indexes") or ()):
            with net.scope(f"deepstack_merger_list.{len(inner)}"):
                inner.append(_merged(m, x, True))
    with net.scope("merger"):
        return _merged(m, x, False), inner


def _layer(m: Model, x: Tensor, rotation: tuple[Tensor, Tensor]) -> Tensor:
    net, heads, width = m.net, m.c.num_heads, x.shape[-1]
    packed = m.project(m.layer_norm(x, "norm1", 1e-6), 3 * width, "attn.qkv", True)
    q, k, v = net.split(packed, (width,) * 3)
    q, k = m.rotate(q, heads, rotation), m.rotate(k, heads, rotation)
    y = m.attend(q, k, v, heads, heads, past=0, causal=False)
    x = net.add(x, m.project(y, width, "attn.proj", True))
    y = m.project(m.layer_norm(x, "norm2", 1e-6), m.c.intermediate_size, "mlp.linear_fc1", True)
    return net.add(x, m.project(activation(net, m.c.hidden_act, y), width, "mlp.linear_fc2", True))


def _merged(m: Model, x: Tensor, after: bool) -> Tensor:
    """Neighbours side by side, through two layers; the norm is before or ``after`` they are put together."""
    batch, count, width = x.shape
    neighbours = m.c.spatial_merge_size**2
    x = x if after else m.layer_norm(x, "norm", 1e-6)
    x = m.net.reshape(x, (batch, count // neighbours, width * neighbours))
    x = m.layer_norm(x, "norm", 1e-6) if after else x
    y = m.net.gelu(m.project(x, width * neighbours, "linear_fc1", True))
    return m.project(y, m.c.out_hidden_size, "linear_fc2", True)
