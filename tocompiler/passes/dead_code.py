"""Dead code: an operator whose results nothing needs does not run."""

from __future__ import annotations

from dataclasses import dataclass

from tocompiler.network import Network
from tocompiler.passes import NetworkPass, register
from tocompiler.passes.conditions import NO_DEAD_CODE, RESULTS, TOPOLOGICAL_ORDER
from tocompiler.tensors import Operator

__all__ = ["RemoveDeadCode"]


@register
@dataclass(frozen=True)
class RemoveDeadCode(NetworkPass):
    """Drop operators that no output needs, which some runtimes run all the same."""

    name = "remove_dead_code"
    unless = "dead_branches"
    after = ("fold_constants",)
    requires = (TOPOLOGICAL_ORDER,)
    ensures = (TOPOLOGICAL_ORDER, NO_DEAD_CODE)
    keeps = (RESULTS,)

    def run(self, network: Network) -> Network:
        """Keep what the network's outputs depend on. A network that names no outputs is left as it is.

        One backward sweep: linear in operators.
        """
        if not network.outputs:
            return network
        needed = {t.name for t in network.outputs}
        kept: list[Operator] = []
        for op in reversed(network.operators):
            if any(t.name in needed for t in op.outputs):
                kept.append(op)
                needed.update(t.name for t in op.inputs if t is not None)
        return network if len(kept) == len(network.operators) else network.with_operators(reversed(kept))
