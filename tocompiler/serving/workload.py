"""Workloads: the steps that a request takes.

A prompt is read at once, which gives the first new token; each further step gives every request of the batch one more.
With speculation a step reads k drafted tokens and the one before; each drafted token is accepted with probability a,
independently, so that a step gives (1 - a^(k+1)) / (1 - a) tokens (Leviathan, Kalman and Matias 2023, arXiv
2211.17192, equation 1). The batch is constant, a request that ends making room for another, or starts together and
drains as requests end (``together``), with lengths spread evenly within ``spread`` of the mean.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Step", "Workload"]

_NODES = 5
"""Lengths at which the cost of a decode step is computed; between them it is integrated by Simpson's rule."""


@dataclass(frozen=True, slots=True)
class Step:
    """``count`` steps (for one request's share: over the batch) of ``batch`` requests with ``past`` cached tokens."""

    batch: int
    past: int
    count: float


@dataclass(frozen=True, slots=True)
class Workload:
    """Requests of ``prompt`` and ``output`` tokens, ``batch`` of them on the way at once.

    prefix: tokens at the prompt's start whose cache is there already (prefix caching)
    speculate: drafted tokens for each step; accept: the probability that one is accepted
    prefill_batch: prompts that are read together
    together: the batch starts together and drains; spread: how far lengths lie from the mean, as a share of it
    """

    prompt: int
    output: int
    batch: int = 1
    prefix: int = 0
    speculate: int = 0
    accept: float = 0.7
    prefill_batch: int = 1
    together: bool = False
    spread: float = 0.0

    def __post_init__(self) -> None:
        for name in ("prompt", "output", "batch", "prefill_batch"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")
        if not 0 <= self.prefix < self.prompt:
            raise ValueError(f"a cached prefix of {self.prefix} tokens must be shorter than the prompt, {self.prompt}")
        if self.speculate < 0 or not 0 <= self.accept < 1:
            raise ValueError(f"{self.speculate} drafted tokens accepted with probability {self.accept}: at least 0 "
                             "tokens, and a probability from 0 up to 1")
        if not 0 <= self.spread < 1:
            raise ValueError(f"lengths spread by {self.spread} of their mean; give a share from 0 up to 1")

    @property
    def tokens_per_step(self) -> float:
        """New tokens of one request in one step.

        >>> round(Workload(8, 8, speculate=3, accept=0.7).tokens_per_step, 3)
        2.533
        """
        return sum(self.accept**i for i in range(self.speculate + 1)) if self.speculate else 1.0

    @property
    def longest(self) -> int:
        """Tokens that the cache of a request must hold."""
        return self.prompt + round(self.output * (1 + self.spread if self.together else 1)) + self.speculate

    def steps(self) -> list[Step]:
        """Decode steps, each for all requests that are still on the way, as a weighted few: their weights are steps for
        the whole batch's ``batch`` requests."""
        new = self.output - 1
        if new <= 0:
            return []
        if not self.together or self.spread == 0:
            return [Step(self.batch, self.prompt + at, weight / self.tokens_per_step)
                    for at, weight in _simpson(0, new)]
        shortest, longest = round(new * (1 - self.spread)), round(new * (1 + self.spread))
        full = [Step(self.batch, self.prompt + at, w / self.tokens_per_step) for at, w in _simpson(0, shortest)]
        draining = []
        for at, weight in _simpson(shortest, longest):
            left = self.batch * (longest - at) / max(longest - shortest, 1)
            draining.append(Step(max(1, round(left)), self.prompt + at, weight / self.tokens_per_step))
        return [step for step in (*full, *draining) if step.count]


def _simpson(start: int, end: int) -> list[tuple[int, float]]:
    """Places and weights of Simpson's rule for a sum over start, ..., end - 1; every place where they are few."""
    count = end - start
    if count <= _NODES:
        return [(start + i, 1.0) for i in range(count)]
    places = [start + round(i * (count - 1) / (_NODES - 1)) for i in range(_NODES)]
    weights = [1, 4, 2, 4, 1]
    return [(place, count * w / sum(weights)) for place, w in zip(places, weights, strict=True)]
