"""Which programs serve a function in a number format: algorithm, internal format and target accuracy.

A choice is made of a *style* (how the elementary functions inside are computed), an *internal format* and *bits*, the
accuracy asked of each approximation. ``choices(name, format)`` lists them all; ``run`` reads one on given operands.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial

from alu_library.elementary import activations, derivatives
from alu_library.elementary import cordic as cordic
from alu_library.elementary import error as error
from alu_library.elementary import exponential as exponential
from alu_library.elementary import hyperbolic as hyperbolic
from alu_library.elementary import roots as elementary_roots
from alu_library.elementary import trigonometric as trigonometric
from alu_library.elementary.programs import Counter, Operand, Program, Reading, convert
from alu_library.elementary.segments import SHAPES, WIDEST, fraction_bits, lookup, segments
from alu_library.formats import parse

__all__ = ["INTERNALS", "Choice", "Counted", "choices", "count", "domain", "names", "run", "suite", "two_arguments"]

Styles = Mapping[str, Callable[[float], Program]]
"""Style to a maker of the program for a target accuracy in bits."""


def _with_bits(program: Program) -> Callable[[float], Program]:
    return lambda bits: partial(program, bits=bits)


def _as_is(program: Program) -> Callable[[float], Program]:
    return lambda bits: program


ELEMENTARY: dict[str, Styles] = {
    "exp": {"polynomial": _with_bits(exponential.exp), "table_32": _with_bits(exponential.exp_table),
            "table_256": lambda bits: partial(exponential.exp_table, bits=bits, index_bits=8),
            "cordic": _with_bits(cordic.exp_cordic)},
    "exp2": {"polynomial": _with_bits(exponential.exp2)},
    "expm1": {"polynomial": _with_bits(exponential.expm1)},
    "log": {"polynomial": _with_bits(exponential.log), "quotient": _with_bits(exponential.log_divided)},
    "log2": {"polynomial": _with_bits(exponential.log2)},
    "log10": {"polynomial": _with_bits(exponential.log10)},
    "log1p": {"polynomial": _with_bits(exponential.log1p)},
    "reciprocal": {"digit_recurrence": _with_bits(elementary_roots.reciprocal),
                   "newton": _with_bits(elementary_roots.reciprocal_newton),
                   "goldschmidt": _with_bits(elementary_roots.reciprocal_goldschmidt)},
    "divide": {"digit_recurrence": _with_bits(elementary_roots.divide),
               "newton": _with_bits(elementary_roots.divide_newton),
               "goldschmidt": _with_bits(elementary_roots.divide_goldschmidt)},
    "sqrt": {"digit_recurrence": _with_bits(elementary_roots.root), "newton": _with_bits(elementary_roots.sqrt_newton),
             "goldschmidt": _with_bits(elementary_roots.sqrt_goldschmidt)},
    "rsqrt": {"digit_recurrence": _with_bits(elementary_roots.rsqrt),
              "newton": _with_bits(elementary_roots.rsqrt_newton)},
    "sin": {"polynomial": _with_bits(trigonometric.sin), "cordic": _with_bits(cordic.sin_cordic)},
    "cos": {"polynomial": _with_bits(trigonometric.cos), "cordic": _with_bits(cordic.cos_cordic)},
    "tan": {"polynomial": _with_bits(trigonometric.tan)}, "asin": {"polynomial": _with_bits(trigonometric.asin)},
    "acos": {"polynomial": _with_bits(trigonometric.acos)}, "atan": {"polynomial": _with_bits(trigonometric.atan)},
    "erf": {"polynomial": _with_bits(error.erf)},
}
"""Functions with algorithms of their own, each taking its operands and ``bits``."""

COMPOSED: Mapping[str, Program] = {
    "pow": elementary_roots.pow, "sinh": hyperbolic.sinh, "cosh": hyperbolic.cosh, "tanh": hyperbolic.tanh,
    "asinh": hyperbolic.asinh, "acosh": hyperbolic.acosh, "atanh": hyperbolic.atanh,
    **{name: getattr(activations, name) for name in activations.NAMES},
    **derivatives.derivative_programs(),
}
"""Programs over other functions."""

_INNER: dict[str, Styles] = {
    "exp_sum": {"polynomial": _with_bits(exponential.exp_sum), "table_32": _with_bits(exponential.exp_sum_table)},
    "log1p_unit": {"polynomial": _with_bits(exponential.log1p_unit)},
    "normal_tail": {"polynomial": _with_bits(error.normal_tail)},
    "scaled_tail": {"polynomial": _with_bits(error.scaled_tail)},
}
"""Functions that exist only inside others."""

INTERNALS: Mapping[str, tuple[tuple[str, int], ...]] = {
    "fp64": (("fp64", 54), ("fp64", 40)),
    "fp32": (("fp64", 34), ("e8m31", 30), ("e8m27", 27), ("e8m25", 26), ("fp32", 25), ("fp32", 20), ("fp32", 14)),
    "tf32": (("e8m31", 30), ("fp32", 18), ("e8m16", 15), ("tf32", 12)),
    "fp16": (("fp64", 30), ("e8m31", 30), ("fp32", 18), ("e8m16", 15), ("fp16", 12)),
    "bf16": (("fp64", 30), ("e8m31", 30), ("fp32", 15), ("e8m13", 12), ("bf16", 9)),
    "fp8_e4m3": (("fp8_e4m3", 4), ("e8m13", 8)),
    "fp8_e5m2": (("fp8_e5m2", 3), ("e8m13", 8)),
}
"""Internal formats and target bits that are tried for each format, most accurate first."""


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
    """Every function that has a program."""
    return sorted({*ELEMENTARY, *COMPOSED, "gelu_derivative", "erf_derivative"})


def two_arguments(name: str) -> bool:
    """Whether the function takes two operands."""
    return name in ("divide", "pow", "prelu", "prelu_derivative", "glu", "swiglu")


def _styles(name: str, internal: str, bits: float) -> Styles:
    if parse(internal).bits <= 8:
        return {} if two_arguments(name) else {"lookup": lambda bits: partial(lookup, name=name)}
    styles = dict(_own_styles(name))
    if name in SHAPES and parse(internal).mantissa_bits <= WIDEST:
        for degree in (1, 2, 3):
            if fraction_bits(name, bits, degree) is not None:
                styles[f"segments_{degree}"] = partial(_segments, name, degree)
    return styles


def _segments(name: str, degree: int, bits: float) -> Program:
    return partial(segments, name=name, bits=bits, degree=degree)


def _own_styles(name: str) -> Styles:
    if name in ELEMENTARY:
        return ELEMENTARY[name]
    if name in ("gelu_derivative", "erf_derivative"):
        maker = _with_bits(derivatives.gelu if name.startswith("gelu") else derivatives.erf)
        return {"polynomial": maker, "table_32": maker}
    styles = {"polynomial": _as_is(COMPOSED[name]), "table_32": _as_is(COMPOSED[name])}
    if name == "gelu":
        styles["from_erf"] = _as_is(activations.gelu_from_erf)
    return styles


def suite(style: str, internal: str, bits: float) -> dict[str, Program]:
    """The program of each elementary function, in the given style where it has it."""
    known = ELEMENTARY | _INNER
    chosen = {name: (styles.get(style) or next(iter(styles.values())))(bits) for name, styles in known.items()}
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
            if name in COMPOSED and style == "polynomial" and not counted.called:
                choice = replace(choice, style="direct")
            if counted.program_hash() not in seen:
                seen.add(counted.program_hash())
                yield choice


def run(choice: Choice, reading: Reading, *operands: Operand) -> Operand:
    """Read a choice's program: operands and result in its format, everything between in the internal one."""
    reading.algorithms = choice.algorithms
    return convert(choice.program(*(convert(x, choice.internal_format) for x in operands)), choice.format)


_POSITIVE, _INSIDE_ONE = (0.0, math.inf), (-1.0, 1.0)
_DOMAINS: Mapping[str, tuple[float, float]] = {
    **dict.fromkeys(("log", "log2", "log10", "sqrt", "rsqrt", "pow"), _POSITIVE),
    **dict.fromkeys(("log_derivative", "log2_derivative", "log10_derivative"), _POSITIVE),
    **dict.fromkeys(("exp_derivative", "exp2_derivative", "sqrt_derivative", "rsqrt_derivative"), _POSITIVE),
    **dict.fromkeys(("log1p", "log1p_derivative", "elu_derivative", "celu_derivative"), (-1.0, math.inf)),
    **dict.fromkeys(("asin", "acos", "atanh", "tanh_derivative"), _INSIDE_ONE),
    **dict.fromkeys(("asin_derivative", "acos_derivative", "atanh_derivative"), _INSIDE_ONE),
    **dict.fromkeys(("acosh", "acosh_derivative"), (1.0, math.inf)),
    "sigmoid_derivative": (0.0, 1.0), "expm1_derivative": (-1.0, math.inf),
    "selu_derivative": (-activations.SELU_SCALE * activations.SELU_ALPHA, math.inf),
}

# How far the negative tail (or the growth) goes before e^x leaves the internal format's normal range, of which
# ``t`` is the natural logarithm: a factor x in front of it keeps the true result normal a little longer.
_SMALL_TAILS: Mapping[str, Callable[[float], float]] = {
    **dict.fromkeys(("silu", "swiglu", "silu_derivative", "mish", "mish_derivative"), lambda t: t),
    "quick_gelu": lambda t: t / activations.QUICK_GELU_SLOPE,
    "quick_gelu_derivative": lambda t: t / activations.QUICK_GELU_SLOPE,
    "gelu": lambda t: _gaussian_end(t), "gelu_derivative": lambda t: _gaussian_end(t),
    "gelu_tanh": lambda t: _cubic_end(t), "gelu_tanh_derivative": lambda t: _cubic_end(t),
}
_GROWING: Mapping[str, Callable[[float], float]] = {
    **dict.fromkeys(("sinh", "cosh", "sinh_derivative", "cosh_derivative"), lambda t: t),
    **dict.fromkeys(("asinh", "acosh", "asinh_derivative", "acosh_derivative", "atan_derivative"),
                    lambda t: math.exp(t / 2)),
    "reciprocal": lambda t: math.exp(t) * 0.999,
    "erf_derivative": math.sqrt,
}


def _gaussian_end(t: float) -> float:
    """Where the normal tail falls to e^-t: Q(a) < e^(-a^2/2)/(a sqrt(2 pi))."""
    a = math.sqrt(2 * t)
    return math.sqrt(2 * (t - math.log(a * math.sqrt(2 * math.pi))))


def _cubic_end(t: float) -> float:
    """The root of the exponent of gelu_tanh, c x + c k x^3 = t, by Newton's method."""
    c, k = activations.GELU_TANH_SCALE, activations.GELU_TANH_CUBIC
    x = (t / (c * k)) ** (1 / 3)
    for _ in range(20):
        x -= (c * x + c * k * x**3 - t) / (c + 3 * c * k * x * x)
    return float(x)


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
    """Arguments for which the program is meant; all finite numbers of the format unless the mathematics, the count of
    quarter turns or the exponent range of the internal format says otherwise."""
    low, high = _DOMAINS.get(choice.name, (-math.inf, math.inf))
    inner, outer = parse(choice.internal_format), parse(choice.format)
    if inner.exponent_bits <= outer.exponent_bits:
        largest = -inner.minimum_exponent * math.log(2)
        if choice.name in _SMALL_TAILS:
            low = max(low, -_SMALL_TAILS[choice.name](largest))
        if choice.name in _GROWING:
            low, high = max(low, -_GROWING[choice.name](largest)), min(high, _GROWING[choice.name](largest))
    if choice.name.removesuffix("_derivative") in ("sin", "cos", "tan") and choice.name != "tan_derivative":
        turns = 2.0 ** (inner.mantissa_bits - inner.mantissa_bits // 2)
        low, high = -turns, turns
    return low, high
