"""Whisper (Radford et al. 2022)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tocompiler.frontends.huggingface.blocks import activation, feed_forward, tokens
from tocompiler.frontends.huggingface.config import Config
from tocompiler.frontends.huggingface.registry import family

if TYPE_CHECKING:
    from tocompiler.network import Network
    from tocompiler.tensors import Tensor

__all__ = ["whisper"]

_DEFAULTS = {"activation_function": "gelu", "num_mel_bins": 80, "max_source_positions": 1500,
             "max_target_positions": 448}


@family("whisper")
def whisper(net: Network, config: Mapping[str, Any], batch: Any, *, sequence: Any = 128) -> None:
    """Spectrogram of 30 s to an encoder behind two convolutions; a decoder of ``sequence`` tokens attends to it."""
    c = Config(config, _DEFAULTS)
    head = c.architecture("WhisperForConditionalGeneration", "WhisperModel")
    with net.scope("encoder"):
        source = _encode(net, c, net.input((batch, c.num_mel_bins, 2 * c.max_source_positions), name="input_features"))
    with net.scope("decoder"):
        table = net.stored((c.vocab_size, c.d_model), name="embed_tokens")
        positions = net.stored((c.max_target_positions, c.d_model), name="embed_positions")
        x = net.embedding(tokens(net, batch, sequence, "decoder_input_ids"), c.vocab_size, c.d_model, table)
        x = net.add(x, net.slice(positions, 0, sequence, 0))
        for i in range(c.decoder_layers):
            with net.scope(f"layers.{i}"):
                x = net.add(x, _attention(net, net.layer_norm(x), c.decoder_attention_heads, causal=True))
                x = net.add(x, _attention(net, net.layer_norm(x), c.decoder_attention_heads, source))
                x = net.add(x, feed_forward(net, net.layer_norm(x), c.decoder_ffn_dim, c.activation_function))
        x = net.layer_norm(x)
    if head == "WhisperForConditionalGeneration":
        x = net.linear(x, c.vocab_size, bias=False, weight=table)
    net.output(x)


def _encode(net: Network, c: Config, features: Tensor) -> Tensor:
    x = activation(net, c.activation_function, net.conv1d(features, c.d_model, 3, padding=1))
    x = activation(net, c.activation_function, net.conv1d(x, c.d_model, 3, stride=2, padding=1))
    x = net.permute(x, (0, 2, 1))
    # Sinusoids, kept as a parameter that is not trained; transformers counts it among the parameters.
    x = net.add(x, net.stored((c.max_source_positions, c.d_model), name="embed_positions"))
    for i in range(c.encoder_layers):
        with net.scope(f"layers.{i}"):
            x = net.add(x, _attention(net, net.layer_norm(x), c.encoder_attention_heads))
            x = net.add(x, feed_forward(net, net.layer_norm(x), c.encoder_ffn_dim, c.activation_function))
    return net.layer_norm(x)


def _attention(net: Network, x: Tensor, count: int, source: Tensor | None = None, causal: bool = False) -> Tensor:
    """Keys alone have no bias; the scale is applied to the queries."""
    with net.scope("self_attn" if source is None else "encoder_attn"):
        width = x.shape[-1]
        source = x if source is None else source
        query = net.split_heads(net.mul(net.linear(x, width), (width // count) ** -0.5), count)
        key = net.split_heads(net.linear(source, width, bias=False), count)
        value = net.split_heads(net.linear(source, width), count)
        y = net.scaled_dot_product_attention(query, key, value, is_causal=causal, scale=1.0)
        return net.linear(net.merge_heads(y), width)
