"""Infinities, NaN, zeros, poles, subnormal numbers and arguments of any size: IEEE 754 and C99 are the oracle."""

from __future__ import annotations

import math
from functools import cache
from itertools import product

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alu_library.elementary.accuracy import evaluate
from alu_library.elementary.algorithms import Choice, choices, names, two_arguments
from alu_library.elementary.programs import Counter
from alu_library.elementary.special import special_values_wrong
from alu_library.functions import function, function_rows

INF, NAN = math.inf, math.nan
C99 = {  # ISO/IEC 9899:1999, F.9, and IEEE 754-2019, 9.2.1: argument to result
    "exp": ((0.0, 1), (-0.0, 1), (-INF, 0), (INF, INF)),
    "exp2": ((0.0, 1), (-INF, 0), (INF, INF)),
    "expm1": ((0.0, 0), (-0.0, -0.0), (-INF, -1), (INF, INF)),
    "log": ((0.0, -INF), (-0.0, -INF), (1, 0), (-1, NAN), (INF, INF), (-INF, NAN)),
    "log2": ((0.0, -INF), (1, 0), (-1, NAN), (INF, INF)),
    "log10": ((0.0, -INF), (1, 0), (-1, NAN), (INF, INF)),
    "log1p": ((0.0, 0), (-0.0, -0.0), (-1, -INF), (-2, NAN), (INF, INF)),
    "sin": ((0.0, 0), (-0.0, -0.0), (INF, NAN), (-INF, NAN)),
    "cos": ((0.0, 1), (INF, NAN)),
    "tan": ((-0.0, -0.0), (INF, NAN)),
    "asin": ((-0.0, -0.0), (2, NAN)),
    "acos": ((1, 0), (2, NAN)),
    "atan": ((-0.0, -0.0), (INF, math.pi / 2), (-INF, -math.pi / 2)),
    "sinh": ((-0.0, -0.0), (INF, INF), (-INF, -INF)),
    "cosh": ((0.0, 1), (INF, INF), (-INF, INF)),
    "tanh": ((-0.0, -0.0), (INF, 1), (-INF, -1)),
    "asinh": ((-0.0, -0.0), (INF, INF), (-INF, -INF)),
    "acosh": ((1, 0), (0.5, NAN), (-INF, NAN), (INF, INF)),
    "atanh": ((-0.0, -0.0), (1, INF), (-1, -INF), (2, NAN)),
    "erf": ((-0.0, -0.0), (INF, 1), (-INF, -1)),
    "sqrt": ((-0.0, -0.0), (-1, NAN), (INF, INF)),
    "rsqrt": ((0.0, INF), (-0.0, -INF), (-1, NAN), (INF, 0)),
    "reciprocal": ((0.0, INF), (-0.0, -INF), (INF, 0), (-INF, -0.0)),
    # activations: their limits
    "gelu": ((0.0, 0), (INF, INF), (-INF, 0)),
    "silu": ((INF, INF), (-INF, 0)),
    "sigmoid": ((0.0, 0.5), (INF, 1), (-INF, 0)),
    "softplus": ((INF, INF), (-INF, 0)),
    "mish": ((INF, INF), (-INF, 0)),
    "softsign": ((INF, 1), (-INF, -1)),
    "hard_swish": ((INF, INF), (-INF, 0)),
    "relu": ((INF, INF), (-INF, 0)),
    "elu": ((INF, INF), (-INF, -1)),
}


@cache
def used(name: str, format: str) -> Choice:
    row = function(name, format)
    return next(c for c in choices(name, format)
                if (c.algorithm, c.internal_format) == (row.algorithm, row.internal_format))


@pytest.mark.parametrize("name", sorted(C99))
def test_what_the_standard_says_of_the_default_in_every_format(name: str) -> None:
    for format in ("fp32", "bf16", "fp16", "fp64", "fp8_e5m2"):
        x, expected = np.array([*C99[name], (NAN, NAN)]).T
        got = evaluate(used(name, format), x)
        assert got == pytest.approx(expected, rel=0.07 if format == "fp8_e5m2" else 4e-3, abs=0, nan_ok=True)
        exact = (expected == 0) | ~np.isfinite(expected) | (expected == 1)
        assert np.array_equal(got[exact], expected[exact], equal_nan=True)
        if np.any((x == 0) & np.signbit(x)):  # then the sign of zero is stated
            assert np.array_equal(np.signbit(got[expected == 0]), np.signbit(expected[expected == 0]))


@pytest.mark.parametrize("format", ["fp32", "bf16", "fp16", "fp8_e4m3"])
def test_no_row_in_use_is_wrong_at_a_special_value(format: str) -> None:
    for name in names():
        row = function(name, format)
        assert special_values_wrong(used(name, format), row.max_error_ulp) == []


@pytest.mark.parametrize("name", ["exp", "log", "sin", "gelu", "divide", "rsqrt", "tanh"])
def test_no_algorithm_is_wrong_at_a_special_value(name: str) -> None:
    programs = {(c.algorithm, c.internal_format): c for c in choices(name, "fp32")}
    for row in function_rows(name, "fp32"):
        assert special_values_wrong(programs[row.algorithm, row.internal_format], row.max_error_ulp) == []


def test_a_program_that_forgets_is_caught() -> None:
    """exp without its range reduction's clamp, relu of NaN by a select: wrong results are found and named."""
    plain = next(choices("relu", "fp32"))
    forgetful = Choice("softsign", "fp32", "fp32", "forgetful", 0, lambda x: x / (1 + x.reading.apply(
        "absolute", x.format, x)), {})
    assert special_values_wrong(plain, 0.5) == []
    assert [line.partition(" in ")[0] for line in special_values_wrong(forgetful, 1.5)] == [
        "softsign(inf)", "softsign(-inf)"]


def test_powers_are_those_of_the_c_library() -> None:
    values = [0.0, -0.0, 1.0, -1.0, 2.0, -2.0, 0.5, -0.5, 3.0, -3.0, INF, -INF, NAN, 2.5, -2.5, 1e30, -1e30]
    x, y = np.array(list(product(values, values))).T
    got = evaluate(used("pow", "fp32"), x.astype(np.float32).astype(float), y.astype(np.float32).astype(float))
    with np.errstate(all="ignore"):
        expected = np.power(x.astype(np.float32), y.astype(np.float32))
    assert np.array_equal(np.isnan(got), np.isnan(expected))
    assert got.astype(np.float32) == pytest.approx(expected, rel=1e-6, nan_ok=True)
    zero = expected == 0
    assert np.array_equal(np.signbit(got[zero]), np.signbit(expected[zero]))


@pytest.mark.parametrize("name", ["exp", "silu", "sinh", "expm1", "sin", "atanh", "log1p", "gelu", "softplus"])
def test_results_below_the_smallest_normal_number_are_gradual(name: str) -> None:
    """Arguments whose results are subnormal: within the row's error in units of the smallest number, not flushed."""
    small = 2.0**-149 * np.array([1, 3, 1001, 2**22 + 1, 2**23 - 1])
    far = name in ("exp", "silu", "softplus")
    x = np.array([-93.5, -95.5, -99.0, -103.0], dtype=np.float32) if far else np.concatenate([small, -small])
    got = evaluate(used(name, "fp32"), x := x.astype(float))
    with mpmath.workdps(80):
        exact = [getattr(mpmath, name, None) or {
            "silu": lambda v: v / (1 + mpmath.exp(-v)), "gelu": lambda v: v * mpmath.ncdf(v),
            "softplus": lambda v: mpmath.log1p(mpmath.exp(v))}[name] for _ in x]
        errors = [abs(mpmath.mpf(g) - f(mpmath.mpf(v))) / mpmath.mpf(2) ** -149
                  for g, f, v in zip(got, exact, x, strict=True)]
    assert max(errors) <= function(name, "fp32").max_error_ulp + 0.5
    assert np.count_nonzero(got) == len(x) - (name == "gelu") * np.count_nonzero(np.abs(x) == 2.0**-149)


@pytest.mark.parametrize(("name", "x"), [
    ("cos", -252.89820861816406), ("sin", 204.2035369873047), ("sin", 3.4028234663852886e38),
    ("cos", 16367173.0 * 2.0**72), ("tan", 1.5707963705062866)])
def test_next_to_multiples_of_a_quarter_turn(name: str, x: float) -> None:
    """Where the nearest number to k pi/2 lies 2^-30 from it, three parts of pi/2 in fp32 leave nothing right."""
    for choice in choices(name, "fp32"):
        if choice.style == "polynomial" and choice.bits >= 20:
            with mpmath.workdps(80):
                exact = getattr(mpmath, name)(mpmath.mpf(x))
                got = mpmath.mpf(float(evaluate(choice, np.array([x]))[0]))
                assert abs(got / exact - 1) < 4 * 2.0**-23


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_sines_of_any_number_are_right(pattern: int) -> None:
    x = float(np.array([pattern], dtype=np.uint32).view(np.float32)[0])
    got = float(evaluate(used("sin", "fp32"), np.array([x]))[0])
    if not math.isfinite(x):
        assert math.isnan(got)
        return
    with mpmath.workdps(80):
        exact = mpmath.sin(mpmath.mpf(x))
        assert abs(mpmath.mpf(got) - exact) <= 3 * max(abs(exact) * mpmath.mpf(2) ** -23, mpmath.mpf(2) ** -149)


def test_special_values_are_priced() -> None:
    """What deals with them is in the count: bits of the fields are logic, and choices are selects."""
    for name in ("log", "sin", "softsign"):
        if not two_arguments(name):
            tasks = function(name, "fp32").tasks.by_task()
            assert tasks["select"] >= 1
            assert tasks["logic"] >= 1
    counter = Counter()
    x = counter.input("fp32")
    x.reading.apply("is_finite", "uint2", x)
    assert dict(counter.tasks) == {("logic", "int16"): 1}
