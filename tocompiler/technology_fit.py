"""One constant per technology node: femtojoule per transistor operation, fitted to published energies.

``python -m tocompiler.technology_fit`` prices every published operation with the default circuits and writes
``hardware/data/technology.toml``. The constant is the geometric mean of energy over switching, which minimises the
squared error of the logarithms; nothing else is fitted.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from alu_library.pricing import Operand, Operands, price
from hardware.files import write_text
from hardware.technology import PublishedEnergy, published_energies

__all__ = ["UNIFORM", "NodeFit", "fit_node", "fit_published", "main", "node_switching"]

UNIFORM = Operands(Operand("uniform"), Operand("uniform"))
"""Operands of the published energies, whose sources name none: uniform over the integers, or over [-1, 1)."""


@dataclass(frozen=True)
class NodeFit:
    """``femtojoule`` per unit of cost, and how well it fits: ``ratios`` are cost times constant over energy."""

    femtojoule: float
    r2_log: float
    ratios: Mapping[str, float]

    @property
    def worst_ratio(self) -> float:
        """Largest factor by which an operation is over- or underestimated."""
        return max(max(r, 1 / r) for r in self.ratios.values())

    @property
    def rms_ratio(self) -> float:
        """Typical factor: exp of the root mean square of the logarithms."""
        return math.exp(math.sqrt(sum(math.log(r) ** 2 for r in self.ratios.values()) / len(self.ratios)))


def fit_node(costs: Mapping[str, float], energies_picojoule: Mapping[str, float]) -> NodeFit:
    """Fit one constant to costs and energies of the same operations.

    R² is that of the logarithms about their mean: 1 - Σ(log ratio)² / Σ(log energy - mean)². ValueError for fewer than
    two operations.
    """
    if len(energies_picojoule) < 2:
        raise ValueError("a node is fitted to at least two published energies")
    logs = {k: math.log(1e3 * e / costs[k]) for k, e in energies_picojoule.items()}
    centre = sum(logs.values()) / len(logs)
    energies = [math.log(e) for e in energies_picojoule.values()]
    mean = sum(energies) / len(energies)
    residual = sum((v - centre) ** 2 for v in logs.values())
    r2 = 1 - residual / sum((e - mean) ** 2 for e in energies)
    return NodeFit(math.exp(centre), r2, {k: math.exp(centre - v) for k, v in logs.items()})


def node_switching(energies: Sequence[PublishedEnergy], circuits: str = "default", load: bool = False
                   ) -> dict[str, float]:
    """Transistor operations of published operations, or their load-weighted sums, by ``"multiply fp32"``."""
    prices = {f"{e.operation} {e.format}": price(e.operation, e.format, UNIFORM, circuits) for e in energies}
    return {name: p.load if load else p.transistor_operations for name, p in prices.items()}


def fit_published(node_nm: float, circuits: str = "default", load: bool = False) -> NodeFit:
    """The fit of one node's published energies with the circuits of a set."""
    energies = [e for e in published_energies() if e.node_nm == node_nm]
    published = {f"{e.operation} {e.format}": e.energy_picojoule for e in energies}
    return fit_node(node_switching(energies, circuits, load), published)


def main() -> None:
    """Regenerate the fitted nodes of :mod:`hardware.technology`."""
    target = Path(__file__).parents[1] / "hardware" / "data" / "technology.toml"
    nodes = sorted({e.node_nm for e in published_energies()}, reverse=True)
    lines = [
        "# Energy per transistor operation, fitted to published_energies.csv by",
        "# python -m tocompiler.technology_fit.",
        "# Zero-delay switching of the default circuit set under uniform operands; one constant per node, and one for",
        "# load-weighted switching beside it.",
    ]
    for nm in nodes:
        found, loaded = fit_published(nm), fit_published(nm, load=True)
        names = sorted({e.source.split(",")[0] for e in published_energies() if e.node_nm == nm})
        lines += [
            "", "[[node]]", f"nm = {nm:g}", f"femtojoule_per_transistor_operation = {found.femtojoule:.4f}",
            f"r2_log = {found.r2_log:.4f}", f"worst_ratio = {found.worst_ratio:.3f}", f"points = {len(found.ratios)}",
            f"femtojoule_per_load = {loaded.femtojoule:.4f}", f"r2_log_load = {loaded.r2_log:.4f}",
            f"worst_ratio_load = {loaded.worst_ratio:.3f}",
            f'source = "fitted to the energies published by {", ".join(names)}"',
        ]
    write_text(target, "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
