"""Softmax and log-softmax as programs over a vector of operands, and their measured rows.

``safe`` subtracts the maximum, found in a first pass; ``online`` finds maximum and sum in one pass, rescaling the sum
when the maximum grows (M. Milakov and N. Gimelshein, "Online normalizer calculation for softmax", 2018).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, TypeAlias

import numpy as np

from alu_library.elementary.accuracy import Accuracy, errors_of
from alu_library.elementary.algorithms import INTERNALS, Choice, Counted, suite
from alu_library.elementary.numeric import Numeric, round_to
from alu_library.elementary.operations import convert, maximum
from alu_library.elementary.programs import Operand, Reading
from alu_library.formats import parse

__all__ = ["ELEMENTS", "PROGRAMS", "log_softmax", "measured", "softmax_online", "softmax_safe"]

ELEMENTS = 64
"""Length of the vector that rows are counted and measured on."""

Vector: TypeAlias = Sequence[Operand]


def _exp(x: Operand) -> Operand:
    return x.reading.call("exp", x)


def _largest(x: Vector) -> Operand:
    largest = x[0]
    for v in x[1:]:
        largest = maximum(largest, v)
    return largest


def _sum(x: Vector) -> Operand:
    """Pairwise, so that the rounding grows with the logarithm of the length."""
    while len(x) > 1:
        x = [*(a + b for a, b in zip(x[::2], x[1::2], strict=False)), *(x[-1:] if len(x) % 2 else [])]
    return x[0]


def softmax_safe(x: Vector) -> list[Operand]:
    """e^(x - max) / sum."""
    largest = _largest(x)
    e = [_exp(v - largest) for v in x]
    total = _sum(e)
    return [v / total for v in e]


def softmax_online(x: Vector) -> list[Operand]:
    """The same, with maximum m and sum d in one pass: d <- d e^(m - m') + e^(x - m')."""
    largest, total = x[0], x[0].reading.constant(1, x[0].format)
    for v in x[1:]:
        new = maximum(largest, v)
        total = total * _exp(largest - new) + _exp(v - new)
        largest = new
    return [_exp(v - largest) / total for v in x]


def log_softmax(x: Vector) -> list[Operand]:
    """(x - max) - log(sum e^(x - max))."""
    largest = _largest(x)
    shifted = [v - largest for v in x]
    logarithm = x[0].reading.call("log", _sum([_exp(v) for v in shifted]))
    return [v - logarithm for v in shifted]


PROGRAMS: Mapping[str, Mapping[str, Callable[[Vector], list[Operand]]]] = {
    "softmax": {"safe": softmax_safe, "online": softmax_online},
    "log_softmax": {"safe": log_softmax},
}
"""Function to algorithms."""


def _reference(name: str, x: Any) -> Any:
    """In float64, along the first axis."""
    shifted = x - x.max(axis=0)
    e = np.exp(shifted)
    return e / e.sum(axis=0) if name == "softmax" else shifted - np.log(e.sum(axis=0))


def run(choice: Choice, reading: Reading, x: Vector) -> list[Operand]:
    """Read a program: operands and results in the choice's format, everything between in the internal one."""
    reading.algorithms, reading.source = choice.algorithms, choice.format
    inner = [convert(v, choice.internal_format) for v in x]
    return [convert(v, choice.format) for v in PROGRAMS[choice.name][choice.style.partition("_")[0]](inner)]


def choices(name: str, format: str) -> Iterator[Choice]:
    """Both ways to do the exponential, in the internal formats that are not wider than they need be."""
    if parse(format).bits <= 8 or format == "fp64":
        return
    for internal, bits in INTERNALS[format]:
        if internal == "fp64":
            continue
        for style in PROGRAMS[name]:
            for inner in ("polynomial", "table_32"):
                yield Choice(name, format, internal, f"{style}_{inner}", bits, partial(_one_of_many), suite(
                    inner, internal, bits))


def _one_of_many(x: Operand) -> Operand:
    raise TypeError("softmax is a program over a vector")


def measured(name: str, format: str, count: int) -> Iterator[tuple[Choice, Counted, Accuracy]]:
    """Each choice with its count and its errors on ``count`` numbers N(0, 4), in vectors of ELEMENTS."""
    random = np.random.default_rng(7)
    x = round_to(random.normal(0, 4, (ELEMENTS, max(1, count // ELEMENTS))), format)
    exact = _reference(name, x)
    for choice in choices(name, format):
        counter, reading = Counted(), Numeric()
        results = run(choice, counter, [counter.input(format) for _ in range(ELEMENTS)])
        counter.depth = max(r.value[1] for r in results)
        values = np.stack([r.value for r in run(choice, reading, [reading.input(row, format) for row in x])])
        errors, gaps = errors_of(choice, values, exact)
        counted = ~np.isnan(errors)
        yield choice, counter, Accuracy(float(errors[counted].max()), float(errors[counted].mean()),
                                        float(gaps[counted].max()), int(counted.sum()), 0.0)
