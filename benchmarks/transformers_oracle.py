"""Parameters and multiply-accumulates of transformers' own modules, on the meta device: the oracle of configurations.

torch's flop counter sees matrix products and attention. It does not see a recurrence that is written element by
element, and sees more than a model must do where transformers runs every expert on every token or a convolution past
the ends; those parts are replaced here by their formula. Needs torch and transformers.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

__all__ = ["Counts", "count", "module", "without_torchvision"]


@dataclass(frozen=True)
class Counts:
    """Parameters, tied ones once, and multiply-accumulates of one pass."""

    parameters: int
    multiply_accumulates: int


def without_torchvision() -> Any:
    """transformers, told that there is no torchvision: only image processors need it, and a wheel of it that was made
    for another build of torch does not import."""
    import transformers.utils
    from transformers.utils import import_utils

    for place in (import_utils, transformers.utils):
        vars(place)["is_torchvision_available"] = lambda: False
    return transformers


def module(config: Mapping[str, Any], name: str | None = None, device: str = "meta") -> Any:
    """The module that a configuration asks for (``name``: another class). On the CPU, for modules that look into
    numbers, attention is taken apart: torch's counter does not see the fused one there."""
    import torch

    transformers = without_torchvision()
    plain = {k: v for k, v in config.items() if k != "quantization_config"}
    made = transformers.CONFIG_MAPPING[config["model_type"]].from_dict(plain)
    for part in (made, *(getattr(made, p) for p in ("text_config",) if hasattr(made, p))):
        part._experts_implementation = "batched_mm"  # a product with its own expert's matrix for each routed row
    if device != "meta":
        made._attn_implementation = "eager"
    with torch.device(device):
        return getattr(transformers, name or config["architectures"][0])(made).eval()


_TOWERS = ("visual", "vision_model", "vision_tower", "multi_modal_projector")
"""Modules that read images."""


def count(config: Mapping[str, Any], sequence: int = 16, past: int = 0, name: str | None = None,
          batch: int = 1, inputs: Mapping[str, Any] | None = None, device: str = "meta") -> Counts:
    """What the module has and does for ``sequence`` tokens behind ``past`` cached ones; without its image tower, which
    reads nothing here, unless the ``inputs`` are given."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    made = module(config, name, device)
    text = getattr(made.config, "text_config", made.config)
    state = _State(text)
    ids = torch.zeros(batch, sequence, dtype=torch.long, device=device)
    given: dict[str, Any] = dict(inputs) if inputs is not None else {"input_ids": ids}
    with torch.no_grad(), _countable(state):
        if past:
            before = made(input_ids=torch.zeros(batch, past, dtype=torch.long, device=device), use_cache=True)
            key = "cache_params" if hasattr(before, "cache_params") else "past_key_values"
            given[key] = getattr(before, key)
            state.reset()
        with FlopCounterMode(display=False) as counter:
            made(**given)
    macs = counter.get_total_flops() // 2 + state.added + (_absorbed(text, batch, past) if past else 0)
    read = [p for n, p in made.named_parameters() if inputs is not None or not set(n.split(".")) & set(_TOWERS)]
    return Counts(sum(p.numel() for p in read), int(macs))


def _absorbed(text: Any, batch: int, past: int) -> int:
    """Latent attention: transformers unfolds every cached vector at each step, where the absorbed form (arXiv
    2405.04434, appendix C) attends the latent vectors: longer scores and values in exchange."""
    if not hasattr(text, "kv_lora_rank"):
        return 0
    heads, rank = text.num_attention_heads, text.kv_lora_rank
    unfolded = past * rank * (text.qk_nope_head_dim + text.v_head_dim)
    longer = (past + 1) * (2 * rank - text.qk_nope_head_dim - text.v_head_dim)
    return int(batch * text.num_hidden_layers * heads * (longer - unfolded))


class _State:
    """Products of the parts that stand-ins replace."""

    def __init__(self, config: Any) -> None:
        self.config, self.added = config, 0

    def reset(self) -> None:
        self.added = 0

    def convolution(self, x: Any, weight: Any, *_: Any, **__: Any) -> Any:
        """A causal convolution of (batch, channels, length): ``width`` products for each element."""
        self.added += x.numel() * weight.shape[-1]
        return x

    def delta_rule(self, query: Any, key: Any, value: Any, **_: Any) -> tuple[Any, Any]:
        """The state (key width by value width for each value head) is read for the prediction, written and read."""
        batch, length, heads, width = value.shape
        self.added += 3 * batch * length * heads * width * query.shape[-1]
        return value, value.new_zeros(batch, heads, query.shape[-1], width)

    def scan(self, x: Any, dt: Any, a: Any, b: Any, c: Any, **kwargs: Any) -> Any:
        """Mamba-2: the state (width by states for each head) is written and read by each token."""
        batch, length, heads, width = x.shape
        self.added += 2 * batch * length * heads * width * b.shape[-1]
        return (x, x.new_zeros(batch, heads, width, b.shape[-1])) if kwargs.get("return_final_states") else x

    def step(self, state: Any, x: Any, *_: Any, **__: Any) -> Any:
        self.added += 2 * state.numel()
        return x

    def llama4(self, block: Any, hidden: Any) -> Any:
        """Llama 4: transformers runs every expert on every token; each token needs those it chose."""
        flat = hidden.reshape(-1, block.hidden_dim)
        logits = block.router.weight @ flat.T
        experts = block.experts
        self.added += flat.shape[0] * block.top_k * 3 * experts.hidden_size * experts.expert_dim
        return block.shared_expert(flat), logits


_MIXERS = {"qwen3_5": "qwen3_5", "qwen3_5_moe": "qwen3_5_moe", "qwen3_next": "qwen3_next", "nemotron_h": "nemotron_h",
           "mamba2": "mamba2"}


@contextmanager
def _countable(state: _State) -> Iterator[None]:
    """With the stand-ins in place, and without the look at position numbers that the meta device cannot give."""
    replaced = {"causal_conv1d_fn": state.convolution, "causal_conv1d_update": _updated(state),
                "torch_chunk_gated_delta_rule": state.delta_rule, "torch_recurrent_gated_delta_rule": state.delta_rule,
                "mamba2_chunk_scan": state.scan, "mamba2_selective_state_update": state.step}
    with ExitStack() as stack:
        masking = sys.modules["transformers.masking_utils"]
        if hasattr(masking, "find_packed_sequence_indices"):
            stack.enter_context(patch.object(masking, "find_packed_sequence_indices", lambda *_: None))
        for kind in _MIXERS:
            home = sys.modules.get(f"transformers.models.{kind}.modeling_{kind}")
            for name, stand_in in replaced.items():
                if home is not None and hasattr(home, name):
                    stack.enter_context(patch.object(home, name, stand_in))
        llama4 = sys.modules.get("transformers.models.llama4.modeling_llama4")
        if llama4 is not None:
            stack.enter_context(patch.object(llama4.Llama4TextMoe, "forward", lambda self, x: state.llama4(self, x)))
        yield


def _updated(state: _State) -> Any:
    def update(x: Any, conv_state: Any, weight: Any, *_: Any, **__: Any) -> Any:
        return state.convolution(x, weight)

    return update
