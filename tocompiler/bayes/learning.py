"""Learning the prior from calibrated devices: ``python -m tocompiler.bayes.learning`` writes data/prior.toml.

Empirical Bayes by stochastic expectation-maximisation (Delyon, Lavielle and Moulines 1999): chains walk each device's
posterior under the present prior, and the prior is regressed on where they stand. Devices of one chip share a weight.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from hardware.energy_model import Array
from hardware.facts import KINDS, Facts, facts_of
from hardware.files import write_text
from hardware.measurement import Measurement, read_table
from hardware.memory import MemoryLevel
from hardware.provenance import shipped_table, shipped_tables
from hardware.runtime import Runtime, load_runtime
from hardware.terms import TERMS
from tocompiler.bayes.posterior import Normal, climb, group_weights, sweep
from tocompiler.bayes.prior import NAMES, REGRESSORS, Prior, offset, regressors
from tocompiler.energy.columns import Columns
from tocompiler.execution import execute
from tocompiler.tables import compiled

__all__ = ["Evidence", "learn_prior", "main"]

_ROWS = 48  # of a device, spread over its groups: enough to say all that its rows say of a prior
_ROUNDS, _MOVES, _CHAINS, _FORGET = 80, 3, 8, 10
_BEND, _NOISE, _OWN, _SHARED = 0.08, 0.5, 1.3, 0.8  # standard deviations that are assumed where devices are few
_ASSUMED = 8.0  # devices that the assumed covariance counts for
_ONE, _KIND, _NODE = 2.5, 1.0, 0.5  # standard deviations of the regressors' weights


@dataclass(frozen=True)
class Evidence:
    """What was measured on one device, and what is known of it."""

    measured: Sequence[Measurement]
    facts: Facts
    memory: Sequence[MemoryLevel] = ()
    runtime: Runtime = field(default_factory=lambda: load_runtime("generic"))

    @property
    def rows(self) -> tuple[Array, Array, Array]:
        """Terms, log energies and weights of a part of the rows that has as many groups as can be."""
        groups = np.array([m.group or m.program.name for m in self.measured])
        part = _spread(groups)
        sizes = [level.capacity_byte for level in self.memory if level.capacity_byte is not None]
        found = [Columns(execute(m.program, self.runtime, last_cache_byte=sizes[-1] if sizes else None,
                                 conditions=m.conditions)).total for m in (self.measured[i] for i in part)]
        joule = [self.measured[i].joule_per_execution for i in part]
        return np.array(found), np.log(joule), group_weights(groups[part])


def _spread(groups: Array) -> list[int]:
    """Up to ``_ROWS`` rows at random, every group once before any is taken twice."""
    order = np.random.default_rng(5).permutation(len(groups))
    seen: dict[str, int] = {}
    turn = []
    for i in order:
        turn.append(seen.setdefault(str(groups[i]), 0))
        seen[str(groups[i])] += 1
    return [int(i) for i in order[np.argsort(turn, kind="stable")][:_ROWS]]


def learn_prior(devices: Sequence[Evidence], seed: int = 0) -> Prior:
    """The prior under which what was measured on these devices is likely. ValueError without devices."""
    if not devices:
        raise ValueError("no devices: a prior is learned from at least one")
    rng = np.random.default_rng(seed)
    terms, log_joule, weights = _padded([d.rows for d in devices])
    middle = (log_joule * weights).sum(1) / weights.sum(1)
    start = np.array([offset(d.facts, d.runtime, bool(d.memory)) for d in devices])
    z = np.array([regressors(d.facts, d.runtime) for d in devices])
    chips = [d.facts.chip for d in devices]
    share = np.array([chips.count(c) for c in chips]) ** -0.5
    has = np.column_stack([(terms > 0).any(1), np.ones((len(devices), 2), dtype=bool)])
    assumed = _assumed()
    prior = Prior(np.zeros((len(REGRESSORS), len(NAMES))), assumed)
    state = start[:, None] + rng.standard_normal((len(devices), _CHAINS, len(NAMES))) @ np.linalg.cholesky(assumed).T
    terms = np.maximum(terms, 1e-30)
    state = climb(state, Normal(start, assumed), terms, log_joule, weights, middle)
    later = []
    for turn in range(_ROUNDS):
        mean = start + z @ prior.weights
        root: Array = np.asarray(np.linalg.cholesky(prior.covariance), dtype=float)
        for _ in range(_MOVES):
            state = sweep(state, mean, root, terms, log_joule, weights, middle, rng)
        found = _regressed(state - start[:, None], z, share, has, prior.covariance)
        pull = 1.0 if turn < _FORGET else 0.3
        prior = Prior(found.weights, prior.covariance + pull * (found.covariance - prior.covariance))
        later += [prior] if turn >= _ROUNDS // 2 else []
    return Prior(np.mean([p.weights for p in later], 0), np.mean([p.covariance for p in later], 0))


def _assumed() -> Array:
    """The covariance before any device: every term's own deviation, one that all share, a bend and the noise."""
    count = len(TERMS)
    assumed = np.diag([_OWN**2] * count + [_BEND**2, _NOISE**2])
    assumed[:count, :count] += _SHARED**2
    return assumed


def _regressed(excess: Array, z: Array, share: Array, has: Array, covariance: Array) -> Prior:
    """Ridge regression of the chains' mean excess over the offsets, and the covariance about it (Wishart's mean).

    A term that a device has none of says nothing of it; bend and noise follow no facts.
    """
    weights = np.zeros((len(REGRESSORS), len(NAMES)))
    ridge = np.diag([_ONE**-2, *[_KIND**-2] * (len(KINDS) + 1), _NODE**-2])
    for j, name in enumerate(NAMES):
        if name == "bend":
            continue
        known = z[:, :1] if name == "noise" else z
        scaled = known * (share * has[:, j] / covariance[j, j])[:, None]
        size = known.shape[1]
        weights[:size, j] = np.linalg.solve(scaled.T @ known + ridge[:size, :size], scaled.T @ excess[:, :, j].mean(1))
    rest = excess - (z @ weights)[:, None]
    total = np.einsum("d,dci,dcj->ij", share, rest, rest) / excess.shape[1] + _ASSUMED * _assumed()
    return Prior(weights, total / (share.sum() + _ASSUMED))


def _padded(rows: Sequence[tuple[Array, Array, Array]]) -> tuple[Array, Array, Array]:
    """Rows of all devices as arrays of equal size; what is filled up weighs nothing."""
    longest = max(len(y) for _, y, _ in rows)
    terms, joule, weights = (np.array([np.pad(part, [(0, longest - len(part))] + [(0, 0)] * (part.ndim - 1))
                                       for part in parts]) for parts in zip(*rows, strict=True))
    return terms, joule, weights


def main() -> None:
    """Learn the shipped prior from the shipped tables."""
    devices = []
    for name, origin in shipped_tables().items():
        facts = facts_of(name)
        if facts.complete:
            table = read_table(shipped_table(name))
            part = [table[i] for i in _spread(np.array([r.group or r.model for r in table]))]
            measured = [row.measurement(compiled(row, {})) for row in part]
            devices.append(Evidence(measured, facts, origin.memory, load_runtime(part[0].runtime or "generic")))
    header = ("# Prior over log coefficients (joule per unit), learned from the shipped tables by\n"
              "# python -m tocompiler.bayes.learning. Facts and their sources: hardware/data/facts.toml;\n"
              "# tables and their licences: hardware/measurements/provenance.toml.\n\n")
    path = Path(__file__).parents[1] / "data" / "prior.toml"
    write_text(path, header + learn_prior(devices).to_toml())


if __name__ == "__main__":
    main()
