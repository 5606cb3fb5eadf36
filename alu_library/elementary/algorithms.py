"""Which programs serve a function in a number format: algorithm, internal format and target accuracy.

A choice is made of a *style* (how the elementary functions inside are computed), an *internal format* and *bits*, the
accuracy asked of each approximation. ``choices(name, format)`` lists them all; ``run`` reads one on given operands.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial

from alu_library.elementary.operations import convert
from alu_library.elementary.programs import Counter, Operand, Program, Reading
from alu_library.elementary.register import Maker, every, find
from alu_library.elementary.segments import WIDEST, fraction_bits, lookup, segments
from alu_library.formats import parse

__all__ = ["INTERNALS", "Choice", "Counted", "choices", "count", "domain", "names", "run", "suite", "two_arguments"]

INTERNALS: Mapping[str, tuple[tuple[str, int], ...]] = {
    "fp64": (("fp64", 54), ("fp64", 40)),
    "fp32": (("fp64", 34), ("e9m31", 30), ("e9m27", 27), ("e9m25", 26), ("e9m23", 25), ("e9m23", 20), ("fp32", 25),
             ("fp32", 20), ("fp32", 14)),
    "tf32": (("e9m31", 30), ("e9m23", 18), ("e9m16", 15), ("tf32", 12)),
    "fp16": (("fp64", 30), ("e8m31", 30), ("fp32", 18), ("e8m16", 15), ("fp16", 12)),
    "bf16": (("fp64", 30), ("e9m31", 30), ("e9m23", 15), ("e9m13", 12), ("bf16", 9)),
    "fp8_e4m3": (("fp8_e4m3", 4), ("e8m13", 8)),
    "fp8_e5m2": (("fp8_e5m2", 3), ("e8m13", 8)),
}
"""Internal formats and target bits that are tried for each format, most accurate first.

One more bit of exponent than the format itself costs next to nothing, holds every subnormal number as a normal one, and
lets no e^x overflow or vanish before the result does.
"""


_EXACT_STYLES = ("direct", "digit_recurrence", "lookup")


@dataclass(frozen=True)
class Choice:
    """One program for a function in a format."""

    name: str
    format: str
    internal_format: str
    style: str
    bits: int
    program: Program
    algorithms: Mapping[str, Program]

    @property
    def algorithm(self) -> str:
        """Its name: style and target accuracy, as in ``polynomial_25b``; ``direct`` where nothing is approximated."""
        return self.style if self.style in _EXACT_STYLES else f"{self.style}_{self.bits}b"


def names() -> list[str]:
    """Every function that has a row of its own."""
    return sorted(name for name, function in every().items() if not function.inner)


def two_arguments(name: str) -> bool:
    """Whether the function takes two operands."""
    return find(name).arguments == 2


def _styles(name: str, internal: str, bits: float) -> Mapping[str, Maker]:
    if parse(internal).bits <= 8:
        return {} if two_arguments(name) else {"lookup": lambda bits: partial(lookup, name=name)}
    styles = dict(find(name).algorithms)
    if find(name).shape and parse(internal).mantissa_bits <= WIDEST:
        for degree in (1, 2, 3):
            if fraction_bits(name, bits, degree) is not None:
                styles[f"segments_{degree}"] = partial(_segments, name, degree)
    return styles


def _segments(name: str, degree: int, bits: float) -> Program:
    return partial(segments, name=name, bits=bits, degree=degree)


def suite(style: str, internal: str, bits: float) -> dict[str, Program]:
    """The program of each function that another may call, in the given style where it has it."""
    chosen = {name: (function.algorithms.get(style) or next(iter(function.algorithms.values())))(bits)
              for name, function in every().items()}
    if style == "table_32" and parse(internal).mantissa_bits <= WIDEST and fraction_bits("scaled_tail", bits, 3):
        chosen["scaled_tail"] = partial(segments, name="scaled_tail", bits=bits, degree=3)
    return chosen


def choices(name: str, format: str) -> Iterator[Choice]:
    """Every choice for a function in a format; those that are the same program, operation for operation, once."""
    seen: set[str] = set()
    for internal, bits in INTERNALS[format]:
        for style, maker in _styles(name, internal, bits).items():
            choice = Choice(name, format, internal, style, bits, maker(bits), suite(style, internal, bits))
            counted = count(choice)
            if find(name).composed and style == "polynomial" and not counted.called:
                choice = replace(choice, style="direct")
            if counted.program_hash() not in seen:
                seen.add(counted.program_hash())
                yield choice


def run(choice: Choice, reading: Reading, *operands: Operand) -> Operand:
    """Read a choice's program: operands and result in its format, everything between in the internal one."""
    reading.algorithms, reading.source = choice.algorithms, choice.format
    return convert(choice.program(*(convert(x, choice.internal_format) for x in operands)), choice.format)


class Counted(Counter):
    """A counter that has read a program."""

    depth: int = 0


def count(choice: Choice) -> Counted:
    """The counting reading of a choice."""
    counter = Counted()
    operands = [counter.input(choice.format) for _ in range(2 if two_arguments(choice.name) else 1)]
    counter.depth = run(choice, counter, *operands).value[1]
    return counter


def domain(choice: Choice) -> tuple[float, float]:
    """Arguments for which the program is meant: where the function is real, and in fp64 where its exponents last."""
    function = find(choice.name)
    low, high = function.domain
    if parse(choice.format).exponent_bits >= parse("fp64").exponent_bits:
        largest = -parse(choice.internal_format).minimum_exponent * math.log(2)
        if function.tail:
            low = max(low, -function.tail(largest))
        if function.growth:
            low, high = max(low, -function.growth(largest)), min(high, function.growth(largest))
    return low, high
