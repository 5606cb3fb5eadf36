"""A simulated machine, and a runtime whose workloads take known joules."""

from __future__ import annotations

from pathlib import Path

import pytest

from tocompiler.measuring.plan import Plan, Workload
from tocompiler.measuring.runtimes import Executor, Run
from tocompiler.measuring.session import Session
from tocompiler.measuring.simulation import Conditions, SimulatedMachine
from tocompiler.network import Network

JOULE, SECOND = 0.5, 0.02  # above idle, of one execution of any workload


class Fixed(Executor):
    """Every workload takes the same; ``on_run`` is called before each chunk."""

    covers, preset, device, versions, threads = "cpu", "generic", "imaginary", "test", 1

    def __init__(self, machine: SimulatedMachine, joule: float = JOULE) -> None:
        self.machine, self.joule = machine, joule
        self.prepared: list[str] = []

    def prepare(self, network: Network, format: str, phase: str, operands: str, seed: int) -> Run:
        self.prepared.append(network.name)
        if "sigmoid" in network.name:
            raise ValueError("no sigmoid here")

        def run(count: int) -> None:
            self.on_run()
            self.machine.execute(count, self.joule, SECOND)

        return run

    def on_run(self) -> None:
        """Nothing, unless a test puts something here."""


def session_on(machine: SimulatedMachine, **options: object) -> Session:
    return Session(Fixed(machine), machine, machine, **options)  # type: ignore[arg-type]


@pytest.fixture
def machine() -> SimulatedMachine:
    return SimulatedMachine(Conditions(idle_watt=10.0, noise=0.01, tick_second=0.1))


@pytest.fixture
def plan() -> Plan:
    return Plan("test", tuple(Workload(f"relu {n}") for n in (1000, 2000, 3000, 4000)), order="listed")


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return tmp_path / "table.csv"
