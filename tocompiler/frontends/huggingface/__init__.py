"""Hugging Face configurations to Networks, without weights and without transformers: one file per family.

A config.json says enough for the families here; the network has the operators that transformers' own classes run
with scaled-dot-product attention. ``architectures`` picks the head (``BertForMaskedLM``); a family has a default.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from tocompiler.network import Network

__all__ = ["Config", "family", "from_config", "load", "model_types"]

_Function: TypeAlias = "Callable[..., None]"
_FAMILIES: dict[str, _Function] = {}


class Config(Mapping[str, Any]):
    """A configuration whose missing keys are reported by name, with a family's defaults under it.

    >>> Config({"hidden_size": 8}, {"num_heads": 2}).num_heads
    2
    """

    def __init__(self, values: Mapping[str, Any], defaults: Mapping[str, Any] | None = None) -> None:
        self._values = {**(defaults or {}), **{k: v for k, v in values.items() if v is not None}}

    def __getattr__(self, key: str) -> Any:
        try:
            return self._values[key]
        except KeyError:
            kind = self._values.get("model_type", "model")
            raise ValueError(f"the configuration of a {kind} lacks '{key}'") from None

    def __getitem__(self, key: str) -> Any:
        return self._values[key]

    def __iter__(self) -> Any:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def architecture(self, *known: str) -> str:
        """Which of the classes that a family knows is asked for: the first one where the configuration names none."""
        named = (self.get("architectures") or [known[0]])[0]
        if named not in known:
            raise ValueError(f"architecture {named} is not modelled; there are {', '.join(known)} "
                             f"(set \"architectures\" in the configuration)")
        return str(named)


def family(*model_types: str) -> Callable[[_Function], _Function]:
    """Decorator: file a function under model types. It is called with a Network, the Config and the batch size;
    its keyword-only arguments are the options of ``from_config``."""

    def file(function: _Function) -> _Function:
        for name in model_types:
            if name in _FAMILIES:
                raise KeyError(f"model type {name} is registered twice")
            _FAMILIES[name] = function
        return function

    return file


@cache
def _load_families() -> None:
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")


def model_types() -> list[str]:
    """Every ``model_type`` that is modelled, sorted."""
    _load_families()
    return sorted(_FAMILIES)


def from_config(config: Mapping[str, Any], batch: Any = 1, name: str | None = None, symbolic: bool = False,
                **options: Any) -> Network:
    """The network of a configuration (the dictionary of its config.json).

    Options: ``sequence`` (tokens), and for decoders ``past`` (tokens whose keys and values are cached) and ``logits``
    ("all" positions or "last"). ``symbolic`` makes lengths that are not given symbols. ValueError where the model
    type, the head, an option or a key is unknown.
    """
    from tocompiler.layers.base import open_lengths
    from tocompiler.network import Network

    _load_families()
    kind = config.get("model_type")
    if kind not in _FAMILIES:
        raise ValueError(f"model type {kind!r} is not modelled from its configuration; there are "
                         f"{', '.join(model_types())}; export others to ONNX or pass the torch module")
    function = _FAMILIES[kind]
    known = function.__kwdefaults__ or {}
    unknown = sorted(options.keys() - known.keys())
    if unknown:
        raise ValueError(f"a {kind} has no option {', '.join(unknown)}; it has {', '.join(sorted(known))}")
    if symbolic:
        options = open_lengths(known) | options
    net = Network(name or kind)
    function(net, config, batch, **options)
    return net


def load(path: str | Path, batch: Any = 1, symbolic: bool = False, **options: Any) -> Network:
    """The network of a config.json, or of a folder that holds one; ValueError naming the file if it is unusable."""
    file = Path(str(path).removeprefix("hf:"))
    if file.is_dir():
        file = file / "config.json"
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"{file}: cannot be read ({error.strerror})") from None
    except ValueError:
        raise ValueError(f"{file}: is not JSON; give a Hugging Face config.json") from None
    if not isinstance(config, dict):
        raise ValueError(f"{file}: is not a configuration (a JSON object)")
    try:
        return from_config(config, batch, file.parent.name or None, symbolic, **options)
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from None
