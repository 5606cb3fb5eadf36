"""Operand statistics: what is assumed of each tensor's values where nobody measured them."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache

from tocompiler.assumptions import assumption
from tocompiler.network import Network
from tocompiler.passes import NetworkPass, Request, register
from tocompiler.passes.conditions import RESULTS, TOPOLOGICAL_ORDER
from tocompiler.tensors import Operator, Statistics, Tensor

__all__ = ["AnnotateStatistics", "StateStatistics"]

_PASSED_ON = frozenset({
    "Reshape", "Flatten", "Transpose", "Squeeze", "Unsqueeze", "Identity", "Dropout", "MaxPool", "Slice", "Split",
    "Gather", "Expand", "Tile", "DepthToSpace", "SpaceToDepth", "GlobalMaxPool", "Concat", "Cast",
})
"""Operators whose result has about the zeros of its first operand. (For max-pooling this is an upper bound.)"""


@register
@dataclass(frozen=True)
class AnnotateStatistics(NetworkPass):
    """Give tensors of unknown values the assumed statistics."""

    name = "annotate_statistics"
    after = ("convert_formats",)
    requires = (TOPOLOGICAL_ORDER,)
    keeps = (RESULTS,)

    def run(self, network: Network) -> Network:
        """Give each tensor without stated statistics the assumed ones: dense and normal, and zeros after ReLU.

        Statistics that a user stated or that were measured are kept, and passed on by operators that only move data.
        """
        found: dict[str, Tensor] = {}
        for op in network.operators:
            statistics = _result(op, found)
            if statistics is not None:
                for t in op.outputs:
                    if t.statistics is None:
                        found[t.name] = replace(t, statistics=statistics)
        return network.map_tensors(found) if found else network


@register
@dataclass(frozen=True)
class StateStatistics(NetworkPass):
    """Give tensors the statistics that a user stated or measured."""

    name = "state_statistics"
    keeps = (RESULTS,)
    stated: Mapping[str, Statistics] = field(default_factory=dict, repr=False)

    @classmethod
    def chosen(cls, request: Request) -> StateStatistics | None:
        return cls(request.statistics) if request.statistics else None

    def run(self, network: Network) -> Network:
        """Give tensors the statistics that a user stated or measured, by name or shell pattern; later entries win.

        ValueError names a pattern that no tensor of the network matches.
        """
        tensors = {t.name: t for op in network.operators for t in (*op.inputs, *op.outputs) if t is not None}
        changed: dict[str, Tensor] = {}
        for pattern, statistics in self.stated.items():
            names = [pattern] if pattern in tensors else fnmatch.filter(tensors, pattern)
            if not names:
                raise ValueError(f"no tensor of {network.name} is called '{pattern}'; `--emit network` lists them")
            changed.update((name, replace(tensors[name], statistics=statistics)) for name in names)
        return network.map_tensors(changed)


def _result(op: Operator, found: dict[str, Tensor]) -> Statistics | None:
    if op.operator == "Relu" or (op.operator == "Clip" and _clips_at_zero(op)):
        return _after_relu()
    source = op.input(0)
    if op.operator in _PASSED_ON and source is not None:
        return found.get(source.name, source).statistics
    return None


@cache
def _after_relu() -> Statistics:
    return Statistics(zeros=assumption("relu_zeros"), distribution="relu")


def _clips_at_zero(op: Operator) -> bool:
    low = op.input(1)
    if low is not None and low.value is not None:
        return bool(low.value == 0)
    return op.attributes.get("min") == 0
