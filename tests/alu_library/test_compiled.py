"""The compiled reading is the numeric one, bit for bit; what was searched with it belongs to the programs of today."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from alu_library.elementary.accuracy import errors_at, errors_of, evaluate
from alu_library.elementary.algorithms import Choice, choices, count, names
from alu_library.elementary.exhaustive import Searcher, kept, used_rows
from alu_library.elementary.references import in_float64
from alu_library.functions import function_rows

compiler = pytest.mark.skipif(shutil.which("c++") is None, reason="no C++ compiler")
SPECIAL = np.array([0, 0x80000000, 0x7f800000, 0xff800000, 0x7fc00000, 1, 0x80000001, 0x7fffff, 0x800000, 0x7f7fffff,
                    0xff7fffff, 0x3f800000, 0xbf800000], dtype=np.uint32)


def choice(name: str, algorithm: str, internal: str) -> Choice:
    return next(c for c in choices(name, "fp32") if (c.algorithm, c.internal_format) == (algorithm, internal))


@compiler
@pytest.mark.parametrize(("name", "algorithm", "internal"), [
    ("exp", "table_256_25b", "fp32"), ("sin", "polynomial_20b", "fp32"), ("gelu", "table_32_30b", "e9m31"),
    ("log", "quotient_26b", "e9m25"), ("sqrt", "goldschmidt_25b", "fp32"), ("exp", "cordic_25b", "e9m23"),
    ("tanh", "segments_3_27b", "e9m27"), ("rsqrt", "digit_recurrence", "e9m31"),
])
def test_compiled_and_numeric_agree_bit_for_bit(name: str, algorithm: str, internal: str) -> None:
    random = np.random.default_rng(11)
    patterns = np.concatenate([SPECIAL, random.integers(0, 1 << 32, 20_000, dtype=np.uint64).astype(np.uint32)])
    near = random.uniform(-16, 16, 10_000).astype(np.float32)
    with np.errstate(invalid="ignore"):  # a signalling NaN among the patterns
        x = np.concatenate([patterns.view(np.float32), near]).astype(np.float64)
    program = choice(name, algorithm, internal)
    numeric, compiled = evaluate(program, x), Searcher(program).evaluate(x)
    assert np.array_equal(numeric, compiled, equal_nan=True)
    zeros = numeric == 0
    assert np.array_equal(np.signbit(numeric[zeros]), np.signbit(compiled[zeros]))


@compiler
def test_a_search_finds_the_largest_error_of_the_numbers_it_visits() -> None:
    program = choice("exp", "table_32_14b", "fp32")
    count_of = 1 << 16
    found = Searcher(program).search(count_of)
    patterns = (np.arange(count_of, dtype=np.uint64) * 2654435761 & 0xffffffff).astype(np.uint32)
    with np.errstate(invalid="ignore"):
        x = patterns.view(np.float32).astype(np.float64)
    x = x[np.isfinite(x)]
    with np.errstate(all="ignore"):
        result = np.clip(evaluate(program, x), -2.0**128, 2.0**128)
        errors, gaps = errors_of(program, result, in_float64("exp")(x))
    assert found.points == len(x)
    assert found.max_error_ulp == pytest.approx(float(errors.max()), rel=1e-6)
    assert found.mean_error_ulp == pytest.approx(float(errors.mean()), rel=1e-6)
    assert found.max_error_absolute == float(gaps.max())
    assert found.worst == x[int(np.argmax(errors))]


def test_what_was_searched_is_what_the_table_states() -> None:
    """A program that changed has another hash: its result is no one's any more, and this fails."""
    rows = {(row.program_hash, row.name): row for name in names() for row in function_rows(name, "fp32")}
    assert kept()
    for program_hash, found in kept().items():
        row = rows[program_hash, found["name"]]
        assert (row.algorithm, row.internal_format, row.points) == (
            found["algorithm"], found["internal_format"], found["points"])
        assert row.max_error_ulp == pytest.approx(found["max_error_ulp"], rel=1.1e-3)
        assert row.max_error_ulp >= found["max_error_ulp"]
        assert row.worst == float(found["worst"])


def test_every_row_in_use_was_searched() -> None:
    for name in names():
        for row in used_rows(name):
            assert row.program_hash in kept(), (name, row.algorithm, row.internal_format)


@pytest.mark.parametrize("name", ["exp", "tanh", "sigmoid", "gelu", "erf", "log", "sin", "cos"])
def test_the_worst_argument_on_record_errs_by_what_is_stated(name: str) -> None:
    for row in used_rows(name):
        program = next(c for c in choices(name, "fp32") if count(c).program_hash() == row.program_hash)
        assert errors_at(program, row.worst) == pytest.approx(row.max_error_ulp, rel=1e-3)


@compiler
def test_a_search_that_was_stopped_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCOMPILER_CACHE", str(tmp_path))
    monkeypatch.setattr("alu_library.elementary.exhaustive._CHUNK", 1 << 20)
    searcher = Searcher(choice("tanh", "segments_3_25b", "fp32"))
    monkeypatch.setattr(Searcher, "_ranges", lambda self: [(0x3f000000, 3 << 20)])
    whole = searcher.search()
    assert len(list(tmp_path.iterdir())) == 3
    assert (whole.points, searcher._symmetric) == (2 * 3 << 20, True)  # tanh is odd: both signs are known
    plain = searcher._part(0x3f000000, 3 << 20, 1)
    assert (whole.max_error_ulp, whole.worst) == (plain.max_error_ulp, plain.worst)
    assert whole.mean_error_ulp == pytest.approx(plain.mean_error_ulp)

    def again(*asked: int) -> None:
        raise AssertionError(f"searched again: {asked}")

    monkeypatch.setattr(Searcher, "_part", again)
    assert searcher.search() == whole


@compiler
def test_the_numbers_of_a_domain_are_searched_once() -> None:
    for name, algorithm, expected in (("log", "quotient_20b", [(0, 0x7f800000)]),
                                      ("acosh", None, [(0x3f800000, 0x7f800000)]), ("exp", "table_256_25b", None)):
        program = choice(name, algorithm, "fp32") if algorithm else next(iter(choices(name, "fp32")))
        found = [(start, start + count_of) for start, count_of in Searcher(program)._ranges()]
        if expected is None:
            expected = [(0, 0x7f800000), (1 << 31, 0xff800000)]
        assert len(found) >= len(expected)
        for (start, end), (low, high) in zip(found, expected, strict=False):
            assert start <= low < high <= end <= high + 4096
