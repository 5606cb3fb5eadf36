"""The programs of one device, compiled once with batch and lengths left open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tocompiler.compiler import compile
from tocompiler.frontends.huggingface import from_config
from tocompiler.serving.binding import Binder
from tocompiler.serving.parallelism import Parallel, local

if TYPE_CHECKING:
    from tocompiler.costing import TransistorProgram
    from tocompiler.network import Network

__all__ = ["Programs"]


@dataclass(frozen=True)
class Programs:
    """Prefill and decode of a model's part on one device.

    ``weights``, ``cache`` and ``skew`` are options of ``from_config``; ``parallel`` says which part it is.
    """

    config: Mapping[str, Any]
    parallel: Parallel = field(default_factory=Parallel)
    weights: str | None = None
    cache: str | None = None
    skew: float = 0.0
    _binders: dict[tuple[Any, ...], Binder[TransistorProgram]] = field(default_factory=dict)

    def network(self, batch: Any, sequence: Any, past: Any) -> Network:
        """The network of one pass: ``sequence`` new tokens of ``batch`` requests behind ``past`` cached ones."""
        options: dict[str, Any] = {"sequence": sequence, "past": past, "logits": "last"}
        if self.skew:
            options["skew"] = self.skew
        if self.parallel.expert > 1:
            options |= {"expert_parallel": self.parallel.expert, "replicas": self.parallel.data}
        if "vision_config" in self.config and "llama4" not in str(self.config.get("model_type")):
            options["image_size"] = 0
        try:
            return from_config(local(self.config, self.parallel), batch, weights=self.weights, cache=self.cache,
                               **options)
        except ValueError as error:
            if "has no option" in str(error):
                raise ValueError(f"a {self.config.get('model_type')} does not decode behind a cache: serving is for "
                                 "decoders") from None
            raise

    def prefill(self, batch: int, sequence: int, past: int = 0) -> TransistorProgram:
        """A prompt's ``sequence`` tokens read at once, behind a cached prefix."""
        if past:
            return self._open("chunk", None, None).bind(batch=batch, sequence=sequence, past=past)
        return self._open("prefill", None, 0).bind(batch=batch, sequence=sequence)

    def decode(self, batch: int, past: int, sequence: int = 1) -> TransistorProgram:
        """One step of ``batch`` requests."""
        return self._open(f"decode{sequence}", sequence, None).bind(batch=batch, past=past)

    def _open(self, kind: str, sequence: int | None, past: int | None) -> Binder[TransistorProgram]:
        if (kind,) not in self._binders:
            import sympy

            names = ["batch", *(["sequence"] if sequence is None else []), *(["past"] if past is None else [])]
            symbols = {name: sympy.Symbol(name, integer=True, positive=True) for name in names}
            net = self.network(symbols["batch"], symbols.get("sequence", sequence), symbols.get("past", past))
            self._binders[kind,] = Binder(_whole(compile(net)), symbols)
        return self._binders[kind,]


def _whole(program: TransistorProgram) -> TransistorProgram:
    """The program if nothing in it is unmodelled; ValueError names what is."""
    if program.unmodelled:
        named = ", ".join(sorted({u.operator for u in program.unmodelled}))
        raise ValueError(f"{program.name}: {len(program.unmodelled)} operators are not modelled ({named})")
    return program
