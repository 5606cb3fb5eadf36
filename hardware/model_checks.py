"""What an energy model from a file must be before anything is predicted with it: every number one that can be, every
table of the size that the others have."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from hardware.energy_model import Array, EnergyModel, Interval, Kernel, Trees

__all__ = ["check_model"]

_LARGEST_EXPONENT = 10.0
"""Energies grow with at most the first power of the work, or a little more; the shipped exponents are 0.9 to 1.1."""


def check_model(model: EnergyModel) -> None:
    """ValueError that names the first figure that no calibration could have given."""
    _require(model.level in ("operator", "program"), f"level is {model.level!r}: give operator or program")
    _require(isinstance(model.phase, str) and all(isinstance(o, str) for o in model.operators),
             "operators and phase are not names")
    _within("exponent", [model.exponent], 1e-3, _LARGEST_EXPONENT)
    _within("coefficient", model.coefficients, 0.0, 1e100)
    _within("kernel_share", [model.kernel_share], 0.0, 1.0)
    for term, low, high in zip(model.terms, model.low, model.high, strict=True):
        _require(low <= high or (low, high) == (math.inf, -math.inf), f"range of {term} is [{low}, {high}]")
        _require(not (math.isnan(low) or math.isnan(high)), f"range of {term} is not a number")
    _check_covariance(model)
    _check_interval(model.interval)
    for name, value in model.metrics.items():
        _require(isinstance(value, (int, float)) and not isinstance(value, bool), f"metric {name} is {value!r}")
    if model.kernel is not None:
        _check_kernel(model.kernel)
    if model.trees is not None:
        _require(model.kernel is not None, "trees need a kernel beside them, which says where they hold")
        _check_trees(model.trees)


def _require(holds: bool, text: str) -> None:
    if not holds:
        raise ValueError(text)


def _within(what: str, values: Iterable[Any], least: float, most: float) -> None:
    for value in values:
        _require(isinstance(value, (int, float)) and not isinstance(value, bool) and least <= value <= most,
                 f"{what} is {value!r}: give a number from {least:g} to {most:g}")


def _check_covariance(model: EnergyModel) -> None:
    """Symmetric and nowhere negative, as far as five digits in a file say it."""
    if not model.covariance:
        return
    matrix = np.array(model.covariance, dtype=float)
    _require(bool(np.isfinite(matrix).all()), "a covariance is not finite")
    spread = np.sqrt(np.maximum(np.diag(matrix), 0))
    _require(bool((np.diag(matrix) >= 0).all()), "a variance is negative")
    close = np.abs(matrix - matrix.T) <= 1e-3 * np.outer(spread, spread) + 1e-300
    _require(bool(close.all()), "the covariance is not symmetric")
    _require(bool((np.abs(matrix) <= 1.01 * np.outer(spread, spread) + 1e-300).all()),
             "a covariance is larger than its variances allow")


def _check_interval(interval: Interval) -> None:
    _within("interval level", [interval.level], 0.0, 1.0)
    for name in ("quantile", "widening", "novelty"):
        _within(f"interval {name}", [getattr(interval, name)], 0.0, 1e6)
    _within("interval correlation", [interval.correlation], 0.0, 1.0)
    _within("interval rows", [interval.rows], 0, 10**15)
    for name, values in (("log_joule", interval.log_joule), ("scale", interval.scale)):
        _require(isinstance(values, tuple) and bool(values), f"interval {name} is not a list of numbers")
    _within("interval scale", interval.scale, 0.0, 1e6)
    _within("interval log_joule", interval.log_joule, -1e3, 1e3)
    _require(len(interval.scale) == len(interval.log_joule), "interval scale and log_joule differ in length")
    _require(list(interval.log_joule) == sorted(interval.log_joule), "interval log_joule does not ascend")


def _check_kernel(kernel: Kernel) -> None:
    inputs, rows = len(kernel.inputs), np.size(kernel.weights)
    _finite(kernel.lengths, kernel.centres, kernel.weights)
    _require(np.shape(kernel.weights) == (rows,) and np.shape(kernel.lengths) == (inputs,),
             f"the kernel has {inputs} inputs and other numbers of lengths or weights")
    _require(np.shape(kernel.centres) == (rows, inputs), f"the kernel's centres are not {rows} rows of {inputs}")
    _require(bool((kernel.lengths > 0).all()), "a length of the kernel is not positive")


def _check_trees(trees: Trees) -> None:
    """Children lie behind their node and inside its tree, so that every walk ends in a leaf."""
    _finite(trees.roots, trees.feature, trees.value)
    roots, feature, size = trees.roots.astype(int), trees.feature.astype(int), np.size(trees.feature)
    _require(np.shape(trees.value) == np.shape(feature) == (size,), "the trees' features and values differ in number")
    _require(bool(roots.size) and roots[0] == 0 and bool((np.diff(roots) > 0).all()) and roots[-1] < size,
             "the trees' roots do not ascend from 0")
    _require(bool(((feature >= -1) & (feature < len(trees.inputs))).all()), "a tree looks at an input it does not have")
    ends = np.append(roots[1:], size)
    for root, end in zip(roots, ends, strict=True):
        inner = feature[root:end] >= 0
        left = 1 + 2 * (np.cumsum(inner) - 1)
        _require(bool((left > np.arange(end - root))[inner].all()) and end - root == 1 + 2 * int(inner.sum()),
                 "a tree's nodes are not its root and two for each inner node")


def _finite(*arrays: Array) -> None:
    for array in arrays:
        _require(isinstance(array, np.ndarray) and bool((np.abs(array) < 1e100).all()),
                 "a correction's number is not finite")
