"""Prior: what a data sheet and every other calibrated device say of a device's coefficients before it is measured.

Log coefficients are ``offset(facts) + W z(facts) + deviation``. The offset is physics: joule per unit is power over
rate. W says by kind of device and node how far off that is, and the deviation is normal with a full covariance: a
device that wastes energy wastes it on everything. W and the covariance were learned from calibrated devices by
``python -m tocompiler.bayes.learning``. Facts that are not known are taken from all reference devices in turn:
the prior is then their mixture, as one normal.
"""

from __future__ import annotations

import math
import tomllib
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

import numpy as np

from hardware.energy_model import Array
from hardware.facts import KINDS, Facts, known_facts
from hardware.runtime import Runtime
from hardware.terms import TERMS
from tocompiler.bayes.posterior import NOISE, Normal

if TYPE_CHECKING:
    from tocompiler.costing import TransistorProgram

__all__ = ["NAMES", "REGRESSORS", "Prior", "offset", "regressors", "shipped_prior"]

NAMES = (*TERMS, "bend", "noise")
"""What the prior is over: log coefficients (joule per unit), the power of the sum less one, log relative noise."""
REGRESSORS = ("one", *KINDS, "process", "log_node")
_ALONE = {"accelerator": 16.0, "gpu": 4.0, "board_gpu": 4.0}
"""How much less busy depthwise convolutions keep an array of multipliers that sums over channels (assumed); else 2."""
_SECONDS = {"branches": 1e-9, "kernels": 1e-5, "samples": 1e-4, "constant": 1e-3}
"""Typical duration of what costs time rather than work: a mispredicted branch, a launch, a host's turn (assumed)."""


@dataclass(frozen=True)
class Prior:
    """``weights`` (REGRESSORS, NAMES) and the deviations' ``covariance`` (NAMES, NAMES)."""

    weights: Array
    covariance: Array

    def of(self, facts: Facts, runtime: Runtime, cached: bool) -> Normal:
        """The normal prior of a device under a runtime; ``cached`` says whether its last cache is known."""
        means = np.array([offset(f, runtime, cached) + regressors(f, runtime) @ self.weights for f in _filled(facts)])
        spread = np.atleast_2d(np.cov(means.T)) if len(means) > 1 else 0.0
        return Normal(means.mean(0), self.covariance + spread)

    @staticmethod
    def from_toml(text: str) -> Prior:
        """Read weights and covariance by name."""
        table = tomllib.loads(text)
        weights = [[table["weights"][r].get(n, 0.0) for n in NAMES] for r in REGRESSORS]
        return Prior(np.array(weights), np.array([[table["covariance"][a][b] for b in NAMES] for a in NAMES]))

    def to_toml(self) -> str:
        """The prior as TOML tables, by name."""
        lines = ["[weights]"]
        for name, row in zip(REGRESSORS, self.weights, strict=True):
            lines.append(f"{name} = {{ {', '.join(f'{n} = {x:.4g}' for n, x in zip(NAMES, row, strict=True) if x)} }}")
        lines += ["", "[covariance]"]
        for name, row in zip(NAMES, self.covariance, strict=True):
            lines.append(f"{name} = {{ {', '.join(f'{n} = {x:.6g}' for n, x in zip(NAMES, row, strict=True))} }}")
        return "\n".join(lines) + "\n"


@cache
def shipped_prior() -> Prior:
    """The prior learned from all shipped tables."""
    return Prior.from_toml(resources.files("tocompiler").joinpath("data/prior.toml").read_text(encoding="utf-8"))


def _filled(facts: Facts) -> list[Facts]:
    """The facts, with those that are unknown from each reference device (of the same kind, where that is known)."""
    missing = facts.unknown
    if not missing:
        return [facts]
    others = [f for f in known_facts().values() if facts.kind in (None, f.kind)]
    if "product_per_second" in missing:
        missing.append("format")
    return [replace(facts, **{name: getattr(other, name) for name in missing}) for other in others]


def offset(facts: Facts, runtime: Runtime, cached: bool) -> Array:
    """Log joule per unit by power over rate, for complete facts, and the noise's start (NAMES)."""
    watt, product, byte = (math.log(x or math.nan) for x in (facts.power_watt, facts.product_per_second,
                                                            facts.byte_per_second))
    product, byte = watt - product, watt - byte
    operation = product - math.log(_operations(facts.format, runtime))
    near = (product + byte) / 2  # caches are built to feed the arithmetic, and lie between it and the memory
    known = {"compute": operation, "depthwise": operation + math.log(_ALONE.get(str(facts.kind), 2.0)), "near": near,
             "weights": near if cached else byte, "noise": math.log(NOISE), "bend": 0.0,
             **{name: watt + math.log(second) for name, second in _SECONDS.items()}}
    return np.array([known.get(name, byte) for name in NAMES])


def regressors(facts: Facts, runtime: Runtime) -> Array:
    """What the offset's error may follow (REGRESSORS)."""
    process = any(rule.name == "whole_checkpoint" for rule in runtime.rules)
    node = math.log((facts.node_nm or 14.0) / 14.0)
    return np.array([1.0, *(float(facts.kind == kind) for kind in KINDS), float(process), node])


def _operations(format: str, runtime: Runtime) -> float:
    """Transistor operations that a runtime executes for one product of a format."""
    from tocompiler.execution import execute

    row = execute(_product(format), runtime).rows[0]
    return row["executed"] / row["products"]


@cache
def _product(format: str) -> TransistorProgram:
    from tocompiler.compiler import compile
    from tocompiler.families import build

    return compile(build("linear 64 out_features=64 bias=False"), format=format)
