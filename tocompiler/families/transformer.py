"""Published transformers phase by phase: encode, prefill, decoder prefill, or one decode step with its caches.

Executed as Hugging Face transformers does on PyTorch: the LM head sees the last token only,
the caches are concatenated at every step.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tocompiler.network import Network
from tocompiler.tensors import Tensor

__all__ = ["MODELS", "Transformer", "build"]


@dataclass(frozen=True)
class Transformer:
    """Layers of the encoder and the decoder, and their widths."""

    encoder: int
    decoder: int
    width: int
    heads: int
    feed_forward: int
    vocabulary: int
    style: str


def _gpt2(layers: int, width: int, heads: int) -> Transformer:
    return Transformer(0, layers, width, heads, 4 * width, 50257, "gpt2")


def _encoder(layers: int, width: int, heads: int, vocabulary: int = 30522, style: str = "bert") -> Transformer:
    return Transformer(layers, 0, width, heads, 4 * width, vocabulary, style)


MODELS: Mapping[str, Transformer] = {
    "distilgpt2": _gpt2(6, 768, 12), "gpt-2": _gpt2(12, 768, 12), "gpt-2-medium": _gpt2(24, 1024, 16),
    "gpt-2-large": _gpt2(36, 1280, 20), "gpt-2-xl": _gpt2(48, 1600, 25),
    "distilbert": _encoder(6, 768, 12), "bert-base": _encoder(12, 768, 12), "bert-large": _encoder(24, 1024, 16),
    "vit-b-16": _encoder(12, 768, 12, 0, "vit"), "vit-l-16": _encoder(24, 1024, 16, 0, "vit"),
    "t5-small": Transformer(6, 6, 512, 8, 2048, 32128, "t5"),
    "t5-base": Transformer(12, 12, 768, 12, 3072, 32128, "t5"),
    "bart-base": Transformer(6, 6, 768, 12, 3072, 50265, "bart"),
    "bart-large": Transformer(12, 12, 1024, 16, 4096, 50265, "bart"),
}
"""Shapes of the published configurations (Hugging Face config.json of each)."""


def build(options: Mapping[str, str], batch: int = 1) -> Network:
    """``name`` of MODELS, ``phase`` encode, prefill or decode, ``length`` tokens (encode, prefill) or cached tokens
    (decode), ``source`` tokens that an encoder gave. Batch 1 only."""
    name, phase = options.get("name", ""), options.get("phase", "prefill")
    if name not in MODELS or batch != 1:
        raise ValueError(f"unknown transformer '{name}' or batch {batch}: batch 1 of {', '.join(MODELS)}")
    net = Network(f"{name}_{phase}")
    model = MODELS[name]
    length = int(options.get("length", "1"))
    stack = _Stack(net, model)
    if phase == "encode":
        net.output(stack.encode(197 if model.style == "vit" else length))
    elif phase == "prefill":
        net.output(stack.decode(length, 0, int(options.get("source", "0"))))
    elif phase == "decode":
        net.output(stack.decode(1, length, int(options.get("source", "0"))))
    else:
        raise ValueError(f"unknown phase '{phase}'; use encode, prefill or decode")
    return net


@dataclass(frozen=True)
class _Stack:
    net: Network
    model: Transformer

    @property
    def bias(self) -> bool:
        return self.model.style != "t5"

    def encode(self, tokens: int) -> Tensor:
        x = self._patches() if self.model.style == "vit" else self._embed(tokens)
        for _ in range(self.model.encoder):
            x = self._feed_forward(self._self_attention(x, 0, causal=False))
        return self._norm(x)

    def decode(self, tokens: int, cached: int, source: int) -> Tensor:
        x = self._embed(tokens)
        for _ in range(self.model.decoder):
            x = self._self_attention(x, cached, causal=tokens > 1)
            if source:
                x = self._cross_attention(x, source, cached > 0)
            x = self._feed_forward(x)
        last = self.net.slice(self._norm(x), tokens - 1, tokens, 0)
        return self.net.linear(last, self.model.vocabulary, bias=False)

    def _embed(self, tokens: int) -> Tensor:
        indices = self.net.input((tokens,), "int64")
        x = self.net.embedding(indices, self.model.vocabulary, self.model.width)
        if self.model.style == "t5":
            return x
        x = self.net.add(x, self.net.embedding(indices, 1024, self.model.width))
        return self._norm(x) if self.model.style in ("bert", "bart") else x

    def _patches(self) -> Tensor:
        x = self.net.conv2d(self.net.input((1, 3, 224, 224)), self.model.width, 16, stride=16)
        x = self.net.permute(self.net.reshape(x, (self.model.width, 196)), (1, 0))
        x = self.net.concat([self.net.stored((1, self.model.width), name="class_token"), x], axis=0)
        return self.net.add(x, self.net.stored((197, self.model.width), name="positions"))

    def _norm(self, x: Tensor) -> Tensor:
        return self.net.rms_norm(x) if self.model.style == "t5" else self.net.layer_norm(x)

    def _self_attention(self, x: Tensor, cached: int, causal: bool) -> Tensor:
        net, width = self.net, self.model.width
        y = self._norm(x)
        if self.model.style == "gpt2":
            q, k, v = net.split(net.linear(y, 3 * width), (width, width, width))
        else:
            q, k, v = (net.linear(y, width, bias=self.bias) for _ in range(3))
        k, v = self._heads(k), self._heads(v)
        if cached:
            k, v = (net.concat([self._cache(cached), t], axis=2) for t in (k, v))
        return net.add(x, net.linear(self._attend(self._heads(q), k, v, causal), width, bias=self.bias))

    def _cross_attention(self, x: Tensor, source: int, cached: bool) -> Tensor:
        """Keys and values of the source are projected once and then kept."""
        net, width = self.net, self.model.width
        q = net.linear(self._norm(x), width, bias=self.bias)
        if cached:
            k, v = self._cache(source), self._cache(source)
        else:
            memory = net.input((source, width))
            k, v = (self._heads(net.linear(memory, width, bias=self.bias)) for _ in range(2))
        return net.add(x, net.linear(self._attend(self._heads(q), k, v), width, bias=self.bias))

    def _cache(self, tokens: int) -> Tensor:
        """Keys or values kept from earlier steps."""
        return self.net.input((1, self.model.heads, tokens, self.model.width // self.model.heads))

    def _heads(self, t: Tensor) -> Tensor:
        """(tokens, width) to (1, heads, tokens, width of a head)."""
        heads = self.model.heads
        return self.net.permute(self.net.reshape(t, (1, t.shape[0], heads, t.shape[1] // heads)), (0, 2, 1, 3))

    def _attend(self, q: Tensor, k: Tensor, v: Tensor, causal: bool = False) -> Tensor:
        net = self.net
        y = net.emit("Attention", [q, k, v], {"is_causal": int(causal)}, name="attention", outputs=1)[0]
        return net.reshape(net.permute(y, (0, 2, 1, 3)), (y.shape[2], self.model.width))

    def _feed_forward(self, x: Tensor) -> Tensor:
        y = self.net.linear(self._norm(x), self.model.feed_forward, bias=self.bias)
        return self.net.add(x, self.net.linear(self._activation(y), self.model.width, bias=self.bias))

    def _activation(self, x: Tensor) -> Tensor:
        net = self.net
        if self.model.style == "t5":
            return net.relu(x)
        if self.model.style != "gpt2":
            return net.gelu(x)
        # 0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))), one operator for each of its eight kernels
        cubed = net.mul(net.emit("Pow", [x, net.constant(3.0, x.format)], outputs=1)[0], 0.044715)
        inner = net.tanh(net.mul(net.add(x, cubed), 0.7978845608))
        return net.mul(net.mul(x, 0.5), net.add(inner, 1.0))
