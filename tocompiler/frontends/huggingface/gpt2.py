"""GPT-2 (Radford et al. 2019)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tocompiler.frontends.huggingface.blocks import activation, attend_cached, tokens
from tocompiler.frontends.huggingface.config import Config
from tocompiler.frontends.huggingface.registry import family

if TYPE_CHECKING:
    from tocompiler.network import Network
    from tocompiler.tensors import Tensor

__all__ = ["gpt2"]

_DEFAULTS = {"activation_function": "gelu_new", "layer_norm_epsilon": 1e-5}


@family("gpt2")
def gpt2(net: Network, config: Mapping[str, Any], batch: Any, *, sequence: Any = 128, past: Any = 0,
         logits: str = "all") -> None:
    """A pre-norm decoder with learned positions and an output layer tied to its embeddings."""
    c = Config(config, _DEFAULTS)
    head = c.architecture("GPT2LMHeadModel", "GPT2Model")
    table = net.stored((c.vocab_size, c.n_embd), name="wte")
    words = net.embedding(tokens(net, batch, sequence), c.vocab_size, c.n_embd, table)
    positions = net.stored((1, sequence), "int64", "position_ids", "buffer")
    x = net.add(words, net.embedding(positions, c.n_positions, c.n_embd))
    for i in range(c.n_layer):
        with net.scope(f"h.{i}"):
            x = net.add(_attention(net, c, net.layer_norm(x, eps=c.layer_norm_epsilon), past), x)
            y = net.layer_norm(x, eps=c.layer_norm_epsilon)
            y = activation(net, c.activation_function, _project(net, y, c.get("n_inner") or 4 * c.n_embd))
            x = net.add(x, _project(net, y, c.n_embd))
    x = net.layer_norm(x, eps=c.layer_norm_epsilon)
    if head == "GPT2Model":
        net.output(x)
        return
    x = x if logits == "all" else net.slice(x, sequence - 1, sequence, 1)
    tied = config.get("tie_word_embeddings", True)
    net.output(net.linear(x, c.vocab_size, bias=False, weight=table if tied else None))


def _attention(net: Network, c: Config, x: Tensor, past: Any) -> Tensor:
    with net.scope("attn"):
        query, key, value = (net.split_heads(t, c.n_head)
                             for t in net.split(_project(net, x, 3 * c.n_embd), (c.n_embd,) * 3))
        # A single new token sees all that came before it: nothing is masked.
        y = (net.scaled_dot_product_attention(query, key, value, is_causal=x.shape[1] != 1)
             if isinstance(past, int) and past == 0 else attend_cached(net, query, key, value, past))
        return _project(net, net.merge_heads(y), c.n_embd)


def _project(net: Network, x: Tensor, width: int) -> Tensor:
    """A linear layer that merges batch and sequence, as GPT-2's own code does: a Gemm, whose bias starts the sum."""
    batch, sequence, features = x.shape
    return net.reshape(net.linear(net.reshape(x, (-1, features)), width), (batch, sequence, width))
