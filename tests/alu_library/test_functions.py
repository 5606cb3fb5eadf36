"""The shipped tables: what a row states is what its program does, and nothing is priced that was not measured."""

from __future__ import annotations

import importlib
import json
import math
import pkgutil
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import mpmath
import numpy as np
import pytest

from alu_library.elementary import functions, table
from alu_library.elementary.accuracy import Accuracy, evaluate, measure, points
from alu_library.elementary.algorithms import Choice, choices, count, names
from alu_library.elementary.coefficients import Fit, kept
from alu_library.elementary.exhaustive import used_rows
from alu_library.elementary.remez import remez
from alu_library.elementary.segments import LARGEST_TABLE
from alu_library.formats import parse
from alu_library.functions import (
    FORMATS,
    FunctionRow,
    allowed_error,
    cost,
    function,
    function_names,
    function_rows,
    unit_cost,
)
from alu_library.tasks import PRIMITIVES

WATCHED = ("exp", "tanh", "sigmoid", "gelu", "divide", "log", "sin")
"""Functions whose every row is measured again here; the table's generator measures all of them."""


def every_row(format: str) -> Iterator[FunctionRow]:
    for name in function_names(format):
        yield from function_rows(name, format)


def choice_of(row: FunctionRow) -> Choice:
    return next(c for c in choices(row.name, row.format)
                if (c.algorithm, c.internal_format) == (row.algorithm, row.internal_format))


@pytest.mark.parametrize("format", FORMATS)
def test_every_function_has_a_row_in_every_format(format: str) -> None:
    for name in names():
        assert function_rows(name, format), name


@pytest.mark.parametrize("format", ["fp32", "bf16", "fp8_e4m3"])
def test_rows_are_their_programs(format: str) -> None:
    """The hash covers operations, formats, constants and tables: when a program changes, its row is void."""
    for name in WATCHED:
        programs = {(c.algorithm, c.internal_format): count(c) for c in choices(name, format)}
        for row in function_rows(name, format):
            counted = programs[row.algorithm, row.internal_format]
            assert row.program_hash == counted.program_hash(), (row.name, row.algorithm)
            assert row.tasks == counted.tasks
            assert (row.depth, row.table_bit) == (counted.depth, counted.table_bit)


@pytest.mark.parametrize("format", FORMATS)
def test_every_cost_has_a_measured_error(format: str) -> None:
    for row in every_row(format):
        assert row.points > 0, (row.name, row.algorithm)
        for error in (row.max_error_ulp, row.mean_error_ulp, row.max_error_absolute):
            assert math.isfinite(error)
            assert error >= 0
        assert row.mean_error_ulp <= row.max_error_ulp
        assert all(task in PRIMITIVES for task, _ in row.tasks)


@pytest.mark.parametrize("format", FORMATS)
def test_no_table_has_more_entries_than_an_algorithm_may(format: str) -> None:
    for row in every_row(format):
        for task, size in row.tasks:
            if task == "table_read":
                assert int(size.split("x")[0]) <= LARGEST_TABLE


@pytest.mark.parametrize("name", WATCHED)
def test_fp32_errors_hold_on_fresh_points(name: str) -> None:
    """Points that no search has seen: the rows in use were searched on so many that nothing exceeds what they state."""
    for row in used_rows(name):
        found = measure(choice_of(row), 60_000, checked=50, seed=12)
        assert found.max_error_ulp <= row.max_error_ulp * (1 + 1e-6)


@pytest.mark.parametrize("format", ["fp16", "bf16"])
@pytest.mark.parametrize("name", ["exp", "tanh", "gelu"])
def test_sixteen_bit_errors_are_those_of_the_whole_format(name: str, format: str) -> None:
    row = min(function_rows(name, format), key=lambda r: r.max_error_ulp)
    found = measure(choice_of(row), 0, checked=20)
    assert found.points == row.points
    assert found.max_error_ulp == pytest.approx(row.max_error_ulp, rel=2e-3)
    assert row.max_error_ulp <= 0.51


def test_whole_format_means_every_finite_number() -> None:
    (x, second), = points(next(choices("tanh", "bf16")), 0)
    assert second is None
    assert len(x) == 2 * 255 * 128 == len(np.unique(np.copysign(1.0, x) * (np.abs(x) + (x == 0) * 1e-300)))


@pytest.mark.parametrize("name", ["exp", "tanh", "sigmoid", "gelu"])
def test_one_ulp_is_reached_in_fp32(name: str) -> None:
    assert min(r.max_error_ulp for r in function_rows(name, "fp32")) <= 1


@pytest.mark.parametrize("format", ["fp16", "bf16"])
def test_every_function_has_a_nearly_correctly_rounded_choice(format: str) -> None:
    for name in function_names(format):
        assert min(r.max_error_ulp for r in function_rows(name, format)) <= 0.51, name


def test_measuring_one_function_leaves_the_other_rows_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = table.stored("bf16")
    monkeypatch.setattr(table, "files", lambda package: tmp_path)
    monkeypatch.setattr(table.coefficients, "store", lambda: None)
    (tmp_path / "data").mkdir()
    table.write("bf16", {name: rows[:1] for name, rows in before.items() if name in ("relu", "relu6", "tanh")})
    table.main(["--format", "bf16", "--function", "relu6"])
    after = table.stored("bf16")
    assert list(after) == ["relu", "relu6", "relu6_derivative", "tanh"]
    assert after["tanh"] == before["tanh"][:1]
    assert after["relu6_derivative"] == before["relu6_derivative"]
    with pytest.raises(SystemExit, match="no function 'swoosh'"):
        table.main(["--function", "swoosh"])


def test_the_error_measure_is_mullers_ulp() -> None:
    """relu of 1.5 less one unit in the last place: a program that is wrong by 1 ulp is measured as wrong by 1 ulp."""
    choice = next(choices("relu", "fp16"))
    spacing = 2.0**-10

    def wrong(x):  # type: ignore[no-untyped-def]
        return choice.program(x) + spacing

    found: Accuracy = measure(
        Choice("relu", "fp16", "fp16", "wrong", 0, lambda x: wrong(x), {}), 0, checked=0)
    assert found.max_error_absolute >= spacing
    assert found.max_error_ulp > 1


def test_division_is_ieee_division() -> None:
    choice = next(c for c in choices("divide", "fp32") if c.style == "digit_recurrence" and c.internal_format == "fp32")
    random = np.random.default_rng(5)
    a, b = (random.normal(size=4000).astype(np.float32) for _ in range(2))
    ours = evaluate(choice, a.astype(np.float64), b.astype(np.float64))
    assert np.array_equal(ours.astype(np.float32), a / b)


def test_default_is_the_cheapest_within_the_default_error() -> None:
    row = function("exp", "fp32")
    good = [r for r in function_rows("exp", "fp32") if r.max_error_ulp <= allowed_error("fp32")]
    assert cost(row) == min(cost(r) for r in good)
    assert function("exp", "bf16").max_error_ulp <= 1


def test_a_tighter_bound_never_costs_less() -> None:
    costs = [cost(function("sigmoid", "fp32", max_error_ulp=e)) for e in (0.6, 1, 4, 100, 1e6)]
    assert costs == sorted(costs, reverse=True)


def test_an_impossible_bound_is_refused_in_one_line() -> None:
    with pytest.raises(ValueError, match=r"no algorithm of exp in fp32 is within 0\.1 ulp") as error:
        function("exp", "fp32", max_error_ulp=0.1)
    assert "\n" not in str(error.value)


def test_an_algorithm_may_be_named() -> None:
    assert function("exp", "fp32", algorithm="cordic_25b").algorithm == "cordic_25b"
    with pytest.raises(ValueError, match="use one of"):
        function("exp", "fp32", algorithm="guess")


def test_unknown_functions_are_refused_by_name() -> None:
    with pytest.raises(ValueError, match="'bessel'"):
        function("bessel", "fp32")


def test_formats_without_a_table_take_a_wider_one() -> None:
    assert function("exp", "e8m15").tasks[("convert", "fp32")] >= 2
    assert function("exp", "int32").internal_format in ("fp32", "e8m27", "e8m31", "fp64")
    assert function("sigmoid", "int8").tasks == function("sigmoid", "fp8_e4m3").tasks


def test_relu_is_one_comparison_and_cheaper_than_any_multiplication() -> None:
    assert dict(function("relu", "fp32").tasks) == {("compare", "fp32"): 1}
    assert cost(function("relu", "fp32")) < unit_cost("fp32")


def fits() -> list[Fit]:
    """Every approximated function: those that a file of functions holds."""
    names = (f"{functions.__name__}.{module.name}" for module in pkgutil.iter_modules(functions.__path__))
    modules = [importlib.import_module(name) for name in names]
    return sorted({fit.name: fit for m in modules for fit in vars(m).values() if isinstance(fit, Fit)}.values(),
                  key=lambda fit: fit.name)


@pytest.mark.parametrize("fit", fits(), ids=lambda fit: fit.name)
def test_kept_coefficients_are_what_remez_finds(fit: Fit) -> None:
    """One polynomial of each kind is fitted again; float64 is what the file keeps."""
    key = next(k for k in sorted(kept()) if k.startswith(f"{fit.name} ["))
    low, high, degree = re.fullmatch(r".* \[(.*), (.*)\] degree (\d+)", key).groups()  # type: ignore[union-attr]
    weight = fit.weight
    found, _ = remez(lambda x: fit.function(mpmath.mp, x), float(low), float(high), int(degree),
                     None if weight is None else lambda x: weight(mpmath.mp, x))
    stated = [float.fromhex(v) for v in kept()[key][:-1]]
    # The file's name holds nine digits of the interval's ends, so the last digits of the fit may differ.
    assert [float(c) for c in found] == pytest.approx(stated, rel=1e-4, abs=1e-12)


def test_remez_levels_the_error_of_exp() -> None:
    """Degree 3 on [-1, 1]: mpmath's Chebyshev fit bounds the minimax error from above, a third of it from below."""
    _, error = remez(mpmath.exp, -1, 1, 3, lambda x: mpmath.mpf(1))
    _, chebyshev = mpmath.chebyfit(mpmath.exp, [-1, 1], 4, error=True)
    assert float(chebyshev) / 3 < error <= float(chebyshev) * 1.001


def test_lookup_needs_only_the_standard_library() -> None:
    """A fresh interpreter: no numpy, no sympy, and the table is read in well under a tenth of a second."""
    script = ("import sys, json, time; t = time.perf_counter(); import alu_library.functions as f; "
              "f.function_rows('gelu', 'fp32'); s = time.perf_counter() - t; "
              "print(json.dumps([s, [m for m in ('numpy', 'sympy', 'scipy', 'mpmath') if m in sys.modules]]))")
    seconds, imported = json.loads(subprocess.run([sys.executable, "-c", script], capture_output=True, text=True,
                                                  check=True).stdout)
    assert imported == []
    assert seconds < 1


def test_formats_of_rows_parse() -> None:
    for row in every_row("fp32"):
        assert parse(row.internal_format).is_float
