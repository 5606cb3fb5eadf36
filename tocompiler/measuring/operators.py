"""A model measured operator by operator: each alone, over and over, and then the whole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from hardware.meters import Meter
from tocompiler.measuring.clock import Clock
from tocompiler.measuring.disturbance import before, disturbances
from tocompiler.measuring.runtimes import Executor
from tocompiler.measuring.steady import Steady
from tocompiler.measuring.window import Settings, open_metered, run_window, timed_window
from tocompiler.network import Network
from tocompiler.tensors import Operator

__all__ = ["SETTINGS", "VIEWS", "Alone", "alone", "measured_operators"]

SETTINGS = Settings(goal=0.02, warm_up_second=0.3, least_second=2.0, most_second=12.0)
VIEWS = frozenset({"Reshape", "Flatten", "Identity", "Squeeze", "Unsqueeze", "Dropout", "Constant", "Shape"})
"""Operators that a runtime does not execute: they are not run alone."""


@dataclass(frozen=True)
class Alone:
    """Operators that are alike, measured once: joule (None without a meter) and second of one execution of one of them.

    ``reason`` says why there is no figure, or what disturbed it.
    """

    names: tuple[str, ...]
    operator: str
    joule: float | None = None
    second: float | None = None
    uncertainty: float | None = None
    reason: str = ""


@dataclass
class _Bench:
    """What the operators are measured with."""

    executor: Executor
    meter: Meter | None
    clock: Clock
    settings: Settings
    metered: Any = field(init=False)

    def __post_init__(self) -> None:
        self.metered = None if self.meter is None else open_metered(self.meter, self.clock)

    def figures(self, network: Network, names: tuple[str, ...], kind: str, format: str) -> Alone:
        try:
            run = self.executor.prepare(network, format, "inference", "normal", 0)
        except ValueError as error:
            return Alone(names, kind, reason=str(error))
        start = before(self.clock)
        track, found = None, None
        if self.metered is None:
            found = timed_window(run, self.clock, self.settings, float("inf"))
        else:
            found, track = run_window(self.metered, run, self.settings, float("inf"))
        return _as_alone(names, kind, found, self.meter is not None,
                         disturbances(start, self.clock, found, track, self.meter, self.executor.covers))


def _as_alone(names: tuple[str, ...], kind: str, found: Steady, energy: bool, reasons: list[str]) -> Alone:
    return Alone(names, kind, found.joule if energy else None, found.second_per_unit, found.uncertainty,
                 f"disturbed: {'; '.join(reasons)}" if reasons else "")


def measured_operators(network: Network, executor: Executor, meter: Meter | None, format: str = "fp32",
                       clock: Clock | None = None, settings: Settings | None = None) -> Iterator[Alone]:
    """Each kind of operator alone, in the order of its first, then the whole network under the name of ``whole``.

    MeterError ends it.
    """
    bench = _Bench(executor, meter, clock or Clock(), settings or SETTINGS)
    for same in _alike(network).values():
        yield bench.figures(alone(same[0]), tuple(op.name for op in same), same[0].operator, format)
    yield bench.figures(network, ("whole",), "whole", format)


def alone(op: Operator) -> Network:
    """A network of one operator: what it reads from others becomes an input."""
    given = {t.name: t if t.is_stored else replace(t, kind="input") for t in op.inputs if t is not None}
    single = replace(op, inputs=tuple(None if t is None else given[t.name] for t in op.inputs))
    return Network(op.name, [single], [t for t in given.values() if not t.is_stored], op.outputs)


def _alike(network: Network) -> dict[object, list[Operator]]:
    """Operators by everything that their energy depends on, values of small constants included."""
    found: dict[object, list[Operator]] = {}
    for op in network.operators:
        if op.operator not in VIEWS:
            key = (op.operator, repr(sorted(op.attributes.items())),
                   tuple(None if t is None else (t.shape, t.format, t.is_stored, repr(t.value)) for t in op.inputs),
                   tuple((t.shape, t.format) for t in op.outputs))
            found.setdefault(key, []).append(op)
    return found
