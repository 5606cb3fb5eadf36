"""Generation: a prompt is read at once, then each further token is decoded against a growing KV cache.

A decoder's configuration gives both networks. The first new token comes out of the prefill, so k new tokens take one
prefill and k - 1 decode steps, with prompt, prompt + 1, ... tokens cached.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from tocompiler.frontends.huggingface import from_config

if TYPE_CHECKING:
    from tocompiler.network import Network

__all__ = ["Additive", "Generation", "generation"]


class Additive(Protocol):
    """What can be summed over steps: integers, floats, Tasks."""

    def __add__(self, other: Any, /) -> Any: ...

    def __mul__(self, times: int, /) -> Any: ...


_A = TypeVar("_A", bound=Additive)


@dataclass(frozen=True, slots=True)
class Generation:
    """The networks of one generation, built on demand."""

    config: Mapping[str, Any]
    prompt: int
    new_tokens: int
    batch: int = 1

    def prefill(self) -> Network:
        """The whole prompt at once; only its last position goes through the output layer."""
        return from_config(self.config, self.batch, sequence=self.prompt, logits="last")

    def decode(self, cached: Any) -> Network:
        """One token after ``cached`` others (a number or a symbol), whose keys and values are inputs."""
        return from_config(self.config, self.batch, sequence=1, past=cached, logits="last")

    @property
    def cached(self) -> range:
        """The cache length at each decode step."""
        return range(self.prompt, self.prompt + self.new_tokens - 1)

    def total(self, count: Callable[[Network], _A]) -> _A:
        """Any additive count, over the prefill and every step.

        Work grows by the same amount with each cached token, so that the steps sum to an arithmetic series; three
        steps are counted to check it, and all of them where it does not hold.

        >>> config = {"model_type": "gpt2", "vocab_size": 11, "n_positions": 64, "n_embd": 8, "n_layer": 1, "n_head": 2}
        >>> from tocompiler.operators import rule
        >>> generation(config, prompt=5, new_tokens=4).total(
        ...     lambda net: sum(rule(op.operator).work(op).multiply_accumulates for op in net.operators))
        7232
        """
        total = count(self.prefill())
        steps = self.cached
        if not steps:
            return total
        if len(steps) < 4:
            return sum((count(self.decode(n)) for n in steps), start=total)
        n = len(steps)
        first, second, last = (count(self.decode(steps[i])) for i in (0, 1, -1))
        if not _same(last + first * (n - 2), second * (n - 1)):
            return sum((count(self.decode(cached)) for cached in steps), start=total)
        middle = count(self.decode(steps[n // 2])) if n % 2 else None
        series = (first + last) * (n // 2)
        made: _A = total + series if middle is None else total + series + middle
        return made


def generation(config: Mapping[str, Any], prompt: int, new_tokens: int, batch: int = 1) -> Generation:
    """Generation by a decoder; ValueError where the lengths make no sense or the model type has no cache."""
    if prompt < 1 or new_tokens < 1:
        raise ValueError(f"generation needs a prompt and at least one new token, got {prompt} and {new_tokens}")
    made = Generation(config, prompt, new_tokens, batch)
    made.decode(prompt)
    return made


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, float):
        return math.isclose(a, b, rel_tol=1e-12)
    return bool(a == b)
