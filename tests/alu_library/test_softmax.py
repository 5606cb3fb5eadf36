"""Softmax over vectors: counts by hand, results against numpy in float64."""

from __future__ import annotations

import numpy as np
import pytest

from alu_library.elementary.algorithms import Choice, suite
from alu_library.elementary.numeric import Numeric
from alu_library.elementary.programs import Counter, Operand
from alu_library.elementary.softmax import ELEMENTS, PROGRAMS, choices, measured, run
from alu_library.functions import function_rows


def primitive_counts(name: str, style: str, n: int) -> tuple[dict[str, int], int]:
    """Tasks of a vector of n with every elementary function left as one ``convert``, and how often exp was called."""
    calls = []

    def elementary(x: Operand) -> Operand:
        calls.append(1)
        return x.reading.apply("convert", x.format, x)

    counter = Counter(algorithms={"exp": elementary, "log": elementary})
    PROGRAMS[name][style]([counter.input("fp32") for _ in range(n)])
    return counter.tasks.by_task(), len(calls)


def test_safe_softmax_is_what_the_operator_counts() -> None:
    # n - 1 comparisons, n subtractions and n - 1 additions, n exponentials, n divisions
    tasks, calls = primitive_counts("softmax", "safe", 8)
    assert (tasks["compare"], tasks["add"], tasks["divide"], calls) == (7, 8 + 7, 8, 8)


def test_log_softmax_takes_one_logarithm_and_no_division() -> None:
    tasks, calls = primitive_counts("log_softmax", "safe", 8)
    assert (tasks["compare"], tasks["add"], tasks.get("divide", 0), calls) == (7, 8 + 7 + 8, 0, 8 + 1)


def test_online_softmax_pays_for_its_single_pass_in_exponentials() -> None:
    tasks, calls = primitive_counts("softmax", "online", 8)
    assert calls == 2 * 7 + 8
    assert tasks["multiply"] == 7


@pytest.mark.parametrize("style", ["safe", "online"])
def test_softmax_agrees_with_numpy(style: str) -> None:
    choice = Choice("softmax", "fp32", "fp32", f"{style}_polynomial", 25, lambda x: x, suite("polynomial", "fp32", 25))
    x = np.random.default_rng(1).normal(0, 3, (10, 200)).astype(np.float32).astype(np.float64)
    reading = Numeric()
    ours = np.stack([r.value for r in run(choice, reading, [reading.input(row, "fp32") for row in x])])
    exact = np.exp(x) / np.exp(x).sum(axis=0)
    assert np.max(np.abs(ours / exact - 1)) < 2e-6
    assert np.allclose(ours.sum(axis=0), 1, atol=1e-6)


@pytest.mark.parametrize("name", sorted(PROGRAMS))
@pytest.mark.parametrize("format", ["bf16", "fp32"])
def test_rows_are_their_programs(name: str, format: str) -> None:
    programs = {(c.algorithm, c.internal_format): (counted, accuracy) for c, counted, accuracy
                in measured(name, format, 640) if c.internal_format in (format, "e8m13")}
    compared = 0
    for row in function_rows(name, format):
        if (row.algorithm, row.internal_format) in programs:
            counted, accuracy = programs[row.algorithm, row.internal_format]
            assert (row.program_hash, row.tasks, row.elements) == (counted.program_hash(), counted.tasks, ELEMENTS)
            assert accuracy.max_error_ulp <= row.max_error_ulp * 1.5  # a hundred times fewer points
            compared += 1
    assert compared >= 2


def test_every_choice_names_its_way_and_its_exponential() -> None:
    assert {c.style for c in choices("softmax", "bf16")} == {
        "safe_polynomial", "safe_table_32", "online_polynomial", "online_table_32"}
