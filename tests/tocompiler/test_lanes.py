"""Lanes are numbers: whatever is computed with them is, at every point, what is computed with that point's number."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocompiler import lanes
from tocompiler.lanes import Divided, Lane

NUMBERS = st.one_of(st.integers(-9, 9), st.integers(-(2**70), 2**70), st.integers(-(2**31), 2**31))
COMPUTED: dict[str, Callable[[Any, Any], Any]] = {
    "add": lambda a, b: a + b, "subtract": lambda a, b: a - b, "multiply": lambda a, b: a * b,
    "floor": lambda a, b: a // b, "remainder": lambda a, b: a % b, "ceiling": lambda a, b: -(-a // b),
    "power": lambda a, b: a**3 - b, "negative": lambda a, b: -a + b, "product": lambda a, b: math.prod((a, b, 2)),
    "sum": lambda a, b: sum([a, b, a]), "larger": lanes.larger, "smaller": lanes.smaller,
    "reversed": lambda a, b: 7 - a,
}


def values(result: Any, count: int) -> list[Any]:
    return [int(v) for v in np.broadcast_to(result.values if type(result) is Lane else result, count).tolist()]


@pytest.mark.parametrize("name", COMPUTED)
@given(a=st.lists(NUMBERS, min_size=2, max_size=4), b=st.lists(NUMBERS, min_size=4, max_size=4))
@settings(max_examples=60, deadline=None)
def test_integers_are_exact_at_every_point(name: str, a: list[int], b: list[int]) -> None:
    b = b[:len(a)]
    if name in ("floor", "remainder", "ceiling"):
        b = [n or 1 for n in b]
    expected = [COMPUTED[name](x, y) for x, y in zip(a, b, strict=True)]
    made = COMPUTED[name](Lane.of(np.array(a, dtype=object)), Lane.of(np.array(b, dtype=object)))
    assert values(made, len(a)) == expected
    assert values(COMPUTED[name](Lane.of(np.array(a, dtype=object)), b[0]), len(a)) == [
        COMPUTED[name](x, b[0]) for x in a]


def test_64_bits_are_left_before_they_overflow_and_entered_again() -> None:
    wide = Lane.of([3, 5]) * 2**62
    assert wide.values.dtype == object
    assert wide.values.tolist() == [3 * 2**62, 5 * 2**62]
    assert (wide // 2**62).values.dtype == np.int64


@given(a=st.lists(st.floats(-1e9, 1e9), min_size=3, max_size=3), b=st.integers(1, 2**60))
@settings(max_examples=60, deadline=None)
def test_quotients_and_roundings_are_those_of_numbers(a: list[float], b: int) -> None:
    for function in (math.ceil, math.floor, math.trunc, round):
        assert values(function(Lane(np.array(a))), 3) == [function(x) for x in a]
    whole = Lane(np.array([b, b + 1, b + 2], dtype=object))
    assert (whole / 3).values.tolist() == [b / 3, (b + 1) / 3, (b + 2) / 3]


def test_a_lane_passes_for_a_number_and_collapses_where_all_are_one() -> None:
    assert isinstance(Lane.of([1, 2]), int)
    assert isinstance(Lane.of([1.5, 2.5]), float)
    assert Lane.of([4, 4]) == 4
    assert type(Lane.of([4, 4])) is int
    assert type(Lane.of([1, 2]) * 0) is int


def test_points_that_answer_differently_part() -> None:
    n = Lane.of([3, 5, 8])
    assert n > 2
    assert n != 9
    with pytest.raises(Divided) as parted:
        bool(n > 4)
    assert parted.value.labels.tolist() == [False, True, True]


@pytest.mark.parametrize("use", [range, float, int, lambda n: [0] * n, lambda n: "abc"[n], math.sqrt])
def test_what_takes_one_number_parts_them_by_value(use: Callable[[Any], Any]) -> None:
    with pytest.raises(Divided) as parted:
        use(Lane.of([3, 5, 3]))
    assert parted.value.labels.tolist() == [3, 5, 3]


def test_axes_broadcast_and_equal_lanes_hash_alike() -> None:
    a, b = Lane.of(np.array([[1], [2]])), Lane.of(np.array([[10, 20, 30]]))
    assert (a * b).values.tolist() == [[10, 20, 30], [20, 40, 60]]
    assert hash(Lane.of([1, 2])) == hash(Lane.of([1, 2]))
    assert Lane.of([1, 2]) == Lane.of([1, 2])
    assert str(a * b) == "10..60"


def test_division_by_zero_is_what_it_is_for_a_number() -> None:
    with pytest.raises(ZeroDivisionError):
        1 // (Lane.of([1, 2]) * 0)
    with pytest.raises(Divided):
        1 // Lane.of([0, 2])


def test_logarithm_and_choice() -> None:
    n = Lane.of([1.0, 4.0])
    assert lanes.log(n).values.tolist() == [0.0, math.log(4)]
    assert lanes.either(lambda x: x > 2, n, n, 0.0).values.tolist() == [0.0, 4.0]
    assert lanes.either(lambda x: x > 2, 1.0, 5.0, 0.0) == 0.0
    assert lanes.anywhere(n)
    assert not lanes.anywhere(0.0)
