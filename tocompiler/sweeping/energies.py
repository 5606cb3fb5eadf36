"""Energies of a sweep: a device's model at all points together, by the functions that predict one program."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np

from hardware.device import Device
from hardware.energy_model import Array, EnergyModel
from hardware.terms import FACTS, TERMS
from tocompiler.energy.columns import CONSTANT, UNCACHED, WEIGHTS, product_width, uncached_share
from tocompiler.energy.domain import NEAR
from tocompiler.energy.inference import distance, half_width, joined_half_width, joule, linear, log_draws
from tocompiler.energy.prediction import model_for, widened
from tocompiler.lanes import Lane, real, values
from tocompiler.sweeping.programs import Program, Row, summed

__all__ = ["Energies", "of_terms", "predicted"]

_BLOCK = 2048  # points that are predicted together: what a model works on stays in the cache
_FACTS = {name: i for i, name in enumerate(FACTS)}


@dataclass(frozen=True)
class Energies:
    """Joule of one execution at each point with the ends of a 90 % interval, and whether it lies in the domain."""

    joule: Array
    low_joule: Array
    high_joule: Array
    in_domain: Array


def predicted(program: Program, device: Device, shape: tuple[int, ...]) -> Energies:
    """What ``tocompiler.predict`` says of a program's points; ValueError where the device cannot say it."""
    if not device.models:
        raise ValueError(f"device '{device.name}' is not calibrated: run 'tocompiler calibrate'")
    if not program.layers:
        raise ValueError("the program is empty: it has no operator to predict")
    whole = [name for name, m in device.models.items() if m.level == "program"]
    energy, half, foreign = (_of_program(program, device, whole[0], shape) if whole
                             else _of_layers(program, device, shape))
    bad = ~((energy > 0) & (energy < np.inf))
    if bad.any():
        raise ValueError(f"device '{device.name}' gives {energy[bad][0]} J: its coefficients do not suit the program")
    in_domain, half = widened(half, foreign)
    parts = (energy, energy * np.exp(-half), energy * np.exp(half), in_domain)
    return Energies(*(part.reshape(shape) for part in parts))


def _of_program(program: Program, device: Device, name: str, shape: tuple[int, ...]) -> tuple[Array, Array, Array]:
    """Energy, half-width in log energy and the share from outside, from summed terms."""
    model, rows = device.models[name], [(layer.count, row) for layer in program.layers for row in layer.rows]
    unlike = [(count, row) for count, row in rows if row.unlike[name]]
    terms = _summed(rows)
    foreign = [*terms] if len(unlike) == len(rows) else _summed(unlike)
    share = uncached_share(program.rules, terms[WEIGHTS])
    for each in (terms, foreign):
        each[UNCACHED] = each[WEIGHTS] * share
    total = [a + b for a, b in zip(terms, program.execution, strict=True)]
    facts = [0.0] * len(FACTS)
    if model.kernel is not None:  # nothing else looks at facts
        facts[_FACTS["product_width"]] = product_width(_products(program))

    found = _by_blocks(lambda *columns: np.array(of_terms(model, *columns)), [total, terms, foreign, facts], shape)
    return found[0], found[1], found[2]


def of_terms(model: EnergyModel, total: Array, rows: Array, foreign: Array, facts: Array
             ) -> tuple[Array, Array, Array]:
    """Energy, half-width in log energy and the share from outside of whole programs, from their terms (n, TERMS): in
    all, of their rows, and of those of their rows that no measured row was like."""
    logs = None if model.draws is None else log_draws(model, total)
    energy = joule(model, total, facts, logs)
    half = half_width(model, energy, total, facts, logs)
    away = distance(model, total) > NEAR
    strange = np.where(away, linear(model, rows), linear(model, foreign)) / np.maximum(linear(model, total), 1e-300)
    return energy, half, strange


def _of_layers(program: Program, device: Device, shape: tuple[int, ...]) -> tuple[Array, Array, Array]:
    """The same from layers, each predicted by the model of its operator and summed."""
    weights = summed((layer.count, row.amounts[WEIGHTS]) for layer in program.layers for row in layer.rows)
    share = uncached_share(program.rules, weights)
    size = int(np.prod(shape))
    energy, foreign = np.zeros(size), np.zeros(size)
    spread: dict[str, tuple[Any, Any]] = {}
    for layer in program.layers:
        leader = _leader(layer.rows)
        name = model_for(device, leader.operator, leader.phase)
        of_layer, errors, strange = _layer(layer.rows, leader, device, name, share, shape)
        energy += layer.count * of_layer
        foreign += layer.count * strange
        linear_sum, square_sum = spread.get(name, (0.0, 0.0))
        spread[name] = linear_sum + layer.count * errors, square_sum + layer.count * errors**2
    squares = [joined_half_width(device.models[name].interval, *sums) ** 2 for name, sums in spread.items()]
    for added, errors in (_added(program, m, shape) for m in device.models.values() if "execution" in m.operators):
        energy += added
        squares.append(errors**2)
    total = np.maximum(energy, 1e-300)
    return energy, np.sqrt(sum(squares)) / total, foreign / total


def _added(program: Program, model: EnergyModel, shape: tuple[int, ...]) -> tuple[Array, Array]:
    """What an execution takes beside its operators, and its error in joule."""

    def block(terms: Array, facts: Array) -> Array:
        energy = joule(model, terms, facts)
        return np.array([energy, energy * half_width(model, energy, terms, facts)])

    found = _by_blocks(block, [[*program.execution], [0.0] * len(FACTS)], shape)
    return found[0], found[1]


def _layer(rows: Sequence[Row], leader: Row, device: Device, name: str, share: Any, shape: tuple[int, ...]
           ) -> tuple[Array, Array, Array]:
    """Energy of one layer, its error in joule, and the part of the energy from rows unlike any measured."""
    model, each = device.models[name], [[*row.amounts] for row in rows]
    for amounts in each:
        amounts[UNCACHED] = amounts[WEIGHTS] * share
    together = [sum(column) for column in zip(*each, strict=True)]
    together[CONSTANT] = 1.0
    strange = [sum(a for a, row in zip(column, rows, strict=True) if row.unlike[name])
               for column in zip(*each, strict=True)]
    for amounts in (strange, *each):
        amounts[CONSTANT] = 0.0
    bare = [*together]
    bare[CONSTANT] = 0.0
    noted = [*leader.facts]

    def block(terms: Array, alone: Array, unlike: Array, known: Array) -> Array:
        energy = np.where(alone.any(1), joule(model, terms, known), 0.0)
        half = half_width(model, energy, terms, known)
        part = linear(model, unlike) / np.maximum(linear(model, alone), 1e-300)
        part = np.where(distance(model, terms) > NEAR, 1.0, part)
        return np.array([energy, energy * half, energy * part])

    found = _by_blocks(block, [together, bare, strange, noted], shape)
    return found[0], found[1], found[2]


def _leader(rows: Sequence[Row]) -> Row:
    """The row with the most products, the first where none has any."""
    return reduce(lambda best, row: row if row.executed_products > best.executed_products else best, rows)


def _summed(rows: Sequence[tuple[int, Row]]) -> list[Any]:
    """The terms of some rows, as often as they occur."""
    return [summed((count, row.amounts[i]) for count, row in rows) for i in range(len(TERMS))]


def _products(program: Program) -> Iterator[tuple[str, Any]]:
    """Formats and numbers of products."""
    for layer in program.layers:
        for row in layer.rows:
            for format, n in row.products:
                yield format, layer.count * n


def _by_blocks(function: Callable[..., Array], columns: Sequence[Sequence[Any]], shape: tuple[int, ...]) -> Array:
    """A function of matrices (points, columns), block by block; each column is a number or a lane."""
    size = int(np.prod(shape))
    flat = [[_flat(n, shape) for n in column] for column in columns]
    found = []
    for start in range(0, size, _BLOCK):
        stop = min(start + _BLOCK, size)
        found.append(function(*(_matrix(column, start, stop) for column in flat)))
    return np.concatenate(found, axis=1)


def _flat(n: Any, shape: tuple[int, ...]) -> Any:
    return np.broadcast_to(values(real(n)), shape).reshape(-1) if type(n) is Lane else float(n)


def _matrix(columns: Sequence[Any], start: int, stop: int) -> Array:
    made = np.empty((len(columns), stop - start))
    for i, column in enumerate(columns):
        made[i] = column if isinstance(column, float) else column[start:stop]
    return made.T
