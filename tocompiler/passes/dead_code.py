"""Dead code: an operator whose results nothing needs does not run."""

from __future__ import annotations

from tocompiler.network import Network
from tocompiler.tensors import Operator

__all__ = ["remove_dead_code"]


def remove_dead_code(network: Network) -> Network:
    """Keep what the network's outputs depend on. A network that names no outputs is left as it is.

    Requires topological order. One backward sweep: linear in operators.
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
