"""What repeats, from the steps of a counter: exact where nothing is noisy, and as unsure as it says where it is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocompiler.measuring.simulation import Conditions, SimulatedMachine
from tocompiler.measuring.steady import steady
from tocompiler.measuring.window import Settings, open_metered, run_idle, run_window


@settings(max_examples=60, deadline=None)
@given(st.floats(0.05, 2.0), st.floats(1.0, 500.0), st.floats(0.001, 3.0))
def test_a_constant_power_is_found_whatever_the_tick(tick: float, watt: float, second: float) -> None:
    edges = np.arange(0.0, 60.0, tick)
    marks = np.arange(0.0, 60.0, second)
    found = steady(list(edges), list(watt * edges), list(marks), list(range(len(marks))))
    assert found is not None
    assert found.joule == pytest.approx(watt * second, rel=1e-9)
    assert found.half_width_joule <= 1e-6 * found.joule
    assert found.second_per_unit == pytest.approx(second)


def test_too_few_steps_are_no_answer() -> None:
    assert steady([0.0, 1.0], [0.0, 1.0], [0.0, 0.5, 1.0], [0, 1, 2]) is None
    assert steady([0.0, 1.0, 2.0], [0.0, 1.0, 2.0], [3.0, 4.0, 5.0], [0, 1, 2]) is None


def test_slowing_down_is_seen() -> None:
    marks = list(np.concatenate([np.arange(0, 10, 0.1), np.arange(10, 20, 0.2)]))
    found = steady(list(np.arange(0, 20, 0.1)), list(np.arange(0, 20, 0.1)), marks, list(range(len(marks))))
    assert found is not None
    assert found.slowed == pytest.approx(1.0, abs=0.05)


def test_a_counter_seen_late_is_never_surer_than_that() -> None:
    edges, marks = list(np.arange(0.0, 10.0, 1.0)), list(np.arange(0.0, 10.0, 0.01))
    found = steady(edges, edges, marks, list(range(len(marks))), late_second=0.1)
    assert found is not None
    # two edges, each spread evenly over .1 s: 1.895 * sqrt(2 / 12) * .1 s of the window's 9
    assert found.uncertainty == pytest.approx(1.895 * (2 / 12) ** 0.5 * 0.1 / 9.0, rel=0.02)


def test_stated_intervals_cover_what_they_say() -> None:
    """100 machines with drift, swings, noise, ticks of .1 to 2 s, wrap-around and a floor: the answer is known."""
    random = np.random.default_rng(7)
    inside, worst = 0, 0.0
    for _ in range(100):
        idle = random.uniform(5, 60)
        machine = SimulatedMachine(Conditions(
            idle_watt=idle, drift_watt=random.uniform(-0.1, 0.1) * idle, swing_watt=random.uniform(0, 0.03) * idle,
            noise=random.uniform(0.002, 0.04), noise_second=10 ** random.uniform(-2, -0.5),
            tick_second=10 ** random.uniform(-1, 0.3), range_joule=random.uniform(500, 5000),
        ), seed=int(random.integers(1 << 31)))
        metered, second = open_metered(machine, machine), 10 ** random.uniform(-4, 0.5)
        joule = random.uniform(1, 4) * idle * second

        def run(count: int, machine: SimulatedMachine = machine, joule: float = joule, second: float = second) -> None:
            machine.execute(count, joule, second)

        floor = run_idle(metered, Settings())
        found, _ = run_window(metered, run, Settings(), float("inf"))
        moments = np.linspace(found.begin_second, found.end_second, 100)
        truth = joule + second * float(np.mean([machine.floor_watt(m) for m in moments]))
        assert abs(floor.joule / machine.floor_watt(floor.end_second) - 1) < 0.06
        worst = max(worst, abs(found.joule / truth - 1))
        inside += abs(found.joule - truth) <= found.half_width_joule
    assert worst < 0.02
    assert 82 <= inside <= 98  # 90 expected; three standard deviations of 100 draws are 9
