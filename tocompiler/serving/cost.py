"""Cost of serving: the energy of a request, of its prompt and of its output, on devices that share a model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass, field, replace
from functools import cached_property, reduce
from typing import TYPE_CHECKING, Any

import numpy as np

from tocompiler.lanes import Lane, smaller, values
from tocompiler.serving.memory import Memory, device_memory_byte, memory_of
from tocompiler.serving.pace import Pace, pace_of
from tocompiler.serving.parallelism import Collectives, Parallel, collectives
from tocompiler.serving.programs import Programs
from tocompiler.serving.workload import Step, Workload

if TYPE_CHECKING:
    from hardware.device import Device
    from tocompiler.costing import TransistorProgram
    from tocompiler.sweeping.programs import Memory as RowMemory

__all__ = ["LINK_JOULE_PER_BIT", "Energy", "Service", "ServingCost", "serve", "sweep"]

LINK_JOULE_PER_BIT = 10e-12
"""Energy of a bit between devices on one board: 10 pJ (Arunkumar et al., MCM-GPU, ISCA 2017, Table 2: 0.5 pJ on a
package, 10 pJ on a board, 250 pJ between systems)."""


@dataclass(frozen=True, slots=True)
class Energy:
    """Joule, with the ends of a 90 % interval. Errors of one device's predictions have one cause: ends add up."""

    joule: float = 0.0
    low_joule: float = 0.0
    high_joule: float = 0.0

    def __add__(self, other: Energy) -> Energy:
        return Energy(self.joule + other.joule, self.low_joule + other.low_joule, self.high_joule + other.high_joule)

    def __mul__(self, times: float) -> Energy:
        return Energy(self.joule * times, self.low_joule * times, self.high_joule * times)


@dataclass(frozen=True)
class Service:
    """A model on devices.

    config: the dictionary of its config.json; device: a calibrated one
    weights, cache: number formats above what the configuration says; skew: power law of routing to experts
    memory_byte: of one device, by its data sheet unless given
    draft: configuration of the model that drafts tokens to speculate with (None: drafting costs nothing)
    """

    config: Mapping[str, Any]
    device: Device
    parallel: Parallel = field(default_factory=Parallel)
    weights: str | None = None
    cache: str | None = None
    skew: float = 0.0
    memory_byte: float | None = None
    link_joule_per_bit: float = LINK_JOULE_PER_BIT
    draft: Mapping[str, Any] | None = None

    @cached_property
    def programs(self) -> Programs:
        """The model's part on one device."""
        return Programs(self.config, self.parallel, self.weights, self.cache, self.skew)

    @cached_property
    def drafting(self) -> Programs | None:
        """The drafting model, whole on one device of each replica."""
        return None if self.draft is None else Programs(self.draft)

    @cached_property
    def _known(self) -> dict[tuple[Any, ...], tuple[Energy, bool, float | None]]:
        return {}

    def energy(self, programs: Programs, kind: str, batch: int, length: int, past: int) -> tuple[Energy, bool]:
        """Of one pass on one device, and whether it lies inside what was calibrated."""
        if Lane in map(type, (batch, length, past)):
            return self._at_points(programs, kind, batch, length, past)
        return self._pass(programs, kind, batch, length, past)[:2]

    def pace(self, workload: Workload) -> Pace | None:
        """How fast a workload is served; None where the device's runs were not timed, and in a sweep."""
        if not self.device.times or Lane in map(type, astuple(workload)):
            return None
        return pace_of(workload, self.parallel, lambda *key: self._pass(self.programs, *key)[2])

    def _pass(self, programs: Programs, kind: str, batch: int, length: int, past: int
              ) -> tuple[Energy, bool, float | None]:
        from tocompiler.energy.prediction import predict

        key = (id(programs), kind, batch, length, past)
        if key not in self._known:
            program: TransistorProgram = (programs.prefill(batch, length, past) if kind == "prefill"
                                          else programs.decode(batch, past, length))
            p = predict(program, self.device)
            self._known[key] = Energy(p.energy_joule, p.low_joule, p.high_joule), p.in_domain, p.second
        return self._known[key]

    @cached_property
    def _memory(self) -> RowMemory:
        from tocompiler.sweeping.programs import Memory as RowMemory

        return RowMemory()

    def _at_points(self, programs: Programs, kind: str, batch: Any, length: Any, past: Any) -> tuple[Energy, bool]:
        """The same at all points of a sweep, whose sizes are lanes."""
        from tocompiler.sweeping.energies import predicted
        from tocompiler.sweeping.programs import Setting, placed

        program = placed(programs.network(batch, length, past), Setting(device=self.device), self._memory)
        if program.unmodelled:
            raise ValueError(f"{program.name}: {program.unmodelled[0].operator} is not modelled")
        shape = np.broadcast_shapes(*(np.shape(values(n)) for n in (batch, length, past)))
        found = predicted(program, self.device, shape)
        inside: Any = Lane.of(found.in_domain)
        return Energy(*map(Lane.of, (found.joule, found.low_joule, found.high_joule))), inside


@dataclass(frozen=True)
class ServingCost:
    """What one request costs: its prompt (``prefill``), its output (``decode``: drafting and links included).

    sent: bytes between devices for one request; idle_share: of pipeline stages; in_domain: whether every pass lies
    inside what was measured for the device; pace: where its runs were timed
    """

    workload: Workload
    devices: int
    prefill: Energy
    decode: Energy
    links_joule: float
    sent: Collectives
    memory: Memory
    idle_share: float
    in_domain: bool
    notes: tuple[str, ...]
    pace: Pace | None = None

    @property
    def request(self) -> Energy:
        """Joule for a whole request."""
        return self.prefill + self.decode

    @property
    def prompt_token(self) -> Energy:
        """Joule for a token of the prompt (its first output token included)."""
        return self.prefill * (1 / self.workload.prompt)

    @property
    def output_token(self) -> Energy:
        """Joule for an output token after the first."""
        return self.decode * (1 / max(self.workload.output - 1, 1))

    @property
    def served_token(self) -> Energy:
        """Joule for an output token with the prompt's share: what a server's meter over its tokens gives."""
        return self.request * (1 / self.workload.output)


def serve(service: Service, workload: Workload) -> ServingCost:
    """The cost of a request. ValueError where memory does not hold the model and its cache, with the numbers."""
    programs, parallel = service.programs, service.parallel
    capacity = service.memory_byte or device_memory_byte(service.device)
    memory = memory_of(programs, workload, capacity)
    memory.check(service.device.name, parallel.devices)
    inside: list[bool] = []
    prefill, sent_before = _prefill(service, workload, inside)
    decode, sent_after = Energy(), Collectives()
    for step in workload.steps():
        energy, sent = _round(service, workload, step, inside)
        decode, sent_after = decode + energy * (step.count / workload.batch), \
            sent_after + sent * (step.count / workload.batch)
    per_bit = 8 * service.link_joule_per_bit
    links = [Energy(*[sent.total_byte * per_bit] * 3) for sent in (sent_before, sent_after)]
    each = -(-workload.batch // parallel.data)
    net = programs.network(1, 1, 1)
    return ServingCost(workload, parallel.devices, prefill + links[0], decode + links[1],
                       links[0].joule + links[1].joule, sent_before + sent_after, memory,
                       parallel.idle_share(min(each, parallel.pipeline)), reduce(smaller, inside), net.notes,
                       service.pace(workload))


def _prefill(service: Service, workload: Workload, inside: list[bool]) -> tuple[Energy, Collectives]:
    """One request's share of reading the prompts, on one replica."""
    together, length = workload.prefill_batch, workload.prompt - workload.prefix
    energy, known = service.energy(service.programs, "prefill", together, length, workload.prefix)
    inside.append(known)
    alone = replace(service.parallel, data=1, expert=1) if service.parallel.data > 1 else service.parallel
    sent = collectives(service.config, alone, together * length, together, _byte(service))
    return energy * (service.parallel.tensor / together), sent * (1 / together)


def _round(service: Service, workload: Workload, step: Step, inside: list[bool]) -> tuple[Energy, Collectives]:
    """One step of all requests on the way, on all devices."""
    parallel, length = service.parallel, workload.speculate + 1
    each = -(-step.batch // parallel.data)
    micro = min(each, parallel.pipeline)
    energy, known = service.energy(service.programs, "decode", -(-each // micro), length, step.past)
    inside.append(known)
    total = energy * (micro * parallel.tensor * parallel.data)
    if service.drafting is not None and workload.speculate:
        drafted, known = service.energy(service.drafting, "decode", each, 1, step.past)
        inside.append(known)
        total = total + drafted * (workload.speculate * parallel.data)
    return total, collectives(service.config, parallel, each * length, each * length, _byte(service))


def _byte(service: Service) -> float:
    """Bytes of an activation."""
    from alu_library.formats import parse
    from tocompiler.frontends.huggingface.precision import precision_of, stated

    return parse(stated(precision_of(service.config), service.weights).format).bits / 8


def sweep(service: Service, workload: Workload, batches: Iterable[int]) -> list[ServingCost | ValueError]:
    """The cost at each batch; the error in place of a batch that memory does not hold. One compilation serves all."""
    found: list[ServingCost | ValueError] = []
    for batch in batches:
        try:
            found.append(serve(service, replace(workload, batch=batch)))
        except ValueError as error:
            if "GB" not in str(error):
                raise
            found.append(error)
    return found
