"""BERT-base and GPT-2, by their published configurations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tocompiler.zoo import architecture

if TYPE_CHECKING:
    from tocompiler.network import Network

__all__ = ["bert_base", "gpt2"]

_BERT_BASE = {
    "model_type": "bert", "architectures": ["BertModel"], "vocab_size": 30522, "hidden_size": 768,
    "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072, "hidden_act": "gelu",
    "max_position_embeddings": 512, "type_vocab_size": 2, "layer_norm_eps": 1e-12,
}
_GPT2 = {
    "model_type": "gpt2", "architectures": ["GPT2LMHeadModel"], "vocab_size": 50257, "n_positions": 1024,
    "n_embd": 768, "n_layer": 12, "n_head": 12, "activation_function": "gelu_new", "layer_norm_epsilon": 1e-5,
}


@architecture("bert_base")
def bert_base(net: Network, batch: Any, *, sequence: Any = 128) -> None:
    """BERT-base, uncased, with its pooler (Devlin et al. 2018)."""
    from tocompiler.frontends.huggingface.bert import bert

    bert(net, _BERT_BASE, batch, sequence=sequence)


@architecture("gpt2")
def gpt2(net: Network, batch: Any, *, sequence: Any = 128) -> None:
    """The 124-million-parameter GPT-2 with its output layer (Radford et al. 2019)."""
    from tocompiler.frontends.huggingface.gpt2 import gpt2 as build

    build(net, _GPT2, batch, sequence=sequence)
