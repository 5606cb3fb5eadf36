"""CLIP (Radford et al. 2021) and SigLIP (Zhai et al. 2023): a tower for text and one for images, and their scores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tocompiler.frontends.huggingface.blocks import tokens
from tocompiler.frontends.huggingface.config import Config
from tocompiler.frontends.huggingface.encoder import attention, feed_forward, patches, positions, pre_norm
from tocompiler.frontends.huggingface.model import Model
from tocompiler.frontends.huggingface.registry import family

if TYPE_CHECKING:
    from tocompiler.network import Network
    from tocompiler.tensors import Tensor

__all__ = ["clip"]

_CLIP = {"hidden_act": "quick_gelu", "layer_norm_eps": 1e-5, "projection_dim": 512, "num_channels": 3}
_SIGLIP = {"hidden_act": "gelu_pytorch_tanh", "layer_norm_eps": 1e-6, "num_channels": 3}
_TEXT = {"vocab_size": 49408, "hidden_size": 512, "intermediate_size": 2048, "num_hidden_layers": 12,
         "num_attention_heads": 8, "max_position_embeddings": 77}
_VISION = {"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12,
           "image_size": 224, "patch_size": 32}
_SIGLIP_TEXT = {"vocab_size": 32000, "hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12,
                "num_attention_heads": 12, "max_position_embeddings": 64}


@family("clip", "siglip")
def clip(net: Network, config: Mapping[str, Any], batch: Any, *, sequence: Any = None, texts: Any = None) -> None:
    """Both towers over ``batch`` images and ``texts`` (as many unless stated) of ``sequence`` tokens, and the scores of
    every pair. A part's configuration has nothing for ones that are as published: the defaults are the base model's."""
    c = Config(config, {"projection_dim": 512})
    kind = c.model_type
    c.architecture("CLIPModel" if kind == "clip" else "SiglipModel")
    parts = {part: Config({"model_type": kind, **(config.get(f"{part}_config") or {})}, defaults, c.precision)
             for part, defaults in (("text", {**(_SIGLIP | _SIGLIP_TEXT if kind == "siglip" else _CLIP | _TEXT)}),
                                    ("vision", {**(_SIGLIP if kind == "siglip" else _CLIP), **_VISION,
                                                **({"patch_size": 16} if kind == "siglip" else {})}))}
    text, vision = (Model(net, parts[part]) for part in ("text", "vision"))
    with net.scope("text_model"):
        words = _text(text, tokens(net, batch if texts is None else texts,
                                   sequence or parts["text"].max_position_embeddings))
    with net.scope("vision_model"):
        images = _vision(vision, batch)
    if kind == "clip":
        words = text.project(words, c.projection_dim, "text_projection")
        images = vision.project(images, c.projection_dim, "visual_projection")
    words, images = (text.one("LpNormalization", [t], {"axis": -1, "p": 2}, "norm") for t in (words, images))
    scores = net.matmul(words, net.transpose(images, 0, 1))
    scores = net.mul(scores, text.one("Exp", [text.stored("logit_scale", () if kind == "clip" else (1,))]))
    net.output(net.add(scores, text.stored("logit_bias", (1,))) if kind == "siglip" else scores)


def _layers(m: Model, x: Tensor, causal: bool) -> Tensor:
    c = m.c

    def mixer(y: Tensor) -> Tensor:
        with m.net.scope("self_attn"):
            return attention(m, y, c.num_attention_heads, causal=causal)

    def pair(y: Tensor) -> Tensor:
        with m.net.scope("mlp"):
            return feed_forward(m, y, c.intermediate_size, c.hidden_act)

    for i in range(c.num_hidden_layers):
        with m.net.scope(f"encoder.layers.{i}"):
            x = pre_norm(m, x, mixer, pair, c.layer_norm_eps)
    return x


def _text(m: Model, ids: Tensor) -> Tensor:
    """CLIP's text is causal and read at its end; SigLIP's sees all of itself, and its last token has a layer more."""
    c, net, length = m.c, m.net, ids.shape[1]
    with net.scope("embeddings"):
        x = m.embed(ids, m.stored("token_embedding.weight", (c.vocab_size, c.hidden_size)), "token_embedding")
        places = m.stored("position_embedding.weight", (c.max_position_embeddings, c.hidden_size))
        x = net.add(x, positions(m, length, places, "position_embedding"))
    x = m.layer_norm(_layers(m, x, c.model_type != "siglip"), "final_layer_norm", c.layer_norm_eps)
    last = net.select(x, 1, length - 1 if isinstance(length, int) else 0)
    if c.model_type != "siglip":
        return last
    return m.project(last, c.get("projection_size") or c.hidden_size, "head", True)


def _vision(m: Model, batch: Any) -> Tensor:
    """CLIP has a class token; SigLIP pools by attending with one learned query."""
    c, net = m.c, m.net
    clip_like = c.model_type != "siglip"
    with net.scope("embeddings"):
        pixels = net.input((batch, c.num_channels, c.image_size, c.image_size), m.format, "pixel_values")
        x = patches(m, pixels, c.hidden_size, c.patch_size, "patch_embedding", not clip_like)
        if clip_like:
            first = net.expand(m.stored("class_embedding", (c.hidden_size,)), (batch, 1, c.hidden_size))
            x = net.concat([first, x], 1)
        places = m.stored("position_embedding.weight", (x.shape[1], c.hidden_size))
        x = net.add(x, positions(m, x.shape[1], places, "position_embedding"))
    if not clip_like:
        return _pooled(m, m.layer_norm(_layers(m, x, False), "post_layernorm", c.layer_norm_eps))
    x = _layers(m, m.layer_norm(x, "pre_layrnorm", c.layer_norm_eps), False)
    return m.layer_norm(net.select(x, 1, 0), "post_layernorm", c.layer_norm_eps)


def _pooled(m: Model, x: Tensor) -> Tensor:
    c, net = m.c, m.net
    with net.scope("head"):
        probe = net.expand(m.stored("probe", (1, 1, c.hidden_size)), (x.shape[0], 1, c.hidden_size))
        with net.scope("attention"):
            y = attention(m, probe, c.num_attention_heads, source=x)
        z = m.layer_norm(y, "layernorm", c.layer_norm_eps)
        with net.scope("mlp"):
            z = feed_forward(m, z, c.intermediate_size, c.hidden_act)
        return net.select(net.add(y, z), 1, 0)
