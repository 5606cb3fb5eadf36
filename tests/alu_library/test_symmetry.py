"""Parity read off a trace: what it claims of a program holds for its results, bit for bit."""

from __future__ import annotations

import numpy as np
import pytest

from alu_library.elementary.accuracy import evaluate
from alu_library.elementary.algorithms import Choice, choices, count
from alu_library.elementary.symmetry import parity

ODD = ("tanh", "erf", "sin", "sinh", "asinh", "atan", "tan", "softsign")
EVEN = ("cos", "cosh", "hard_tanh_derivative", "softsign_derivative")
NEITHER = ("exp", "gelu", "relu", "log", "expm1", "acos", "silu")


def first(name: str) -> Choice:
    return next(iter(choices(name, "fp32")))


@pytest.mark.parametrize(("names", "expected"), [(ODD, -1), (EVEN, 1), (NEITHER, 0)])
def test_parity_is_what_the_function_has(names: tuple[str, ...], expected: int) -> None:
    assert {name: parity(count(first(name)).trace) for name in names} == dict.fromkeys(names, expected)


@pytest.mark.parametrize("name", [*ODD, *EVEN])
def test_a_program_of_known_parity_gives_mirrored_results(name: str) -> None:
    patterns = np.random.default_rng(5).integers(0, 0x7f800000, 20_000, dtype=np.uint64).astype(np.uint32)
    x = patterns.view(np.float32).astype(np.float64)
    program = first(name)
    sign = parity(count(program).trace)
    assert np.array_equal(evaluate(program, -x), sign * evaluate(program, x), equal_nan=True)


def test_what_a_trace_does_not_show_is_not_claimed() -> None:
    even_and_odd = ["input fp32", "absolute fp32 0 {}", "add fp32 0 1 {}"]
    assert parity(even_and_odd) == 0
    assert parity(["input fp32", "constant fp32 0x1.0p+0", "add fp32 0 1 {}"]) == 0
    assert parity(["input fp32", "constant fp32 0x1.0p+0", "less uint2 0 1 {}", "select fp32 1 1 2 {}"]) == 0
