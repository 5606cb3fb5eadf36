"""Prediction: the energy of a program on a calibrated device, operator by operator, with an interval.

Where a device was calibrated on single layers, every layer is predicted by the model of its operator and the layers
are summed; where it was calibrated on whole programs, the program's summed terms are predicted and shared out.
Reads nothing but the program: no latency, power or throughput.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from hardware.device import Device
from hardware.energy_model import Array, EnergyModel
from hardware.program import Program
from tocompiler.costing import TransistorProgram, compiled
from tocompiler.energy.columns import CONSTANT, Columns
from tocompiler.energy.inference import distance, half_width, joule, linear, sum_half_width
from tocompiler.errors import explained
from tocompiler.execution import execute

__all__ = ["OperatorEnergy", "Prediction", "Ratio", "predict", "ratio"]

_INSIDE = 0.9  # share of the energy that must come from inside the calibrated domain
_NEAR = math.log(2.0)  # e-folds beyond the data that still count as inside
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
    """Energy of one execution in joule, with a 90 % interval; the operators' energies sum to the total.

    ``in_domain`` is False where more than a tenth of the energy comes from operators or sizes unlike any that was
    measured; ``statement`` says so in words.
    """

    energy_joule: float
    low_joule: float
    high_joule: float
    operators: tuple[OperatorEnergy, ...]
    in_domain: bool
    statement: str
    device: str

    @property
    def half_width(self) -> float:
        """Half-width of the interval in log energy."""
        return 0.5 * math.log(self.high_joule / self.low_joule)


@dataclass(frozen=True)
class _Part:
    """What one model says of the layers it serves: energies, the half-width of their sum, distances (e-folds)."""

    layers: list[int]
    joule: Array
    half_width_joule: float
    distance: Array
    foreign: bool


def predict(program: Program, device: Device, conditions: Mapping[str, str] | None = None) -> Prediction:
    """Predict a program's energy on a device, under conditions that override its runtime's rules.

    ValueError if the device has no model, a dimension is symbolic or the program is not a compiled one.
    """
    program = compiled(program)
    if not device.models:
        raise ValueError(f"device '{device.name}' is not calibrated: run 'tocompiler calibrate'")
    if not program.rows:
        raise ValueError("the program is empty: it has no operator to predict")
    with explained(f"device '{device.name}' cannot predict {program.name}"):
        found = Columns(execute(program, device.runtime, last_cache_byte=device.last_cache_byte, conditions=conditions))
        whole = [m for m in device.models.values() if m.level == "program"]
        parts = [_whole(found, whole[0])] if whole else _by_operator(found, device)
        return _prediction(found, device, parts, bool(whole))


def _whole(found: Columns, model: EnergyModel) -> _Part:
    return _part([-1], model, found.total[None, :], found.program_facts[None, :], False)


def _part(layers: list[int], model: EnergyModel, terms: Array, facts: Array, foreign: bool) -> _Part:
    idle = ~np.delete(terms, CONSTANT, axis=1).any(1)
    energy = np.where(idle & (np.asarray(layers) >= 0), 0.0, joule(model, terms, facts))
    half = sum_half_width(model.interval, energy, half_width(model, energy, terms, facts))
    return _Part(layers, energy, half, distance(model, terms), foreign)


def _by_operator(found: Columns, device: Device) -> list[_Part]:
    served: dict[str, list[int]] = {}
    for layer, row in enumerate(found.leaders):
        leader = found.execution.rows[row]
        served.setdefault(_model_for(device, leader.operator, leader.phase), []).append(layer)
    return [_part(layers, device.models[name], found.layer_terms[layers], found.layer_facts[layers],
                  not device.models[name].operators) for name, layers in served.items()]


def _model_for(device: Device, operator: str, phase: str) -> str:
    """The name of the most particular model that serves an operator."""
    serving = [n for n, m in device.models.items() if m.serves(operator, phase)]
    if not serving:
        raise ValueError(f"device '{device.name}' has no model for {operator} in the {phase} pass")
    return max(serving, key=lambda n: bool(device.models[n].operators) + bool(device.models[n].phase))


def _prediction(found: Columns, device: Device, parts: list[_Part], whole: bool) -> Prediction:
    total = float(sum(p.joule.sum() for p in parts))
    if not 0 < total < math.inf:
        raise ValueError(f"device '{device.name}' gives {total} J: its coefficients do not suit the program")
    # Errors of layers of one kind go together as far as their model knows, those of different kinds do not.
    half = math.sqrt(sum(p.half_width_joule**2 for p in parts)) / total
    outside = sum(float(p.joule[p.distance > _NEAR].sum()) if not p.foreign else float(p.joule.sum()) for p in parts)
    in_domain = outside <= (1 - _INSIDE) * total
    if not in_domain:
        half = max(half, _UNKNOWN * outside / total)
    statement = (f"inside the calibrated domain of {device.name}" if in_domain else
                 f"outside the calibrated domain of {device.name}: {outside / total:.0%} of the energy comes from "
                 "operators or sizes unlike any measured; the interval is widened and may still be too narrow")
    return Prediction(total, total * math.exp(-half), total * math.exp(half), _shared_out(found, device, parts, whole),
                      in_domain, statement, device.name)


def _shared_out(found: Columns, device: Device, parts: list[_Part], whole: bool) -> tuple[OperatorEnergy, ...]:
    """Each layer's energy to its rows, in proportion to the rows' physical terms without the constant."""
    rows = found.execution.rows
    energy, inside = np.zeros(len(rows)), np.ones(len(rows), dtype=bool)
    layer, bare = np.asarray(found.execution.layer), found.terms.copy()
    bare[:, CONSTANT] = 0.0
    for part in parts:
        for u, of_layer, away in zip(part.layers, part.joule, part.distance, strict=True):
            own = np.arange(len(layer)) if whole else np.flatnonzero(layer == u)
            leader = rows[own[0]]
            model = (next(iter(device.models.values())) if whole
                     else device.models[_model_for(device, leader.operator, leader.phase)])
            weight = linear(model, bare[own])
            energy[own] = of_layer * (weight / weight.sum() if weight.sum() > 0 else 1.0 / len(own))
            inside[own] = not part.foreign and away <= _NEAR
    return tuple(OperatorEnergy(r.name, r.operator, r.phase, float(e), bool(i))
                 for r, e, i in zip(rows, energy, inside, strict=True))


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
        by_kind: dict[str, float] = {}
        for op in p.operators:
            by_kind[op.operator] = by_kind.get(op.operator, 0.0) + op.energy_joule / p.energy_joule
        shares.append(by_kind)
    return sum(min(share, shares[1].get(kind, 0.0)) for kind, share in shares[0].items())
