"""Blocks: networks put together from parts, each compiled once, so that a new combination is a sum.

What an operator is lowered to, priced and placed at depends on nothing beyond it, so a network's terms are its parts'
terms, as often as they occur. A search that changes one part of a network costs a row of a matrix.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hardware.device import Device
from hardware.terms import FACTS, TERMS
from tocompiler.energy.columns import UNCACHED, WEIGHTS, product_width, uncached_share
from tocompiler.energy.prediction import widened
from tocompiler.families import nasbench201
from tocompiler.lanes import Array, Lane, values
from tocompiler.network import Network
from tocompiler.sweeping.energies import of_terms
from tocompiler.sweeping.programs import Memory, Program, Setting, placed
from tocompiler.tensors import Tensor

__all__ = ["Blocks", "NasBench201"]

_COUNTS = ("multiply_accumulates", "parameters", "traffic_bit")


@dataclass
class Blocks:
    """Parts by name on one device, which must be one that predicts whole programs."""

    device: Device
    format: str | None = None
    programs: dict[str, Program] = field(default_factory=dict)
    _memory: Memory = field(default_factory=Memory)

    def add(self, name: str, build: Callable[..., Tensor], *shapes: tuple[int, ...], given: bool = False) -> None:
        """Compile a part: ``build(network, *tensors)`` over tensors of these shapes, computed by other parts unless
        they are ``given`` to the network. ValueError where it cannot be compiled."""
        net = Network(name)
        operands = [net.input(s) if given else Tensor(f"operand_{i}", s) for i, s in enumerate(shapes)]
        net.output(build(net, *operands))
        program = placed(net, Setting(self.format, device=self.device), self._memory)
        if program.unmodelled:
            raise ValueError(f"block {name}: {program.unmodelled[0].operator} is not modelled")
        self.programs[name] = program

    def figures(self, counts: Mapping[str, Array], whole: str) -> dict[str, Array]:
        """Counts and energies of networks, one for each entry of ``counts`` (how often each block occurs).

        ``whole`` names the block that is given the network's input: what an execution costs beside its operators.
        """
        model = next((m for m in self.device.models.values() if m.level == "program"), None)
        if model is None:
            raise ValueError(f"device '{self.device.name}' predicts layers: sweep whole networks")
        often = np.column_stack([np.broadcast_to(counts[name], np.shape(next(iter(counts.values()))))
                                 for name in counts])
        programs = [self.programs[name] for name in counts]
        label = next(n for n, m in self.device.models.items() if m is model)
        rows, foreign = (often @ np.array([_terms(p, label, wanted) for p in programs]) for wanted in (False, True))
        share = values(uncached_share(self.programs[whole].rules, Lane.of(np.maximum(rows[:, WEIGHTS], 1.0))))
        for terms in (rows, foreign):
            terms[:, UNCACHED] = terms[:, WEIGHTS] * share
        total = rows + np.array(self.programs[whole].execution, dtype=float)
        facts = np.zeros((len(often), len(FACTS)))
        products = [(f, layer.count * n) for p in programs for layer in p.layers for r in layer.rows
                    for f, n in r.products]
        facts[:, list(FACTS).index("product_width")] = product_width(products)
        energy, half, strange = of_terms(model, total, rows, foreign, facts)
        in_domain, half = widened(half, strange)
        found = {name: often @ np.array([_count(p, name) for p in programs]) for name in _COUNTS}
        return {**found, "energy_joule": energy, "energy_low_joule": energy * np.exp(-half),
                "energy_high_joule": energy * np.exp(half), "in_domain": in_domain}


def _count(program: Program, name: str) -> Any:
    return program.parameters if name == "parameters" else program.total(name)


def _terms(program: Program, model: str, foreign: bool) -> list[float]:
    """The terms of a block, or of its rows that no measured row was like."""
    rows = [(layer.count, row) for layer in program.layers for row in layer.rows if row.unlike[model] or not foreign]
    return [sum(count * row.amounts[i] for count, row in rows) for i in range(len(TERMS))]


class NasBench201:
    """The networks of NAS-Bench-201 (tocompiler.families.nasbench201) on a device, any number at once.

    >>> from hardware.device import load_device
    >>> space = NasBench201(load_device("jetson_tx2_maxn"))
    >>> found = space(np.array([[3, 3, 3, 3, 3, 3], [1, 0, 0, 0, 0, 1], [0, 0, 0, 0, 0, 0]]))
    >>> found["multiply_accumulates"].tolist()[0], found["reason"].tolist()[2]
    (220119680, 'no path leads through the cell')
    """

    def __init__(self, device: Device, batch: int = 1, format: str | None = None) -> None:
        self._blocks, self._batch = Blocks(device, format), batch
        add = self._blocks.add
        size = nasbench201.STAGES[0][1]
        add("stem", nasbench201.stem, (batch, 3, size, size), given=True)
        add("head", nasbench201.head, (batch, nasbench201.STAGES[-1][0], *(nasbench201.STAGES[-1][1],) * 2))
        for stage, (channels, size) in enumerate(nasbench201.STAGES):
            shape = (batch, channels, size, size)
            if stage:
                before, wide = nasbench201.STAGES[stage - 1]
                add(f"reduction {stage}", lambda net, x, c=channels: nasbench201.reduction(net, x, c),
                    (batch, before, wide, wide))
            add(f"sum {stage}", lambda net, x, y: net.add(x, y), shape, shape)
            for operation in nasbench201.OPERATIONS[2:]:
                add(f"{operation} {stage}", lambda net, x, o=operation: nasbench201.edge(net, x, o), shape)

    def network(self, operations: Sequence[int]) -> Network:
        """One architecture's network. ValueError where no path leads through its cell."""
        words = [f"{nasbench201.OPERATIONS[o]}~{source}" for o, (source, _) in zip(operations, nasbench201.EDGES,
                                                                                  strict=True)]
        return nasbench201.build({"arch": "|{}|+|{}|{}|+|{}|{}|{}|".format(*words)}, self._batch)

    def __call__(self, operations: Array) -> dict[str, Array]:
        """Figures of each architecture: (n, 6) places of operations; not a number with a ``reason`` where no path leads
        through the cell."""
        operations = np.asarray(operations)
        alive = nasbench201.live(operations)
        there = alive.any(1)
        counts: dict[str, Array] = {name: there.astype(int) for name in ("stem", "head")}
        targets = np.array([target for _, target in nasbench201.EDGES])
        sums = sum(np.maximum((alive & (targets == node)).sum(1) - 1, 0) for node in (1, 2, 3))
        for stage in range(len(nasbench201.STAGES)):
            if stage:
                counts[f"reduction {stage}"] = there.astype(int)
            counts[f"sum {stage}"] = nasbench201.CELLS * sums
            for place, operation in enumerate(nasbench201.OPERATIONS[2:], 2):
                counts[f"{operation} {stage}"] = nasbench201.CELLS * (alive & (operations == place)).sum(1)
        found = self._blocks.figures(counts, "stem")
        reasons = np.where(there, "", "no path leads through the cell").astype(object)
        energies = {k: np.where(there, v, np.nan) for k, v in found.items() if k.startswith("energy")}
        return {**found, **energies, "in_domain": found["in_domain"] & there, "reason": reasons}
