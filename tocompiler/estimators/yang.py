"""Yang, Chen, Emer, Sze: energy from architecture, sparsity and bit width through an accelerator's memory hierarchy.

    E = E_MAC sum over products of (1 - zeros) (weight bits/16)(activation bits/16)
      + sum over levels and operands of accesses x energy of an access x (bits/16)

with the accesses of the cheapest mapping (see ``mapping``). Energies are joule. T.-J. Yang, Y.-H. Chen, V. Sze,
"Designing Energy-Efficient Convolutional Neural Networks using Energy-Aware Pruning", CVPR 2017; T.-J. Yang,
Y.-H. Chen, J. Emer, V. Sze, "A Method to Estimate the Energy Consumption of Deep Neural Networks", Asilomar 2017.
A product with a zero input is gated: neither its weight nor its partial sum is accessed in the registers (Chen et al.,
JSSC 2017). Inputs and outputs are run-length coded on their way to DRAM.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Self

from alu_library import formats
from hardware.measurement import Measurement
from hardware.program import Program
from tocompiler.estimators import register
from tocompiler.estimators.common import joules, median_ratio, require
from tocompiler.estimators.dataflows import DATAFLOWS
from tocompiler.estimators.hierarchy import Hierarchy, load_hierarchy
from tocompiler.estimators.mapping import LEVELS, OPERANDS, Accesses, Data, Schedule, best_mapping, fixed_mapping
from tocompiler.operators import Loops

__all__ = ["LayerEnergy", "Yang", "layer_energy", "split_table"]


@dataclass(frozen=True)
class LayerEnergy:
    """Joules of one contraction (all its images): computation, movement by (level, operand), clock and other control.

    ``schedule`` is the mapping that they belong to.
    """

    computation_joule: float
    movement_joule: Mapping[tuple[str, str], float]
    clock_joule: float
    control_joule: float
    schedule: Schedule

    @property
    def dram_joule(self) -> float:
        return sum(e for (level, _), e in self.movement_joule.items() if level == "dram")

    @property
    def data_joule(self) -> float:
        """Computation and movement, DRAM included, without clock and control: what the MIT web tool shows."""
        return self.computation_joule + sum(self.movement_joule.values())

    @property
    def chip_joule(self) -> float:
        """What a meter at the chip's supply sees: everything but DRAM."""
        return self.data_joule - self.dram_joule + self.clock_joule + self.control_joule

    @property
    def total_joule(self) -> float:
        return self.chip_joule + self.dram_joule

    def by_operand(self, operand: str) -> float:
        """Movement of ``input``, ``weight`` or ``output`` over all levels."""
        return sum(e for (_, moved), e in self.movement_joule.items() if moved == operand)


def layer_energy(h: Hierarchy, layer: Loops, data: Data | None = None, latency_second: float | None = None,
                 dataflows: Iterable[str] | None = tuple(DATAFLOWS)) -> LayerEnergy:
    """Energy of one contraction on the hierarchy, with the best mapping of those dataflows (None: the fixed
    row-stationary one). The clock runs for ``latency_second`` or, where that is not known, for the passes' cycles.

    ValueError where nothing fits.
    """
    found = _mapped(h, layer, data or Data(), None if dataflows is None else tuple(dataflows))
    unit = h.multiply_accumulate_joule
    cost = {"register_file": h.register_file, "array": h.array, "buffer": h.buffer, "dram": h.dram}
    movement = {key: words * cost[key[0]] * unit for key, words in found.words.items()}
    data = data or Data()
    computation = found.products * unit * data.input_bits * data.weight_bits / h.word_bits ** 2
    time = latency_second if latency_second is not None else found.cycles / h.clock_hertz
    clock = h.clock_watt * time
    inside = computation + sum(e for (level, _), e in movement.items() if level != "dram") + clock
    return LayerEnergy(computation, movement, clock, inside * h.control_share / (1 - h.control_share), found.schedule)


@lru_cache(maxsize=4096)
def _mapped(h: Hierarchy, layer: Loops, data: Data, dataflows: tuple[str, ...] | None) -> Accesses:
    """Layers of one shape and one sparsity share a mapping."""
    return fixed_mapping(h, layer, data) if dataflows is None else best_mapping(h, layer, data, dataflows)


def split_table(layers: Mapping[str, LayerEnergy]) -> str:
    """Text table of millijoules by layer: computation, movement of each operand over all levels, movement by level,
    clock and control."""
    from tabulate import tabulate

    rows = [(name, *(1e3 * part for part in (
        e.computation_joule, *(e.by_operand(operand) for operand in OPERANDS),
        *(sum(j for (at, _), j in e.movement_joule.items() if at == level) for level in LEVELS),
        e.clock_joule, e.control_joule, e.total_joule))) for name, e in layers.items()]
    return tabulate(rows, floatfmt=".4g", headers=(
        "mJ", "computation", *OPERANDS, *LEVELS, "clock", "control", "total"))


@register
class Yang:
    """The method over a program: its contractions through the hierarchy, every other operator as its ALU tasks (at
    the energy of a product each) and its traffic through buffer and DRAM, which the papers leave out as small.

    ``fit`` learns one factor (this device's joules per joule of the hierarchy); without it the hierarchy's own joules
    are given. ``dataflows`` None: the fixed mapping, without search.
    """

    name = "yang"

    def __init__(self, hierarchy: str | Hierarchy = "eyeriss",
                 dataflows: Iterable[str] | None = tuple(DATAFLOWS)) -> None:
        self.hierarchy = load_hierarchy(hierarchy) if isinstance(hierarchy, str) else hierarchy
        self.dataflows = None if dataflows is None else tuple(dataflows)
        self.scale_ = 1.0

    def layers(self, program: Program) -> dict[str, LayerEnergy]:
        """Energy of each contraction by the name of its row."""
        return {row.name: self._layer(row.alu) for row in program.rows if row.alu.loops is not None}

    def fit(self, measurements: Sequence[Measurement]) -> Self:
        require(measurements, 1, self.name)
        self.scale_ = 1.0
        self.scale_ = median_ratio([self.predict(m.program) for m in measurements], joules(measurements))
        return self

    def predict(self, program: Program) -> float:
        total = sum(self._layer(row.alu).total_joule if row.alu.loops is not None else self._other(row.alu)
                    for row in program.rows)
        return self.scale_ * total

    def _layer(self, row: Any) -> LayerEnergy:
        activation, weight = row.operands
        bits = [formats.parse(access.format).bits for access in row.reads[:2]] or [self.hierarchy.word_bits]
        data = Data(activation.zeros, weight.zeros, 0.0, bits[0], bits[-1])
        return layer_energy(self.hierarchy, row.loops, data, dataflows=self.dataflows)

    def _other(self, row: Any) -> float:
        words = float(row.traffic_bit) / self.hierarchy.word_bits
        h = self.hierarchy
        return (float(row.tasks.total()) + words * (h.buffer + h.dram)) * h.multiply_accumulate_joule
