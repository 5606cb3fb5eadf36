"""How accurate a program is: it is run on a whole format, or on millions of its numbers, against the reference.

Errors are in ulp of the exact result's binade (Muller's definition: 2^(e - fraction bits) with 2^e <= |exact|), over
results that are normal numbers of the format. An infinite result counts as the power of two that follows the largest
number, and so does NaN: no error is left out for being too large. Subnormal arguments are left out unless the internal
format holds them as normal numbers; smaller results become zero or subnormal as the conversion of the format has it.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from alu_library.elementary.algorithms import Choice, domain, run, two_arguments
from alu_library.elementary.numeric import Array, Numeric, round_to
from alu_library.elementary.references import exactly, in_float64
from alu_library.elementary.register import find
from alu_library.formats import decode, parse

__all__ = ["Accuracy", "errors_of", "evaluate", "measure", "points"]

CHECKED = 1000
"""How many of the worst points are computed again from the formula, in 60 digits."""

_BULK = 30  # fraction bits up to which float64 can serve as the reference
_SPARSE = 64  # formats beyond that visit one exponent boundary in 64
_BLOCK = 1 << 17  # points run at once: the arrays of a step stay in the cache


@dataclass(frozen=True)
class Accuracy:
    """What was measured, and on how many points: errors in ulp of the format, and absolute."""

    max_error_ulp: float
    mean_error_ulp: float
    max_error_absolute: float
    points: int
    worst: float


def points(choice: Choice, count: int) -> Iterator[tuple[Array, Array | None]]:
    """Blocks of arguments: every number of a format of 16 bits or fewer; otherwise each power of two with its two
    neighbours, and ``count`` more: half of them evenly over bit patterns, half over [-16, 16], within the domain."""
    f = parse(choice.format)
    random = np.random.default_rng(zlib.crc32(choice.name.encode()))
    low, high = domain(choice)
    if f.bits <= 16 and not two_arguments(choice.name):
        yield _inside(choice, decode(f, np.arange(1 << f.bits, dtype=np.uint64))), None
        return
    exponents = np.arange(f.minimum_exponent, int(np.frexp(f.maximum)[1]))
    powers = np.ldexp(1.0, exponents[:: _SPARSE if f.mantissa_bits > _BULK else 1])
    edges = np.concatenate([powers, powers * (1 + f.epsilon), powers * (1 - f.epsilon / 2)])
    blocks = [np.concatenate([edges, -edges])]
    near_low, near_high = max(low, -16.0), min(high, 16.0)
    for start in range(0, count, _BLOCK):
        size = min(_BLOCK, count - start) // 2
        spread = np.ldexp(random.uniform(1, 2, size), random.integers(exponents[0], exponents[-1] + 1, size))
        spread *= random.choice([-1.0, 1.0], size)
        blocks.append(np.concatenate([spread, random.uniform(near_low, near_high, size)]))
    for block in blocks:
        x = _inside(choice, round_to(block, choice.format))
        yield x, _second(choice, x, random) if two_arguments(choice.name) else None


def _inside(choice: Choice, x: Array) -> Array:
    """Finite numbers in the domain, without the subnormal ones that the internal format does not hold as normal."""
    f, inner = parse(choice.format), parse(choice.internal_format)
    low, high = domain(choice)
    smallest = max(2.0**inner.minimum_exponent, 2.0 ** (f.minimum_exponent - f.mantissa_bits))
    keep = np.isfinite(x) & (x >= low) & (x <= high) & ((np.abs(x) >= smallest) | (x == 0))
    return np.asarray(x[keep])


def _second(choice: Choice, x: Array, random: np.random.Generator) -> Array:
    """The second argument, as the function draws it; any number unless it says otherwise."""
    draw = find(choice.name).second
    return round_to(random.permutation(x) if draw is None else draw(random, x, choice.format), choice.format)


def measure(choice: Choice, count: int, checked: int = CHECKED) -> Accuracy:
    """Run a choice on its points. The ``checked`` worst of them are held against the formula in mpmath; a format of
    more than 24 significand bits has no reference in float64 and all its points are."""
    f = parse(choice.format)
    total, summed, absolute = 0, 0.0, 0.0
    worst = np.zeros((4, 0))
    for x, y in points(choice, count):
        operands = (x,) if y is None else (x, y)
        result = _finite(choice, evaluate(choice, *operands))
        if f.mantissa_bits > _BULK:
            errors, gaps = _exact_errors(choice, operands, result)
        else:
            with np.errstate(all="ignore"):
                exact = np.asarray(in_float64(choice.name)(*operands), dtype=np.float64)
                errors, gaps = errors_of(choice, result, exact)
        counted = ~np.isnan(errors)
        total, summed = total + int(counted.sum()), summed + float(errors[counted].sum())
        absolute = max(absolute, float(np.max(gaps[counted], initial=0.0)))
        block = np.stack([errors, x, np.zeros_like(x) if y is None else y, result])[:, counted]
        worst = np.concatenate([worst, block], axis=1)
        worst = worst[:, np.argsort(-worst[0], kind="stable")[: checked + 1]]
    if f.mantissa_bits <= _BULK:
        for column in range(min(checked, worst.shape[1])):
            worst[0, column] = _exact_error(choice, worst[1, column], worst[2, column], worst[3, column])
    position = int(np.argmax(worst[0]))
    return Accuracy(float(worst[0, position]), summed / max(total, 1), absolute, total, float(worst[1, position]))


def evaluate(choice: Choice, *operands: Array) -> Array:
    """The program's results in its format."""
    reading = Numeric()
    result = run(choice, reading, *(reading.input(x, choice.format) for x in operands)).value
    return np.broadcast_to(np.asarray(result, dtype=np.float64), operands[0].shape)


def _finite(choice: Choice, result: Array) -> Array:
    """The result with infinity and NaN as the power of two that follows the largest number."""
    largest = float(parse(choice.format).maximum)
    exponent = int(np.frexp(largest)[1])
    following = 2.0**exponent if exponent < 1024 else largest  # fp64 has nothing beyond to hold it in
    stand_in = np.where(np.isnan(result), following, np.copysign(following, result))
    return np.where(np.isfinite(result), result, stand_in)


def errors_of(choice: Choice, result: Array, exact: Array) -> tuple[Array, Array]:
    """Errors in ulp, NaN where the exact result is no normal number of the format; and absolute."""
    f = parse(choice.format)
    magnitude = np.abs(exact)
    # What rounds beyond the largest number is an overflow, whatever the program returns.
    normal = (magnitude >= 2.0**f.minimum_exponent) & (magnitude < f.maximum * (1 + f.epsilon / 4))
    normal |= (exact == 0) & (result == 0)
    ulp = np.ldexp(1.0, np.frexp(exact)[1] - 1 - f.mantissa_bits)
    gap = np.abs(result - exact)
    error = np.where(exact == result, 0.0, gap / ulp)
    return np.where(normal, error, np.nan), np.where(normal, gap, np.nan)


def _exact_error(choice: Choice, x: float, y: float, result: float) -> float:
    """The error of one result in ulp, against the formula."""
    exact = exactly(choice.name, float(x), float(y))
    return _in_ulp(choice, exact, float(result)) if exact != 0 else 0.0


def _in_ulp(choice: Choice, exact: Any, result: float) -> float:
    import mpmath

    exponent = int(mpmath.floor(mpmath.log(abs(exact), 2)))
    return float(abs(mpmath.mpf(result) - exact) / mpmath.mpf(2) ** (exponent - parse(choice.format).mantissa_bits))


def _exact_errors(choice: Choice, operands: tuple[Array, ...], result: Array) -> tuple[Array, Array]:
    f = parse(choice.format)
    errors, gaps = np.full(len(result), np.nan), np.full(len(result), np.nan)
    for i, value in enumerate(result):
        exact = exactly(choice.name, *(float(o[i]) for o in operands))
        if 2.0**f.minimum_exponent <= abs(exact) <= f.maximum:
            errors[i], gaps[i] = _in_ulp(choice, exact, float(value)), float(abs(exact - float(value)))
    return errors, gaps
