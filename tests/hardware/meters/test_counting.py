"""A counter that wraps, resets and jumps; power that is integrated."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardware.meters.base import Counter, MeterError, PowerIntegral


@given(st.lists(st.floats(0, 90), min_size=1, max_size=50), st.floats(0, 99.9))
def test_wrapping_loses_nothing(steps: list[float], start: float) -> None:
    counter, true = Counter("package", range_joule=100.0), start
    counter.since(0.0, start)
    for second, step in enumerate(steps, 1):
        true += step
        counter.since(float(second), math.fmod(true, 100.0))
    assert counter.joule == pytest.approx(sum(steps), abs=1e-6)


def test_a_counter_that_goes_back_without_a_range_was_reset() -> None:
    counter = Counter("gpu-0")
    counter.since(0.0, 50.0)
    with pytest.raises(MeterError, match="gpu-0: the counter went back by 40 J: it was reset"):
        counter.since(1.0, 10.0)


def test_a_reset_is_not_taken_for_a_wrap() -> None:
    counter = Counter("package", range_joule=262143.0)
    counter.since(0.0, 5000.0)
    with pytest.raises(MeterError, match=r"jumped by 2\.571e"):
        counter.since(0.01, 0.0)


@pytest.mark.parametrize("watt", [-1.0, float("nan"), 1e6])
def test_what_is_no_power_is_said(watt: float) -> None:
    with pytest.raises(MeterError, match="which is no power"):
        PowerIntegral("board").since(0.0, watt)


def test_power_is_integrated_by_trapezoids() -> None:
    power = PowerIntegral("board")
    for second in range(11):
        power.since(second / 10, 10.0 * second / 10)
    assert power.joule == pytest.approx(5.0)  # a ramp from 0 to 10 W within a second
