"""summary: a torch module as a tree of its modules, with products, transistor operations, bytes and joules."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tocompiler.report.columns import columns
from tocompiler.report.tree import Node, tree
from tocompiler.report.units import si

if TYPE_CHECKING:
    from hardware.device import Device
    from tocompiler.costing import TransistorProgram
    from tocompiler.energy.prediction import Prediction
    from tocompiler.network import Network

__all__ = ["Summary", "summary"]


@dataclass(frozen=True)
class Summary:
    """What ``summary`` found; ``str`` of it is the table, cut at ``depth`` levels of modules."""

    program: TransistorProgram
    prediction: Prediction | None
    depth: int

    def __str__(self) -> str:
        energies = ([op.energy_joule for op in self.prediction.operators] if self.prediction
                    else [0.0] * len(self.program.rows))
        rows_of: list[tuple[str, str, Any]] = [
            (row.name, row.operator, (energy, row.multiply_accumulates, row.transistor_operations, row.traffic_bit / 8))
            for row, energy in zip(self.program.rows, energies, strict=True)]
        top = tree(self.program.name, rows_of)
        energy = ("energy",) if self.prediction else ()
        rows = [(f"{'  ' * level}{node.name}" + (f" x{node.count}" if node.count > 1 else ""), node.operator,
                 si(node.figures[1]), si(node.figures[2]), si(node.figures[3], "B"),
                 *((si(node.figures[0], "J"),) if energy else ())) for node, level in _levels(top, self.depth)]
        lines = [columns(rows, ("module", "operator", "MACs", "transistor ops", "bytes", *energy), left=2),
                 f"{si(self.program.totals.parameters)} parameters"]
        if self.prediction is not None:
            p = self.prediction
            lines.append(f"{si(p.energy_joule, 'J')} on {p.device} (90 % interval {si(p.low_joule, 'J')} to "
                         f"{si(p.high_joule, 'J')}){'' if p.in_domain else '; ' + p.statement}")
        if self.program.unmodelled:
            lines.append("Not counted: " + ", ".join(f"{u.name} ({u.operator})" for u in self.program.unmodelled))
        return "\n".join(lines)

    __repr__ = __str__


def summary(module: Any, inputs: Any, device: Device | str | None = None, *, format: str | None = None,
            depth: int = 3) -> Summary:
    """A torch module, called with ``inputs`` (a tensor, a tuple, or keywords), as a tree of its modules.

    ``device`` (a Device, its name or file) adds joules. Nothing is computed: the module runs once over
    tensors without data.
    ValueError, in one line, where torch refuses to trace it or the device cannot predict it.
    """
    from hardware.device import Device, load_device
    from tocompiler.compiler import compile
    from tocompiler.energy.prediction import predict
    from tocompiler.loading import load

    network = _glance(module, inputs) or load(module, example_inputs=inputs)
    program = compile(network, format=format)
    known = device if device is None or isinstance(device, Device) else load_device(device)
    return Summary(program, predict(program, known) if known is not None else None, depth)


def _glance(module: Any, inputs: Any) -> Network | None:
    """The network of a torch module as one run shows it; None where the source is another or cannot be followed so."""
    torch = sys.modules.get("torch")
    if torch is None or inputs is None or not isinstance(module, torch.nn.Module):
        return None
    from tocompiler.frontends.torch import glance

    return glance(module, inputs)


def _levels(node: Node, depth: int, level: int = 0) -> Iterator[tuple[Node, int]]:
    """The tree from the top, down to a depth, with the level of each node."""
    yield node, level
    if level < depth:
        for child in node.children:
            yield from _levels(child, depth, level + 1)
