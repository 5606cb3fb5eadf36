"""How accurate a program is: it is run on a whole format, or on millions of its numbers, against the reference.

Errors are in ulp of the exact result's binade (Muller's definition: 2^(e - fraction bits) with 2^e <= |exact|), in
units of the smallest subnormal number below the smallest normal one. An infinite result counts as the power of two that
follows the largest number, and so does NaN: no error is left out for being too large. Subnormal arguments and results
count like all others.
"""

from __future__ import annotations

import math
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

__all__ = ["Accuracy", "errors_at", "errors_of", "evaluate", "measure", "points"]

CHECKED = 200
"""How many of the worst points are computed again from the formula, in 60 digits."""

_BULK = 30  # fraction bits up to which float64 can serve as the reference
_SPARSE = 64  # formats beyond that visit one exponent boundary in 64
_TURNS, _HALVINGS = 4096, 320  # quarter turns, and multiples of ln 2 / 2, whose neighbourhoods are visited
_BLOCK = 1 << 17  # points run at once: the arrays of a step stay in the cache


@dataclass(frozen=True)
class Accuracy:
    """What was measured, and on how many points: errors in ulp of the format, and absolute."""

    max_error_ulp: float
    mean_error_ulp: float
    max_error_absolute: float
    points: int
    worst: float


def points(choice: Choice, count: int, seed: int | None = None) -> Iterator[tuple[Array, Array | None]]:
    """Blocks of arguments: every number of a format of 16 bits or fewer; otherwise each power of two, thousands of
    quarter turns and every multiple of ln 2 / 2 with their two neighbours, and ``count`` more: half of them evenly over
    bit patterns, a quarter each over [-16, 16] and [-128, 128], within the domain. The random ones are the function's
    own unless a ``seed`` is given."""
    f = parse(choice.format)
    random = np.random.default_rng(zlib.crc32(choice.name.encode()) if seed is None else seed)
    low, high = domain(choice)
    if f.bits <= 16 and not two_arguments(choice.name):
        yield _inside(choice, decode(f, np.arange(1 << f.bits, dtype=np.uint64))), None
        return
    exponents = np.arange(f.minimum_exponent - f.mantissa_bits, int(np.frexp(f.maximum)[1]))
    powers = np.ldexp(1.0, exponents[:: _SPARSE if f.mantissa_bits > _BULK else 1])
    turns = np.arange(1, _TURNS if f.mantissa_bits <= _BULK else 1)
    near = np.concatenate([powers, turns * (np.pi / 2), turns[turns < _HALVINGS] * (np.log(2) / 2)])
    edges = np.concatenate([near, near * (1 + f.epsilon), near * (1 - f.epsilon / 2)])
    edges = np.append(edges, [f.maximum, 2.0**f.minimum_exponent * (1 - f.epsilon), 1.0, 2.0, 3.0])
    blocks = [np.concatenate([edges, -edges])]
    for start in range(0, count, _BLOCK):
        size = min(_BLOCK, count - start) // 4
        spread = np.ldexp(random.uniform(1, 2, 2 * size), random.integers(exponents[0], exponents[-1] + 1, 2 * size))
        spread *= random.choice([-1.0, 1.0], 2 * size)
        around = (random.uniform(max(low, -width), min(high, width), size) for width in (16.0, 128.0))
        blocks.append(np.concatenate([spread, *around]))
    for block in blocks:
        x = _inside(choice, round_to(block, choice.format))
        yield x, _second(choice, x, random) if two_arguments(choice.name) else None


def _inside(choice: Choice, x: Array) -> Array:
    """Finite numbers in the domain."""
    low, high = domain(choice)
    return np.asarray(x[np.isfinite(x) & (x >= low) & (x <= high)])


def _second(choice: Choice, x: Array, random: np.random.Generator) -> Array:
    """The second argument, as the function draws it; any number unless it says otherwise."""
    draw = find(choice.name).second
    return round_to(random.permutation(x) if draw is None else draw(random, x, choice.format), choice.format)


def measure(choice: Choice, count: int, checked: int = CHECKED, seed: int | None = None) -> Accuracy:
    """Run a choice on its points. The ``checked`` worst of them are held against the formula in mpmath; a format of
    more than 24 significand bits has no reference in float64 and all its points are."""
    f = parse(choice.format)
    total, summed, absolute = 0, 0.0, 0.0
    worst = np.zeros((4, 0))
    for x, y in points(choice, count, seed):
        operands = (x,) if y is None else (x, y)
        result = evaluate(choice, *operands)
        if f.mantissa_bits > _BULK:
            result = _finite(choice, result)
            errors, gaps = _exact_errors(choice, operands, result)
        else:
            with np.errstate(all="ignore"):
                exact = np.asarray(in_float64(choice.name)(*operands), dtype=np.float64)
                if f.finite_only:  # where there is no infinity, NaN is what an overflow gives
                    result = np.where(np.isnan(result) & (np.abs(exact) > f.maximum), np.sign(exact) * np.inf, result)
                result = _finite(choice, result)
                errors, gaps = errors_of(choice, result, exact)
        counted = ~np.isnan(errors)
        total, summed = total + int(counted.sum()), summed + float(errors[counted].sum())
        absolute = max(absolute, float(np.max(gaps[counted], initial=0.0)))
        block = np.stack([errors, x, np.zeros_like(x) if y is None else y, result])[:, counted]
        worst = np.concatenate([worst, block], axis=1)
        worst = worst[:, np.argsort(-worst[0], kind="stable")[: checked + 1]]
    if f.mantissa_bits <= _BULK:
        for column in range(min(checked, int(np.count_nonzero(worst[0])))):
            worst[0, column] = _exact_error(choice, worst[1, column], worst[2, column], worst[3, column])
    position = int(np.argmax(worst[0]))
    return Accuracy(float(worst[0, position]), summed / max(total, 1), absolute, total, float(worst[1, position]))


def errors_at(choice: Choice, x: float) -> float:
    """The error in ulp at one argument, against the formula."""
    return _exact_error(choice, x, 0.0, float(_finite(choice, evaluate(choice, np.array([x])))[0]))


def evaluate(choice: Choice, *operands: Array) -> Array:
    """The program's results in its format."""
    reading = Numeric()
    result = run(choice, reading, *(reading.input(x, choice.format) for x in operands)).value
    return np.broadcast_to(np.asarray(result, dtype=np.float64), operands[0].shape)


def _following(format: str) -> float:
    """The power of two that follows the largest number; that itself in fp64, which has nothing to hold it in."""
    largest = float(parse(format).maximum)
    exponent = int(np.frexp(largest)[1])
    return 2.0**exponent if exponent < 1024 else largest


def _finite(choice: Choice, result: Array) -> Array:
    """The result with infinity and NaN as the power of two that follows the largest number."""
    following = _following(choice.format)
    stand_in = np.where(np.isnan(result), following, np.copysign(following, result))
    return np.where(np.isfinite(result), result, stand_in)


def errors_of(choice: Choice, result: Array, exact: Array) -> tuple[Array, Array]:
    """Errors in ulp, and absolute, of finite results; NaN where there is no exact result."""
    f = parse(choice.format)
    following = _following(choice.format)
    exact = np.where(np.abs(exact) > following, np.copysign(following, exact), exact)
    places = np.clip(np.frexp(exact)[1] - 1, f.minimum_exponent, np.frexp(f.maximum)[1] - 1) - f.mantissa_bits
    gap = np.abs(result - exact)
    return np.ldexp(gap, -places), gap


def _exact_error(choice: Choice, x: float, y: float, result: float) -> float:
    """The error of one result in ulp, against the formula."""
    return _in_ulp(choice, exactly(choice.name, float(x), float(y)), float(result))


def _in_ulp(choice: Choice, exact: Any, result: float) -> float:
    import mpmath

    f, following = parse(choice.format), mpmath.mpf(_following(choice.format))
    if mpmath.isinf(exact):  # a pole, whose sign the reference in float64 has seen to
        return 0.0 if abs(result) == following else math.inf
    exact = max(min(exact, following), -following)
    exponent = int(mpmath.floor(mpmath.log(abs(exact), 2))) if exact else f.minimum_exponent
    place = min(max(exponent, f.minimum_exponent), math.frexp(f.maximum)[1] - 1) - f.mantissa_bits
    return float(abs(mpmath.mpf(result) - exact) / mpmath.mpf(2) ** place)


def _exact_errors(choice: Choice, operands: tuple[Array, ...], result: Array) -> tuple[Array, Array]:
    f = parse(choice.format)
    errors, gaps = np.full(len(result), np.nan), np.full(len(result), np.nan)
    for i, value in enumerate(result):
        exact = exactly(choice.name, *(float(o[i]) for o in operands))
        if 2.0**f.minimum_exponent <= abs(exact) <= f.maximum:
            errors[i], gaps[i] = _in_ulp(choice, exact, float(value)), float(abs(exact - float(value)))
    return errors, gaps
