"""Models of a sweep: the network of one configuration, or of many whose numbers are lanes."""

from __future__ import annotations

import os
import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tocompiler.network import Network

__all__ = ["Model", "model_of"]

_ALIASES = {"resolution": "image_size"}


@dataclass(frozen=True)
class Model:
    """What ``network`` builds from, as ``tocompiler.sweep`` takes it: a text whose ``{names}`` are filled in (a zoo
    name, a path), a configuration's dictionary, a Network with symbols, or a function of the values."""

    source: Any
    _opened: dict[str, Any] = field(default_factory=dict, compare=False)

    def names(self) -> set[str]:
        """Names that the text itself has: which model it is."""
        if not isinstance(self.source, str):
            return set()
        return {name for _, name, _, _ in string.Formatter().parse(self.source) if name}

    def network(self, values: Mapping[str, Any]) -> Network:
        """The network at these values; ValueError where there is none."""
        rest = dict(values)
        source = self.source
        if isinstance(source, str):
            source = source.format(**{name: rest.pop(name) for name in self.names()})
        if "model" in rest:
            source = rest.pop("model")
        if isinstance(source, os.PathLike):
            source = os.fspath(source)
        if isinstance(source, Network):
            return self._bound(source.name, lambda: source, rest)
        if isinstance(source, Mapping):
            return _configured(source, rest)
        if callable(source):
            return _built(source, rest)
        if source.startswith("hf:") or source.endswith(".json"):
            return _configured(self._configuration(source), rest)
        from tocompiler.loading import load

        if Path(source).is_file():
            return self._bound(source, lambda: load(source, symbolic=True), rest)
        batch = rest.pop("batch", None)
        return load(source, batch=batch, dims={_ALIASES.get(k, k): v for k, v in rest.items()})

    def _configuration(self, source: str) -> Mapping[str, Any]:
        if source not in self._opened:
            from tocompiler.frontends.huggingface import read_config

            self._opened[source] = read_config(source.removeprefix("hf:"))
        config: Mapping[str, Any] = self._opened[source]
        return config

    def _bound(self, name: str, read: Callable[[], Network], values: Mapping[str, Any]) -> Network:
        """A network with symbols at these values: read once."""
        if name not in self._opened:
            from tocompiler.serving.binding import Binder

            network = read()
            found = {str(s): s for t in _tensors(network) for d in t.shape for s in getattr(d, "free_symbols", ())}
            first = next((t.shape[0] for t in network.inputs if t.shape), None)
            batch = str(first) if str(first) in found else None
            self._opened[name] = (Binder(network, found), batch) if found else (network, None)
        binder, batch = self._opened[name]
        given = {batch if k == "batch" and batch else k: v for k, v in values.items()}
        if isinstance(binder, Network):
            if given:
                raise ValueError(f"{name} has no free dimension {', '.join(sorted(given))}")
            return binder
        unknown = sorted(given.keys() - binder.names)
        if unknown:
            raise ValueError(f"{name} has no free dimension {', '.join(unknown)}; it has {', '.join(binder.names)}")
        made: Network = binder.bind(**given)
        return made


def _tensors(network: Network) -> list[Any]:
    return [*network.inputs, *(t for op in network.operators for t in op.outputs)]


def _configured(config: Mapping[str, Any], values: Mapping[str, Any]) -> Network:
    """The network of a configuration: a value whose name it has replaces its own, any other is an option."""
    from tocompiler.frontends.huggingface import from_config

    own = {k: v for k, v in values.items() if k in config}
    rest = {k: v for k, v in values.items() if k not in config}
    return from_config({**config, **own}, rest.pop("batch", 1), **rest)


def _built(function: Callable[..., Any], values: Mapping[str, Any]) -> Network:
    made = function(**values)
    if not isinstance(made, Network):
        raise ValueError(f"the sweep's function gives a {type(made).__name__}, not a tocompiler.Network")
    return made


def model_of(source: Any) -> Model:
    """The model itself, or one of a source."""
    return source if isinstance(source, Model) else Model(source)
