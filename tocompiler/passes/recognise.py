"""Recognition: operators that an exporter took apart are put together again, so that one network gives one count.

GELU in both forms, Swish, HardSwish and Mish, LayerNormalization, RMSNormalization and GroupNormalization, and a
softmax whose rows may be masked whole; attention has a pass of its own. What is recognised computes the same function: constants are compared, and every intermediate result must be used
by nothing else.
"""

from __future__ import annotations

from tocompiler.network import Network
from tocompiler.passes import recognise_activations, recognise_normalisations
from tocompiler.passes.matching import Uses
from tocompiler.tensors import Operator

__all__ = ["recognise"]

_PATTERNS = {**recognise_activations.PATTERNS, **recognise_normalisations.PATTERNS}


def recognise(network: Network) -> Network:
    """Replace operators that together are one ONNX operator by that operator.

    Requires topological order and one name for each operator. Linear: each operator is looked at once, and each
    pattern has a bounded size.
    """
    uses = Uses(network)
    replaced: dict[str, Operator | None] = {}
    for op in network.operators:
        pattern = _PATTERNS.get(op.operator)
        match = None if pattern is None else pattern(op, uses)
        if match is not None and uses.inside(match.parts, match.root):
            replaced.update((part.name, None) for part in match.parts)
            replaced[match.root.name] = match.whole
    if not replaced:
        return network
    kept = (replaced.get(op.name, op) for op in network.operators)
    return network.with_operators([op for op in kept if op is not None])
