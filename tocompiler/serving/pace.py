"""Pace: how long a step of a service takes and how many tokens it gives a second, where the device's runs were timed.

A replica reads the prompts of its requests and decodes their steps one after another; every device of a pipeline has a
micro-batch in work, so that a step of the batch takes as long as one pass.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tocompiler.serving.parallelism import Parallel
from tocompiler.serving.workload import Workload

__all__ = ["Pace", "pace_of"]


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds that a prompt takes, and a decode step in the mean; output tokens a second of all devices together."""

    prompt_second: float
    step_second: float
    tokens_per_second: float


def pace_of(workload: Workload, parallel: Parallel,
            second: Callable[[str, int, int, int], float | None]) -> Pace | None:
    """From the seconds of a pass: ``second(kind, batch, length, past)``; None where a pass has none."""
    each = -(-workload.batch // parallel.data)
    micro = -(-each // min(each, parallel.pipeline))
    whole = second("prefill", workload.prefill_batch, workload.prompt - workload.prefix, workload.prefix)
    taken = [(step.count, second("decode", min(micro, step.batch), workload.speculate + 1, step.past))
             for step in workload.steps()]
    if whole is None or any(time is None for _, time in taken):
        return None
    prompt = whole / workload.prefill_batch
    decoding = sum(count * time for count, time in taken if time is not None)
    steps = sum(count for count, _ in taken)
    a_request = prompt + decoding / each
    return Pace(prompt, decoding / steps if steps else 0.0, parallel.data * workload.output / a_request)
