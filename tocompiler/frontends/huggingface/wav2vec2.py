"""wav2vec 2.0 (Baevski et al. 2020, arXiv 2006.11477): convolutions over the waveform, then a transformer encoder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tocompiler.frontends.huggingface.blocks import activation
from tocompiler.frontends.huggingface.config import Config
from tocompiler.frontends.huggingface.encoder import attention, feed_forward, labels, pre_norm
from tocompiler.frontends.huggingface.model import Model
from tocompiler.frontends.huggingface.registry import family

if TYPE_CHECKING:
    from tocompiler.network import Network
    from tocompiler.tensors import Tensor

__all__ = ["wav2vec2"]

_DEFAULTS = {
    "hidden_act": "gelu", "layer_norm_eps": 1e-5, "feat_extract_norm": "group", "feat_extract_activation": "gelu",
    "conv_dim": (512,) * 7, "conv_stride": (5, 2, 2, 2, 2, 2, 2), "conv_kernel": (10, 3, 3, 3, 3, 2, 2),
    "conv_bias": False, "num_conv_pos_embeddings": 128, "num_conv_pos_embedding_groups": 16,
    "do_stable_layer_norm": False, "vocab_size": 32, "num_labels": 2, "classifier_proj_size": 256}
_PAIR = ("intermediate_dense", "output_dense")


@family("wav2vec2")
def wav2vec2(net: Network, config: Mapping[str, Any], batch: Any, *, samples: Any = 16000) -> None:
    """An encoder of ``samples`` of sound (16 000 for a second), with a head for letters (CTC) or for classes."""
    c = Config(config, _DEFAULTS)
    head = c.architecture("Wav2Vec2Model", "Wav2Vec2ForCTC", "Wav2Vec2ForSequenceClassification")
    m = Model(net, c)
    with net.scope("wav2vec2"):
        x = _features(m, net.input((batch, 1, samples), m.format, "input_values"))
        with net.scope("feature_projection"):
            x = m.project(m.layer_norm(x, "layer_norm", c.layer_norm_eps), c.hidden_size, "projection", True)
        x = _encoded(m, x)
    if head == "Wav2Vec2ForCTC":
        x = m.project(x, c.vocab_size, "lm_head", True)
    elif head == "Wav2Vec2ForSequenceClassification":
        pooled = net.mean(m.project(x, c.classifier_proj_size, "projector", True), 1)
        x = m.project(pooled, labels(c), "classifier", True)
    net.output(x)


def _features(m: Model, x: Tensor) -> Tensor:
    """Convolutions with a stride; the first, or every one, is normalised."""
    net, c = m.net, m.c
    for i, (width, kernel, stride) in enumerate(zip(c.conv_dim, c.conv_kernel, c.conv_stride, strict=True)):
        with net.scope(f"feature_extractor.conv_layers.{i}"):
            x = net.conv1d(x, width, kernel, stride, bias=bool(c.conv_bias))
            if c.feat_extract_norm == "layer":
                x = net.permute(m.layer_norm(net.permute(x, (0, 2, 1)), "layer_norm"), (0, 2, 1))
            elif i == 0:
                x = net.group_norm(x, width)
            x = activation(net, c.feat_extract_activation, x)
    return net.permute(x, (0, 2, 1))


def _encoded(m: Model, x: Tensor) -> Tensor:
    net, c = m.net, m.c
    with net.scope("encoder"):
        x = net.add(x, _positions(m, x))
        if not c.do_stable_layer_norm:
            x = m.layer_norm(x, "layer_norm", c.layer_norm_eps)
        for i in range(c.num_hidden_layers):
            with net.scope(f"layers.{i}"):
                x = _layer(m, x)
        return m.layer_norm(x, "layer_norm", c.layer_norm_eps) if c.do_stable_layer_norm else x


def _positions(m: Model, x: Tensor) -> Tensor:
    """A grouped convolution over time; its weight is a direction and a length for each place of the kernel, which are
    multiplied once, beforehand. With an even kernel the last result is dropped."""
    net, c = m.net, m.c
    kernel, groups, width = c.num_conv_pos_embeddings, c.num_conv_pos_embedding_groups, c.hidden_size
    with net.scope("pos_conv_embed"):
        direction = m.stored("conv.weight_v", (width, width // groups, kernel))
        weight = net.mul(direction, m.stored("conv.weight_g", (1, 1, kernel)))
        bias = m.stored("conv.bias", (width,))
        rows = net.permute(x, (0, 2, 1))
        y = m.one("Conv", [rows, weight, bias], {"group": groups, "pads": (kernel // 2, kernel // 2),
                                                 "kernel_shape": (kernel,)}, "conv")
        y = net.slice(y, 0, x.shape[1], 2) if kernel % 2 == 0 else y
        return net.permute(activation(net, c.feat_extract_activation, y), (0, 2, 1))


def _layer(m: Model, x: Tensor) -> Tensor:
    net, c = m.net, m.c

    def mixer(y: Tensor) -> Tensor:
        with net.scope("attention"):
            return attention(m, y, c.num_attention_heads)

    def pair(y: Tensor) -> Tensor:
        with net.scope("feed_forward"):
            return feed_forward(m, y, c.intermediate_size, c.hidden_act, _PAIR)

    if c.do_stable_layer_norm:
        return pre_norm(m, x, mixer, pair, c.layer_norm_eps, ("layer_norm", "final_layer_norm"))
    x = m.layer_norm(net.add(x, mixer(x)), "layer_norm", c.layer_norm_eps)
    return m.layer_norm(net.add(x, pair(x)), "final_layer_norm", c.layer_norm_eps)
