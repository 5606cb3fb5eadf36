"""Posterior: what measured rows say of coefficients of which something is known before.

``log joule = (1 + bend) L - bend m + noise``, with ``L = log sum_j exp(theta_j) x_j`` and ``m`` the rows' mean log
energy: every coefficient is positive, the bend is a power of the sum, and the noise is Student-t with 4 degrees of
freedom and unknown scale. (theta, bend, log scale) is normal a priori. With few rows the mode gives everything to the
term that is known least, so the posterior is averaged: Gauss-Newton climbs to the modes nearest draws of the prior,
elliptical slice sampling (Murray, Adams and MacKay 2010) walks from there. Problems of equal size run together.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hardware.energy_model import Array

__all__ = ["NOISE", "Normal", "climb", "group_weights", "log_likelihood", "sample", "sweep"]

NOISE = 0.15
"""Relative noise of a typical row about its model: where climbing starts."""
_TAIL = 4.0  # degrees of freedom of the noise
_CHAINS, _SWEEPS, _SETTLED, _APART = 24, 60, 20, 4
_WIDENED = 4.0  # climbing sees the prior's variance that many times: chains start where the rows are
_STEP = 2.0  # largest step of a climb, e-folds
_CLIMBS = 10
_COMMON = 0.3  # correlation of the errors of one group's rows
_LEAST = 1e-30  # of a term, so that its logarithm exists
_MOST = 200.0  # of an exponent


@dataclass(frozen=True)
class Normal:
    """A normal distribution over log coefficients, bend and log noise: ``mean`` (.., n), ``covariance`` (n, n)."""

    mean: Array
    covariance: Array


def group_weights(groups: Array) -> Array:
    """How much of an independent row each is: one over Kish's design effect of its group (Survey Sampling, 1965)."""
    _, index, count = np.unique(groups, return_inverse=True, return_counts=True)
    return np.asarray(1 / (1 + (count[index] - 1) * _COMMON))


def sample(prior: Normal, terms: Array, log_joule: Array, weights: Array, seed: int = 0) -> tuple[Array, Array]:
    """Draws (problems, draws, n) and the centre of each problem's bend, for terms (rows, terms), log energies (rows)
    and weights (problems, rows), 0 for rows that a problem does not see."""
    rng = np.random.default_rng(seed)
    problems = len(weights)
    x = np.maximum(np.broadcast_to(terms, (problems, *terms.shape)), _LEAST)
    y = np.broadcast_to(log_joule, weights.shape)
    middle = (y * weights).sum(1) / weights.sum(1)
    mean = np.broadcast_to(prior.mean, (problems, prior.mean.shape[-1]))
    root: Array = np.asarray(np.linalg.cholesky(prior.covariance), dtype=float)
    state = mean[:, None] + rng.standard_normal((problems, _CHAINS, len(root))) @ root.T
    state = climb(state, Normal(mean, prior.covariance), x, y, weights, middle)
    kept = []
    for i in range(_SWEEPS):
        state = sweep(state, mean, root, x, y, weights, middle, rng)
        if i >= _SETTLED and i % _APART == 0:
            kept.append(state)
    return np.concatenate(kept, 1), middle


def log_likelihood(state: Array, terms: Array, log_joule: Array, weights: Array, middle: Array) -> Array:
    """(problems, chains) of states (problems, chains, n)."""
    count = terms.shape[-1]
    total = np.log(np.exp(np.minimum(state[..., :count], _MOST)) @ terms.swapaxes(-1, -2))
    predicted = total + state[..., count, None] * (total - middle[:, None, None])
    scaled = (predicted - log_joule[:, None]) * np.exp(-state[..., -1:])
    each = -(_TAIL + 1) / 2 * np.log1p(scaled**2 / _TAIL) - state[..., -1:]
    return np.asarray((each * weights[:, None]).sum(-1))


def sweep(state: Array, mean: Array, root: Array, terms: Array, log_joule: Array, weights: Array, middle: Array,
          rng: np.random.Generator) -> Array:
    """One elliptical slice move of every chain; ``root`` is the Cholesky factor of the prior's covariance."""
    centre, other = mean[:, None], rng.standard_normal(state.shape) @ root.T
    here = log_likelihood(state, terms, log_joule, weights, middle)
    floor = here + np.log(rng.random(here.shape))
    angle: Array = np.asarray(2 * np.pi * rng.random(here.shape))
    low: Array = angle - 2 * np.pi
    high: Array = angle.copy()
    moved, waiting = state.copy(), np.ones(here.shape, dtype=bool)
    for _ in range(40):
        turned = centre + (state - centre) * np.cos(angle)[..., None] + other * np.sin(angle)[..., None]
        found = waiting & (log_likelihood(turned, terms, log_joule, weights, middle) > floor)
        moved[found] = turned[found]
        waiting &= ~found
        if not waiting.any():
            break
        low, high = np.where(angle < 0, angle, low), np.where(angle < 0, high, angle)
        angle = np.where(waiting, low + (high - low) * rng.random(here.shape), angle)
    return moved


def climb(state: Array, prior: Normal, terms: Array, log_joule: Array, weights: Array, middle: Array) -> Array:
    """Every chain at a mode of a wider posterior, by Gauss-Newton with the noise's own weights."""
    precision = np.linalg.inv(_WIDENED * prior.covariance[:-1, :-1])
    mean, place = prior.mean[:, None, :-1], state[..., :-1]
    scale = np.full((*state.shape[:2], 1), NOISE)
    for _ in range(_CLIMBS):
        parts = np.exp(np.clip(place[..., None, :-1], -_MOST, _MOST)) * terms[:, None]
        total = parts.sum(-1, keepdims=True)
        logs, bend = np.log(total), place[..., -1:]
        away = logs - middle[:, None, None, None]
        slopes = np.concatenate([(1 + bend[..., None]) * parts / total, away], -1)
        residual = (logs + bend[..., None] * away)[..., 0] - log_joule[:, None]
        weight = weights[:, None] * (_TAIL + 1) / (_TAIL + (residual / scale) ** 2) / scale**2
        curved = np.swapaxes(slopes * weight[..., None], -1, -2) @ slopes + precision
        uphill = ((weight * residual)[..., None, :] @ slopes)[..., 0, :] + (place - mean) @ precision
        step = np.linalg.solve(curved, uphill[..., None])[..., 0]
        place = place - step * np.minimum(1.0, _STEP / np.maximum(np.abs(step).max(-1, keepdims=True), 1e-9))
        squares = (weights[:, None] * residual**2).sum(-1) + 2 * NOISE**2
        scale = np.sqrt(squares / (weights.sum(1)[:, None] + 2))[..., None]
    return np.concatenate([place, np.log(scale)], -1)
