"""Running a sweep: every configuration's counts and energies, in as few compilations as their structures need."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Hashable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from alu_library.pricing import chosen_circuit
from tocompiler.errors import UnmodelledWarning
from tocompiler.lanes import Array, Lane
from tocompiler.sweeping.models import Model
from tocompiler.sweeping.points import Points, explored
from tocompiler.sweeping.programs import Memory, Program, Setting, placed
from tocompiler.sweeping.space import Space
from tocompiler.sweeping.structures import Structures

if TYPE_CHECKING:
    from hardware.device import Device
    from tocompiler.network import Network

__all__ = ["COUNTS", "ENERGIES", "Runner"]

COUNTS = ("multiply_accumulates", "parameters", "traffic_bit", "transistor_operations")
ENERGIES = ("energy_joule", "energy_low_joule", "energy_high_joule")
_SETTINGS = ("format", "phase", "circuits", "optimizer", "option")
_NOT_SHAPES = (*_SETTINGS, "device")


@dataclass
class Runner:
    """Runs one sweep structure by structure, and remembers what was met before.

    A structure is what the space says by text: points that share model, format, circuits and device.
    device: for points whose space names none (None: no energies)
    """

    model: Model
    space: Space
    device: Device | str | None = None
    memory: Memory = field(default_factory=Memory)
    _networks: dict[Any, Network] = field(default_factory=dict)
    _devices: dict[str, Device] = field(default_factory=dict)

    @cached_property
    def structures(self) -> Structures:
        """What is a compilation of its own. Settings vary slowest: networks of one setting, which have rows in common,
        follow each other."""
        named = self.model.names() | {name for name, v in self.space.axes.items() if v.dtype == object}
        texts = sorted((n for n in self.space.axes if n in named), key=_NOT_SHAPES.__contains__, reverse=True)
        return Structures(self.space, texts)

    def run(self, structures: Iterable[int]) -> dict[str, Array]:
        """Columns of the points of some structures, with the ``place`` of each in the sweep."""
        with _seldom_collected():
            found = [self._columns(part, result) for number in structures
                     for part, result in explored(self._result, self.structures.points(number))]
        names = list(dict.fromkeys(name for each in found for name in each))
        return {name: np.concatenate([_column(each, name) for each in found]) for name in names}

    def _result(self, values: dict[str, Any]) -> tuple[Program, Device | None]:
        device = self._device(values.get("device", self.device))
        setting = self._setting(values, device)
        network = self._network({k: v for k, v in values.items() if k not in _NOT_SHAPES})
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UnmodelledWarning)  # each point says it
            program = placed(network, setting, self.memory)
        if program.unmodelled:
            named = ", ".join(sorted({u.operator for u in program.unmodelled}))
            raise ValueError(f"{len(program.unmodelled)} kinds of operators are not modelled ({named})")
        return program, device

    def _setting(self, values: Mapping[str, Any], device: Device | None) -> Setting:
        given = {k: values[k] for k in _SETTINGS if values.get(k) is not None}
        option = given.pop("option", ())
        chosen_circuit("add", "fp32", given.get("circuits", "default"))
        options = tuple(filter(None, option.split(" "))) if isinstance(option, str) else tuple(option)
        return Setting(**given, options=options, device=device)

    def _network(self, values: dict[str, Any]) -> Network:
        batch = values.get("batch", 1)
        if not isinstance(batch, int) or isinstance(batch, bool) or batch < 1:
            raise ValueError(f"a batch of {batch} is no positive integer")
        key = tuple(sorted((k, v if isinstance(v, Hashable) else id(v)) for k, v in values.items()))
        if key not in self._networks:
            if len(self._networks) > 64:
                self._networks.clear()
            self._networks[key] = self.model.network(values)
        return self._networks[key]

    def _device(self, device: Device | str | None) -> Device | None:
        if not isinstance(device, str):
            return device
        if device not in self._devices:
            from hardware.device import load_device

            self._devices[device] = load_device(device)
        return self._devices[device]

    def _columns(self, points: Points, result: Any) -> dict[str, Array]:
        size = points.places.size
        made: dict[str, Array] = {"place": points.places.reshape(-1)}
        if not isinstance(result, Exception):
            program, device = result
            try:
                return made | _counted(program, points.shape) | _energies(program, device, points.shape)
            except ValueError as error:
                result = error
        return made | {"reason": np.full(size, " ".join(str(result).split()), dtype=object)}


@contextmanager
def _seldom_collected() -> Iterator[None]:
    """Garbage is looked for a hundred times less: a compilation makes many small objects that live to its end."""
    before = gc.get_threshold()
    gc.set_threshold(max(before[0], 100_000) if before[0] else 0, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _counted(program: Program, shape: tuple[int, ...]) -> dict[str, Array]:
    return {name: _spread(program.parameters if name == "parameters" else program.total(name), shape)
            for name in COUNTS}


def _spread(n: Any, shape: tuple[int, ...]) -> Array:
    values = n.values if type(n) is Lane else np.asarray(n)
    return np.broadcast_to(values, shape).reshape(-1)


def _energies(program: Program, device: Device | None, shape: tuple[int, ...]) -> dict[str, Array]:
    if device is None:
        return {}
    from tocompiler.sweeping.energies import predicted

    found = predicted(program, device, shape)
    columns = (found.joule, found.low_joule, found.high_joule)
    return {**{name: c.reshape(-1) for name, c in zip(ENERGIES, columns, strict=True)},
            "in_domain": found.in_domain.reshape(-1)}


def _column(columns: Mapping[str, Array], name: str) -> Array:
    """A column of a run, or what stands for it in a run that has none."""
    if name in columns:
        return columns[name]
    size = len(columns["place"])
    if name == "reason":
        return np.full(size, "", dtype=object)
    return np.zeros(size, dtype=bool) if name == "in_domain" else np.full(size, np.nan)
