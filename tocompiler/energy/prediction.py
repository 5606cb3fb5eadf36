"""Prediction: the energy of a program on a calibrated device, operator by operator, with an interval.

Where a device was calibrated on single layers, every layer is predicted by the model of its operator and the layers
are summed; where it was calibrated on whole programs, the program's summed terms are predicted and shared out.
Reads nothing but the program: no latency, power or throughput.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from hardware.device import Device
from hardware.energy_model import Array, EnergyModel
from hardware.program import Program
from hardware.terms import FACTS
from tocompiler.costing import TransistorProgram, compiled
from tocompiler.energy.columns import CONSTANT, Columns
from tocompiler.energy.domain import outside, seen_in
from tocompiler.energy.flags import flags
from tocompiler.energy.inference import distance, half_width, joule, linear, sum_half_width
from tocompiler.errors import explained
from tocompiler.execution import execute
from tocompiler.extras import needs

if TYPE_CHECKING:
    import pandas

__all__ = ["OperatorEnergy", "Prediction", "Ratio", "model_for", "predict", "ratio", "widened"]

Index: TypeAlias = np.ndarray[Any, np.dtype[np.signedinteger[Any]]]
_INSIDE = 0.9  # share of the energy that must come from inside the calibrated domain
_UNKNOWN = math.log(2.0)  # half-width, at the least, of energy from outside: what cost nothing there may cost here


@dataclass(frozen=True, slots=True)
class OperatorEnergy:
    """One operator's energy (joule), and whether it lies in the domain that was calibrated."""

    name: str
    operator: str
    phase: str
    energy_joule: float
    in_domain: bool


@dataclass(frozen=True)
class Prediction:
    """Energy of one execution, with a 90 % interval.

    energy_joule, low_joule, high_joule: the whole execution's
    operators: each row's part, in the program's order
    execution_joule: what belongs to no operator (start-up, host); with the operators' it makes up the whole
    in_domain: False where more than a tenth of the energy comes from outside the calibrated domain
    reasons: in which respects, with the share of energy, most first
    statement: the same in words
    device: its name
    second, low_second, high_second: its run time with a 90 % interval; None where the device's runs were not timed
    flags: what its data sheet says against it (power, memory, formats that no unit executes), in words
    """

    energy_joule: float
    low_joule: float
    high_joule: float
    operators: tuple[OperatorEnergy, ...]
    execution_joule: float
    in_domain: bool
    reasons: tuple[str, ...]
    statement: str
    device: str
    second: float | None = None
    low_second: float | None = None
    high_second: float | None = None
    flags: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return (f"<Prediction {self.energy_joule:.4g} J on {self.device}, 90 % interval {self.low_joule:.4g} to "
                f"{self.high_joule:.4g} J{'' if self.in_domain else ', outside the domain'}>")

    def _repr_html_(self) -> str:
        from tocompiler.report.notebook import prediction_html

        return prediction_html(self)

    @needs("frames", "to_dataframe")
    def to_dataframe(self) -> pandas.DataFrame:
        """One record for each operator: name, operator, phase, energy_joule, in_domain; needs pandas."""
        import pandas

        return pandas.DataFrame([asdict(op) for op in self.operators])

    @property
    def watt(self) -> float | None:
        """Mean power over the run time."""
        return None if self.second is None else self.energy_joule / self.second

    @property
    def half_width(self) -> float:
        """Half-width of the interval in log energy."""
        return 0.5 * math.log(self.high_joule / self.low_joule)

    def without_execution(self) -> Prediction:
        """The operators alone, with the same relative interval: a process that is already running. Without a run time,
        of which the start-up is not told apart."""
        share = 1 - self.execution_joule / self.energy_joule
        return replace(self, energy_joule=self.energy_joule * share, low_joule=self.low_joule * share,
                       high_joule=self.high_joule * share, execution_joule=0.0, second=None, low_second=None,
                       high_second=None, flags=())


@dataclass(frozen=True)
class _Part:
    """What one model says of some rows: their energies, that of the execution, the half-width of the sum, and how far
    each row's layer lies outside the data (e-folds)."""

    model: EnergyModel
    rows: Index
    joule: Array
    execution_joule: float
    half_width_joule: float
    distance: Array


def predict(program: Program, device: Device, conditions: Mapping[str, str] | None = None) -> Prediction:
    """Predict a program's energy on a device, under conditions that override its runtime's rules.

    ValueError if the device has no model, a dimension is symbolic or the program is not a compiled one.
    """
    program = compiled(program)
    if not device.models:
        known = "knows run times alone, which are no joules" if device.times else "is not calibrated"
        raise ValueError(f"device '{device.name}' {known}: run 'tocompiler calibrate' on measured energies")
    if not program.rows:
        raise ValueError("the program is empty: it has no operator to predict")
    with explained(f"device '{device.name}' cannot predict {program.name}"):
        found = Columns(execute(program, device.runtime, last_cache_byte=device.last_cache_byte, conditions=conditions))
        energy = _prediction(found, device)
        if device.times:
            time = _prediction(found, replace(device, models=device.times))
            energy = replace(energy, second=time.energy_joule, low_second=time.low_joule, high_second=time.high_joule)
        stored = sum(row["first_read_byte"] for row in found.execution.rows)
        formats = seen_in(found.execution.rows)["formats"] if device.facts.units else ()
        return replace(energy, flags=tuple(flags(energy.watt, stored, formats, device)))


def _whole(found: Columns, model: EnergyModel) -> _Part:
    """The summed terms' energy, shared out by the rows' terms; what is left is the execution's own."""
    terms, facts = found.total[None, :], found.program_facts[None, :]
    energy = joule(model, terms, facts)
    half = sum_half_width(model.interval, energy, half_width(model, energy, terms, facts))
    shares = linear(model, found.terms) / max(float(linear(model, terms)[0]), 1e-300)
    away = np.full(len(found.terms), distance(model, terms)[0])
    return _Part(model, np.arange(len(shares)), energy[0] * shares, float(energy[0] * max(1 - shares.sum(), 0.0)), half,
                 away)


def _added(found: Columns, model: EnergyModel) -> _Part:
    """What an execution takes beside its operators."""
    terms, facts = found.execution_terms[None, :], np.zeros((1, len(FACTS)))
    energy = joule(model, terms, facts)
    half = sum_half_width(model.interval, energy, half_width(model, energy, terms, facts))
    return _Part(model, np.arange(0), np.zeros(0), float(energy[0]), half, np.zeros(0))


def _layers(found: Columns, device: Device) -> Iterator[_Part]:
    """Each layer's energy by the model of its kind, shared out to its rows by their terms without the constant; where
    a model of executions is there, what they take beside."""
    yield from (_added(found, m) for m in device.models.values() if "execution" in m.operators)
    served: dict[str, list[int]] = {}
    for layer, row in enumerate(found.leaders):
        leader = found.execution.rows[row]
        served.setdefault(model_for(device, leader.operator, leader.phase), []).append(layer)
    bare, layer_of = found.terms.copy(), np.asarray(found.execution.layer)
    bare[:, CONSTANT] = 0.0
    for name, layers in served.items():
        model, terms, facts = device.models[name], found.layer_terms[layers], found.layer_facts[layers]
        idle = ~np.delete(terms, CONSTANT, axis=1).any(1)
        energy = np.where(idle, 0.0, joule(model, terms, facts))
        half = sum_half_width(model.interval, energy, half_width(model, energy, terms, facts))
        place = {layer: i for i, layer in enumerate(layers)}
        rows = np.flatnonzero(np.isin(layer_of, layers))
        at = np.array([place[layer] for layer in layer_of[rows]])
        weight = np.maximum(linear(model, bare[rows]), 1e-300)
        shares = weight / np.bincount(at, weight, len(layers))[at]
        yield _Part(model, rows, energy[at] * shares, 0.0, half, distance(model, terms)[at])


def model_for(device: Device, operator: str, phase: str) -> str:
    """The name of the most particular model that serves an operator."""
    serving = [n for n, m in device.models.items() if m.serves(operator, phase)]
    if not serving:
        raise ValueError(f"device '{device.name}' has no model for {operator} in the {phase} pass")
    return max(serving, key=lambda n: bool(device.models[n].operators) + bool(device.models[n].phase))


def _prediction(found: Columns, device: Device) -> Prediction:
    whole = [m for m in device.models.values() if m.level == "program"]
    return _summed(found, device.name, [_whole(found, whole[0])] if whole else list(_layers(found, device)))


def _summed(found: Columns, device: str, parts: list[_Part]) -> Prediction:
    rows = found.execution.rows
    operators: list[OperatorEnergy | None] = [None] * len(rows)
    beyond: dict[str, float] = {}
    for part in parts:
        for i, energy, away in zip(part.rows, part.joule, part.distance, strict=True):
            respects = list(outside(part.model, rows[i], float(energy), float(away)))
            for respect in respects:
                beyond[respect.what] = beyond.get(respect.what, 0.0) + respect.energy_joule
            operators[i] = OperatorEnergy(rows[i].name, rows[i].operator, rows[i].phase, float(energy), not respects)
    known = tuple(op for op in operators if op is not None)
    of_execution = sum(p.execution_joule for p in parts)
    total = sum(op.energy_joule for op in known) + of_execution
    if not 0 < total < math.inf:
        raise ValueError(f"device '{device}' gives {total} J: its coefficients do not suit the program")
    # Errors of layers of one kind go together as far as their model knows, those of different kinds do not.
    half = math.sqrt(sum(p.half_width_joule**2 for p in parts)) / total
    foreign = sum(op.energy_joule for op in known if not op.in_domain) / total
    in_domain, half = (part.item() for part in widened(half, foreign))
    reasons = tuple(f"{energy / total:.0%} of the energy is from {what}"
                    for what, energy in sorted(beyond.items(), key=lambda item: -item[1]) if energy > 0.005 * total)
    statement = (f"inside the calibrated domain of {device}" if in_domain else
                 f"outside the calibrated domain of {device}: {'; '.join(reasons)}; the interval is widened and may "
                 "still be too narrow")
    return Prediction(total, total * math.exp(-half), total * math.exp(half), known, of_execution, in_domain, reasons,
                      statement, device)


def widened(half: Array | float, foreign: Array | float) -> tuple[Any, Any]:
    """Whether a prediction is inside what was calibrated, ``foreign`` being the share of energy that is not, and the
    half-width of its interval in log energy: outside, at the least what is not known of that share."""
    in_domain = np.asarray(foreign) <= 1 - _INSIDE
    return in_domain, np.where(in_domain, half, np.maximum(half, _UNKNOWN * np.asarray(foreign)))


@dataclass(frozen=True)
class Ratio:
    """Energy of one program over another's on the same device, with its own 90 % interval."""

    value: float
    low: float
    high: float


def ratio(first: TransistorProgram, second: TransistorProgram, device: Device) -> Ratio:
    """How much more energy ``first`` takes than ``second`` on a device.

    What both share cancels: a device's error is common to two programs as far as their operators' shares of the
    energy are alike. With ``s`` the overlap of shares (0 to 1), the half-width is
    ``sqrt(h1^2 + h2^2 - 2 s h1 h2)``, and never below the difference of the two half-widths.
    """
    a, b = predict(first, device), predict(second, device)
    overlap = _overlap(a, b)
    half = math.sqrt(max(a.half_width**2 + b.half_width**2 - 2 * overlap * a.half_width * b.half_width, 0.0))
    value = a.energy_joule / b.energy_joule
    return Ratio(value, value * math.exp(-half), value * math.exp(half))


def _overlap(a: Prediction, b: Prediction) -> float:
    """Common share of energy by kind of operator, between 0 and 1."""
    shares = []
    for p in (a, b):
        by_kind = {"execution": p.execution_joule / p.energy_joule}
        for op in p.operators:
            by_kind[op.operator] = by_kind.get(op.operator, 0.0) + op.energy_joule / p.energy_joule
        shares.append(by_kind)
    return sum(min(share, shares[1].get(kind, 0.0)) for kind, share in shares[0].items())
