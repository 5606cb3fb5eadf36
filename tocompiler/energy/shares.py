"""Shares: a prediction's energy by what the device's coefficients stand for: compute, bytes, launches, start-up."""

from __future__ import annotations

import numpy as np

from hardware.device import Device
from hardware.energy_model import Array, EnergyModel
from hardware.terms import TERMS
from tocompiler.costing import TransistorProgram
from tocompiler.energy.columns import Columns
from tocompiler.energy.prediction import Prediction, model_for
from tocompiler.execution import execute

__all__ = ["term_energies"]

_TERMS = list(TERMS)


def term_energies(program: TransistorProgram, device: Device, prediction: Prediction) -> Array:
    """Joule of each row (and last of the execution) by term, in the order of ``hardware.terms``: (rows + 1, terms).

    Each row's energy is shared in proportion to coefficient times amount, so that the sum over terms is the prediction.
    """
    found = Columns(execute(program, device.runtime, last_cache_byte=device.last_cache_byte))
    energy = np.array([op.energy_joule for op in prediction.operators])
    whole = [m for m in device.models.values() if m.level == "program"]
    if whole:
        weights = _weights(whole[0], found.terms)
        rest = _weights(whole[0], (found.total - found.terms.sum(0))[None, :])
        return np.vstack([_shared(energy, weights), _shared(np.array([prediction.execution_joule]), rest)])
    weights = np.zeros_like(found.terms)
    for layer, row in enumerate(found.leaders):
        leader = found.execution.rows[row]
        model = device.models[model_for(device, leader.operator, leader.phase)]
        weights[np.asarray(found.execution.layer) == layer] = _weights(model, found.layer_terms[layer][None, :])[0]
    return np.vstack([_shared(energy, weights), np.zeros(len(_TERMS))])


def _weights(model: EnergyModel, terms: Array) -> Array:
    weights = np.zeros_like(terms)
    for name, coefficient in zip(model.terms, model.coefficients, strict=True):
        weights[:, _TERMS.index(name)] = np.maximum(terms[:, _TERMS.index(name)] * coefficient, 0.0)
    return weights


def _shared(energy: Array, weights: Array) -> Array:
    """Energies spread over the columns in proportion to the weights; all to the constant where there is no weight."""
    total = weights.sum(1)
    shares = np.divide(weights, total[:, None], out=np.zeros_like(weights), where=total[:, None] > 0)
    shares[total <= 0, _TERMS.index("constant")] = 1.0
    return np.asarray(energy[:, None] * shares)
