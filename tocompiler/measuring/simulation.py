"""A machine whose energy is known: clock, meter and runtime in one, for rehearsals, tests and benchmarks.

Time passes only when something runs or waits, so ten minutes take a second or two. Power is a floor that drifts, what
the workload adds, and noise; the counter steps every tick, is rounded, and wraps.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from hardware.device import Device
from hardware.meters import Meter, Reading
from hardware.meters.base import Counter
from tocompiler.compiler import compile
from tocompiler.costing import TransistorProgram
from tocompiler.energy.prediction import predict
from tocompiler.measuring.clock import Clock
from tocompiler.measuring.runtimes import Executor, Run
from tocompiler.network import Network

__all__ = ["Conditions", "SimulatedMachine", "SimulatedRuntime"]

_PREPARING_SECOND = 1.0  # loading a model and drawing its weights


@dataclass(frozen=True)
class Conditions:
    """What the simulated machine and its meter are like.

    ``idle_watt`` drifts by ``drift_watt`` in all, as a body warms with time constant ``drift_second``, and swings by
    ``swing_watt`` every ``swing_second``. ``noise`` is the relative standard deviation of power, forgotten within
    ``noise_second`` (an Ornstein-Uhlenbeck process). The counter steps every ``tick_second`` (its own beat, up to
    ``jitter`` of a tick early or late), by multiples of ``step_joule``, and wraps at ``range_joule``.
    """

    idle_watt: float = 20.0
    drift_watt: float = 0.0
    drift_second: float = 200.0
    swing_watt: float = 0.0
    swing_second: float = 300.0
    noise: float = 0.0
    noise_second: float = 0.05
    tick_second: float = 0.1
    jitter: float = 0.02
    step_joule: float = 1e-3
    range_joule: float | None = None


@dataclass
class SimulatedMachine(Clock, Meter):
    """Clock and meter of one simulated machine; ``execute`` is its runtime."""

    world: Conditions = field(default_factory=Conditions)
    seed: int = 0

    live = False
    name = "simulated"
    domains = ("simulated",)
    scope = "a simulated machine"
    accuracy = None

    def __post_init__(self) -> None:
        self._random = np.random.default_rng(self.seed)
        self._now, self._wall_ahead = 0.0, 1.6e9
        self._joule = self._shown = 0.0
        self._wander = 0.0
        self._extra = 0.0
        self._poll: Callable[[], None] | None = None
        self._poll_every, self._next_poll = 0.0, math.inf
        self.tick_second = self.world.tick_second
        self.resolution_joule = self.world.step_joule
        self._next_tick = self._after_tick()
        self._counter = Counter("simulated", self.world.range_joule)
        self.frozen = False

    def floor_watt(self, second: float) -> float:
        """Idle power at a moment, without its noise."""
        c = self.world
        return (c.idle_watt + c.drift_watt * (1 - math.exp(-second / c.drift_second))
                + c.swing_watt * math.sin(2 * math.pi * second / c.swing_second))

    def now(self) -> float:
        return self._now

    def wall(self) -> float:
        return self._now + self._wall_ahead

    def step_wall(self, second: float) -> None:
        """Set the wall clock forward, as a user or NTP may."""
        self._wall_ahead += second

    def foreign_second(self) -> None:
        return None

    def sleep(self, second: float) -> None:
        self.advance(second, 0.0)

    def execute(self, count: int, joule: float, second: float) -> None:
        """Run something that takes so many joules above idle and seconds each."""
        self.advance(count * second, joule / second)

    @contextmanager
    def polling(self, poll: Callable[[], None], every_second: float) -> Iterator[None]:
        self._poll, self._poll_every = poll, every_second
        self._next_poll = self._now + every_second * self._random.uniform(0.5, 1.0)
        try:
            yield
        finally:
            self._poll, self._next_poll = None, math.inf

    def read(self) -> Reading:
        raw = self._shown if self.world.range_joule is None else self._shown % self.world.range_joule
        return Reading(self._now, {"simulated": self._counter.since(self._now, raw)})

    def advance(self, second: float, above_idle_watt: float) -> None:
        """Let time pass at some power above idle, stopping where the counter steps and where it is read."""
        end = self._now + second
        while self._now < end:
            until = min(end, self._next_tick, self._next_poll)
            self._draw(until - self._now, above_idle_watt)
            self._now = until
            if until == self._next_tick:
                self._tick()
            if until == self._next_poll and self._poll is not None:
                self._next_poll += self._poll_every
                self._poll()

    def _draw(self, second: float, above_idle_watt: float) -> None:
        """Energy of a stretch: the floor at its middle, the load, and the integral of the noise."""
        if second <= 0:
            return
        watt = self.floor_watt(self._now + second / 2) + above_idle_watt
        c = self.world
        if c.noise:
            kept = math.exp(-second / c.noise_second)
            before = self._wander
            self._wander = kept * before + math.sqrt(1 - kept * kept) * self._random.standard_normal()
            self._joule += watt * c.noise * second * (before + self._wander) / 2
        self._joule += watt * second

    def _tick(self) -> None:
        step = self.world.step_joule
        if not self.frozen:
            self._shown = max(math.floor(self._joule / step) * step, self._shown)
        self._next_tick = self._after_tick()

    def _after_tick(self) -> float:
        c = self.world
        beat = math.floor(self._now / c.tick_second + 0.5 + 1e-9) + 1
        return (beat + c.jitter * self._random.uniform(-0.5, 0.5)) * c.tick_second


class SimulatedRuntime(Executor):
    """Executes on a simulated machine what a device is predicted to take: joule above idle, at a constant power.

    ``scatter`` is the standard deviation of the logarithm of what the prediction leaves out, drawn once for each
    workload.
    """

    covers = "cpu"
    preset = "generic"
    device = "a simulated machine"
    versions = "simulation"
    threads = 1

    def __init__(self, machine: SimulatedMachine, device: Device, watt: float = 40.0, scatter: float = 0.0) -> None:
        self._machine, self._device, self._watt, self._scatter = machine, device, watt, scatter
        self.preset = device.runtime.name

    def prepare(self, network: Network, format: str, phase: str, operands: str, seed: int) -> Run:
        program = compile(network, format=format, phase=phase)
        joule = predict(program, self._device).energy_joule * self._factor(f"{network.name} {format} {phase}", program)
        machine, second = self._machine, joule / self._watt
        machine.advance(_PREPARING_SECOND, 0.0)

        def run(count: int) -> None:
            machine.execute(count, joule, second)

        return run

    def _factor(self, name: str, program: TransistorProgram) -> float:
        drawn = np.random.default_rng([zlib.crc32(name.encode()), int(program.totals.parameters) % 2**32])
        return math.exp(self._scatter * float(drawn.standard_normal()))
