"""Configurations: fields by name, each checked where it is used, so that a bad one is a line that names it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from tocompiler import limits
from tocompiler.frontends.huggingface.precision import Precision, precision_of

__all__ = ["Config", "nearest"]

_LARGEST = 2**40
_MOST_EXPERTS = 2**16
"""Sizes and counts of experts beyond these are mistakes, and would be paid for in time."""

_COUNT = re.compile(r"^(num|n|d)_|_(size|sizes|dim|rank|heads|layers|experts|kernel|channels|groups|length|tokens|topk|"
                    r"replace|step|interval|positions|position_embeddings|per_tok|per_token|lora|window|stride|ratio)$|"
                    r"^(depth|dim|hidden_dim|local_attention|inner_group_num)$")
_MAY_BE_NONE_OR_ZERO = frozenset({
    "first_k_dense_replace", "n_shared_experts", "shared_expert_intermediate_size", "type_vocab_size", "n_group",
    "num_labels", "sliding_window", "n_inner", "attention_window_size", "position_biased_input", "num_hidden_groups",
})
_BY_BLOCK = frozenset({"block_out_channels", "attention_head_dim", "num_attention_heads", "cross_attention_dim"})
"""Fields that may give a number for each block."""


class Config(Mapping[str, Any]):
    """A configuration whose missing keys are reported by name, with a family's defaults under it.

    Sizes and counts (fields named so) must be whole and positive. ``precision`` says in which number formats
    the layers are, by the configuration's ``dtype`` and ``quantization_config``.

    >>> Config({"hidden_size": 8}, {"num_heads": 2}).num_heads
    2
    >>> Config({"hidden_size": "8"}).hidden_size
    Traceback (most recent call last):
    ValueError: the configuration of a model has hidden_size '8'; it must be a whole number above 0
    """

    def __init__(self, values: Mapping[str, Any], defaults: Mapping[str, Any] | None = None,
                 precision: Precision | None = None) -> None:
        if isinstance(values, Config):
            precision = values.precision if precision is None else precision
            values = values._values
        self._values: dict[str, Any] = {**(defaults or {}), **{k: v for k, v in values.items() if v is not None}}
        self.precision: Precision = precision_of(self._values) if precision is None else precision

    def __getattr__(self, key: str) -> Any:
        if key.startswith("_"):
            raise AttributeError(key)
        try:
            return self[key]
        except KeyError:
            raise ValueError(f"{self._whose} lacks '{key}'") from None

    def __getitem__(self, key: str) -> Any:
        value = self._values[key]
        if _COUNT.search(key) and not (key.endswith("_layers") and isinstance(value, (list, tuple))):
            listed = (key.startswith("conv_") or key in _BY_BLOCK) and isinstance(value, (list, tuple)) and value
            for each in value if listed else (value,):
                self._check(key, each)
        return value

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    @property
    def _whose(self) -> str:
        return f"the configuration of a {self._values.get('model_type', 'model')}"

    def _check(self, key: str, value: Any) -> None:
        if not isinstance(value, int) or isinstance(value, bool) or value < (key not in _MAY_BE_NONE_OR_ZERO):
            raise ValueError(f"{self._whose} has {key} {value!r}; it must be a whole number above 0")
        if key.endswith(("layers", "n_layer", "depth")):
            limits.check("layers", value, f"{self._whose}, {key} {value}")
        if value > (_MOST_EXPERTS if "expert" in key and "size" not in key else _LARGEST):
            raise ValueError(f"{self._whose} has {key} {value}, more than any model has")

    def divide(self, key: str, by: str) -> int:
        """One field over another; ValueError naming both where it leaves a rest."""
        whole, parts = getattr(self, key), getattr(self, by)
        if whole % parts:
            raise ValueError(f"{self._whose} has {key} {whole}, which {by} {parts} does not divide")
        return int(whole // parts)

    def nested(self, key: str, defaults: Mapping[str, Any] | None = None) -> Config:
        """The configuration of a part (``text_config``, ``vision_config``), in the formats of the whole."""
        part = self.get(key)
        if not isinstance(part, Mapping):
            raise ValueError(f"{self._whose} lacks '{key}'")
        return Config(part, defaults, self.precision)

    def architecture(self, *known: str) -> str:
        """Which of the classes that a family knows is asked for: the first one where the configuration names none."""
        named = (self.get("architectures") or [known[0]])[0]
        if named not in known:
            raise ValueError(f"architecture {named} is not modelled; there are {', '.join(known)} "
                             f"(set \"architectures\" in the configuration)")
        return str(named)


def nearest(name: object, known: list[str]) -> str:
    """``; the nearest is 'x'`` for the known name most like this one, or nothing where none is like it."""
    found = get_close_matches(str(name), known, n=1, cutoff=0.5)
    return f"; the nearest is '{found[0]}'" if found else ""
