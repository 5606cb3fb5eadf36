"""Sessions on a simulated machine: rows of known energy, faults, resuming."""

from __future__ import annotations

import csv
import os
import random
import signal
import time
from collections import Counter
from pathlib import Path

import pytest

from hardware.measurement import read_table
from hardware.meters import MeterError, Reading
from tocompiler.measuring.plan import Plan, Workload
from tocompiler.measuring.session import Outcome, Session, measure
from tocompiler.measuring.simulation import Conditions, SimulatedMachine
from tocompiler.measuring.window import Settings

from .conftest import JOULE, SECOND, Fixed, session_on


def finish(plan: Plan, table: Path, session: Session) -> list[Outcome]:
    return list(measure(plan, table, session))


def models(table: Path) -> list[str]:
    return [row.model for row in read_table(table)]


def test_a_row_holds_all_the_energy_and_tells_the_floor(machine: SimulatedMachine, plan: Plan, table: Path) -> None:
    finish(plan, table, session_on(machine))
    rows = read_table(table)
    assert [row.model for row in rows] == [w.model for w in plan.workloads]
    for row in rows:
        assert row.energy_joule / row.executions == pytest.approx(JOULE + 10.0 * SECOND, rel=0.02)
        assert row.latency_second == pytest.approx(SECOND, rel=1e-3)
        assert float(row.conditions["idle_watt"]) == pytest.approx(10.0, rel=0.02)
        assert row.conditions["energy"] == "all"
        assert float(row.conditions["uncertainty"]) < 0.0076
        assert (row.conditions["meter"], row.conditions["threads"], row.runtime) == ("simulated", "1", "generic")
        assert not row.disturbed


def test_the_floor_is_subtracted_on_demand(machine: SimulatedMachine, plan: Plan, table: Path) -> None:
    finish(plan, table, session_on(machine, above_idle=True))
    for row in read_table(table):
        assert row.energy_joule / row.executions == pytest.approx(JOULE, rel=0.02)
        assert row.conditions["energy"] == "above idle"


def test_a_second_start_does_only_what_is_left(machine: SimulatedMachine, plan: Plan, table: Path) -> None:
    begun = measure(plan, table, session_on(machine))
    next(begun)
    next(begun)
    begun.close()
    assert len(models(table)) == 2
    session = session_on(machine)
    finish(plan, table, session)
    assert session.runtime.prepared == ["relu 3000", "relu 4000"]  # type: ignore[attr-defined]
    assert models(table) == [w.model for w in plan.workloads]


def test_what_cannot_run_is_said_and_has_no_row(machine: SimulatedMachine, table: Path) -> None:
    plan = Plan("test", (Workload("sigmoid 10"), Workload("relu 10"), Workload("nonsense 10")), order="listed")
    outcomes = finish(plan, table, session_on(machine))
    assert [o.ran for o in outcomes] == [False, True, False]
    assert outcomes[0].reason == "no sigmoid here"
    assert "unknown layer 'nonsense'" in outcomes[2].reason
    assert models(table) == ["relu 10"]


def test_a_budget_ends_the_session(machine: SimulatedMachine, plan: Plan, table: Path) -> None:
    finish(Plan("test", plan.workloads, budget_second=20.0, order="listed"), table, session_on(machine))
    assert len(models(table)) < 4
    assert machine.now() < 45.0


def test_a_table_of_another_kind_is_not_mixed(machine: SimulatedMachine, plan: Plan, table: Path) -> None:
    finish(plan, table, session_on(machine))
    with pytest.raises(ValueError, match=r"table\.csv: its rows have condition_energy 'all'.*give another file"):
        finish(plan, table, session_on(machine, above_idle=True))
    with pytest.raises(ValueError, match=r"its columns differ"):
        list(measure(plan, table, Session(Fixed(machine), None, machine)))


def test_two_sessions_do_not_write_to_one_table(machine: SimulatedMachine, plan: Plan, table: Path) -> None:
    begun = measure(plan, table, session_on(machine))
    next(begun)
    with pytest.raises(ValueError, match="another measurement is writing to it"):
        finish(plan, table, session_on(machine))
    begun.close()


def test_a_counter_that_stands_still_ends_it_and_nothing_is_lost(machine: SimulatedMachine, plan: Plan,
                                                                table: Path) -> None:
    begun = measure(plan, table, session_on(machine))
    next(begun)
    machine.frozen = True
    with pytest.raises(MeterError, match=r"the counter has stood still for [5-6]\.\d s; no joules were written"):
        list(begun)
    assert models(table) == ["relu 1000"]
    machine.frozen = False
    finish(plan, table, session_on(machine))
    assert models(table) == [w.model for w in plan.workloads]


def test_a_frozen_counter_is_found_before_anything_runs(machine: SimulatedMachine, plan: Plan, table: Path) -> None:
    machine.frozen = True
    with pytest.raises(MeterError, match="stood still"):
        finish(plan, table, session_on(machine))


def test_a_domain_that_vanishes_ends_it_and_nothing_is_lost(machine: SimulatedMachine, plan: Plan, table: Path,
                                                           monkeypatch: pytest.MonkeyPatch) -> None:
    begun = measure(plan, table, session_on(machine))
    next(begun)

    def vanished() -> Reading:
        raise MeterError("domain package-1 vanished")

    monkeypatch.setattr(machine, "read", vanished)
    with pytest.raises(MeterError, match="package-1 vanished"):
        list(begun)
    assert models(table) == ["relu 1000"]


@pytest.mark.parametrize("step", [3600.0, -5.0])
def test_a_step_of_the_clock_is_repeated_and_if_it_stays_marked(step: float, machine: SimulatedMachine,
                                                               table: Path) -> None:
    plan = Plan("test", (Workload("relu 10"), Workload("relu 20")), order="listed")
    session, stepped = session_on(machine), []

    def once() -> None:
        if machine.now() > 8.0 and len(stepped) < 1:
            stepped.append(machine.step_wall(step))

    session.runtime.on_run = once  # type: ignore[attr-defined]
    outcomes = finish(plan, table, session)
    assert [o.final for o in outcomes] == [False, True, True]
    assert "the clock was set by" in outcomes[0].reason
    assert [row.disturbed for row in read_table(table)] == ["", ""]
    assert read_table(table)[0].conditions["attempts"] == "2"
    session.runtime.on_run = lambda: machine.step_wall(step)  # type: ignore[attr-defined]
    finish(Plan("test", (Workload("relu 30"),)), table, session)
    assert "the clock was set" in read_table(table)[2].disturbed


def test_energy_is_right_over_a_step_of_the_clock(machine: SimulatedMachine, plan: Plan, table: Path) -> None:
    session = session_on(machine)
    session.runtime.on_run = lambda: machine.step_wall(0.001)  # type: ignore[attr-defined]
    finish(plan, table, session)
    for row in read_table(table):
        assert row.energy_joule / row.executions == pytest.approx(JOULE + 10.0 * SECOND, rel=0.02)


def test_throttling_is_marked(machine: SimulatedMachine, table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "conditions", lambda: {"throttled": "thermal slowdown", "clock_megahertz": "900"})
    finish(Plan("test", (Workload("relu 10"),)), table, session_on(machine))
    row, = read_table(table)
    assert row.disturbed == "throttled: thermal slowdown"
    assert row.conditions["clock_megahertz"] == "900"


def test_what_draws_no_more_than_idle_is_no_row(machine: SimulatedMachine, table: Path) -> None:
    session = session_on(machine, above_idle=True)
    session.runtime = Fixed(machine, joule=-0.01)
    outcome = finish(Plan("test", (Workload("relu 10"),)), table, session)[-1]
    assert not outcome.ran
    assert outcome.reason == "it drew no more than the machine does idle"


def test_without_a_meter_there_is_no_column_for_energy(machine: SimulatedMachine, plan: Plan, table: Path) -> None:
    finish(plan, table, Session(Fixed(machine), None, machine))
    with table.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert "energy_joule" not in rows[0]
    assert float(rows[0]["latency_second"]) == pytest.approx(SECOND)
    assert rows[0]["condition_energy"] == "none: time only"
    with pytest.raises(ValueError, match=r"holds run times and no energy.*--time"):
        read_table(table)


def test_a_line_half_written_is_cut_off(machine: SimulatedMachine, plan: Plan, table: Path) -> None:
    finish(plan, table, session_on(machine))
    whole = table.read_bytes()
    table.write_bytes(whole[:-7])
    finish(plan, table, session_on(machine))
    assert models(table) == [w.model for w in plan.workloads]
    assert table.read_bytes().startswith(whole[:whole[:-1].rfind(b"\n") + 1])


def test_killed_at_a_hundred_moments_nothing_finished_is_lost(tmp_path: Path) -> None:
    """A child process measures and is killed (SIGKILL) at a random moment, a hundred times over; then it finishes."""
    plan = Plan("kill", tuple(Workload(f"relu {n}") for n in range(1, 41)), order="random", seed=3)
    quick = Settings(warm_up_second=0.1, least_second=0.5, most_second=1.0, idle_second=0.3, most_idle_second=0.5)
    moments, kept, kills, tables = random.Random(5), 0, 0, 0
    while kills < 100:
        table, before = tmp_path / f"{tables}.csv", b""
        tables += 1
        while kills < 100:
            child = os.fork()
            if child == 0:
                machine = SimulatedMachine(Conditions(tick_second=0.02, idle_watt=10.0))
                finish(plan, table, session_on(machine, settings=quick))
                os._exit(0)
            time.sleep(moments.uniform(0.0, 0.06))
            os.kill(child, signal.SIGKILL)
            _, status = os.waitpid(child, 0)
            if not os.WIFSIGNALED(status):
                break  # it had finished
            kills += 1
            after = table.read_bytes() if table.exists() else b""
            whole = before[:before.rfind(b"\n") + 1]
            assert after.startswith(whole), "a finished row was lost"
            before = after
            kept += after.count(b"\n") > 1
        machine = SimulatedMachine(Conditions(tick_second=0.02, idle_watt=10.0))
        finish(plan, table, session_on(machine, settings=quick))
        rows = read_table(table)
        assert max(Counter(row.model for row in rows).values()) == 1
        assert {row.model for row in rows} == {w.model for w in plan.workloads}
        for row in rows:
            assert row.energy_joule / row.executions == pytest.approx(JOULE + 10.0 * SECOND, rel=0.02)
    assert kept > 20  # most were killed with rows on the disk
