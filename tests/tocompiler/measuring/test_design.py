"""The informative order: it asks what is not known yet, learns from every row, and remembers earlier sessions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hardware import load_device
from tocompiler.measuring.design import Informative
from tocompiler.measuring.plan import Plan, Workload
from tocompiler.measuring.session import Session, measure
from tocompiler.measuring.simulation import Conditions, SimulatedMachine, SimulatedRuntime

ALIKE = [Workload(f"mlp:{n}-{n}-10", 256) for n in (1000, 1100, 1200, 1300, 1400)]
OTHER = Workload("relu 4000000", 8)


@pytest.fixture
def informative() -> Informative:
    return Informative(load_device("jetson_tx2_maxn"))


def test_what_is_unlike_everything_measured_comes_next(informative: Informative) -> None:
    for workload in ALIKE[:3]:
        informative.took(workload, 1.0)
    left = [*ALIKE[3:], OTHER]
    assert left[informative.next(left)] == OTHER
    informative.took(OTHER, 1.0)
    before = informative._information()
    informative.took(ALIKE[3], 1.0)
    assert np.linalg.slogdet(informative._information())[1] > np.linalg.slogdet(before)[1]


def test_a_row_corrects_what_the_prior_device_said(informative: Informative) -> None:
    informative.next(ALIKE)
    row = informative._row(ALIKE[0])
    assert row is not None
    expected = float(row @ np.exp(informative._theta))
    informative.took(ALIKE[0], 20 * expected)
    assert float(row @ np.exp(informative._theta)) == pytest.approx(20 * expected, rel=0.05)


def test_what_cannot_be_compiled_never_hinders(informative: Informative) -> None:
    left = [Workload("nonsense 3"), ALIKE[0]]
    assert left[informative.next(left)] == ALIKE[0]
    informative.took(left[0], 1.0)
    assert informative.next([left[0]]) == 0


def test_a_second_session_goes_on_where_the_first_stopped(tmp_path: Path) -> None:
    device = load_device("jetson_tx2_maxn")
    plan = Plan("t", (*ALIKE, OTHER), order="informative")

    def start() -> list[str]:
        machine = SimulatedMachine(Conditions())
        session = Session(SimulatedRuntime(machine, device), machine, machine)
        found = []
        for outcome in measure(plan, tmp_path / "t.csv", session, Informative(device)):
            found.append(outcome.workload.model)
            if len(found) == 2:
                break
        return found

    every = start() + start() + start()
    assert sorted(every) == sorted(w.model for w in plan.workloads)
    assert OTHER.model in every[:3]  # the ends of what is alike, and what is unlike, before what lies between
