"""Recognition: operators that an exporter took apart are put together again, so that one network gives one count.

GELU in both forms, Swish, HardSwish and Mish, LayerNormalization, RMSNormalization and GroupNormalization, and a
softmax whose rows may be masked whole; attention has a pass of its own. What is recognised computes the same function:
constants are compared, and every intermediate result must be used by nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass

from tocompiler.network import Network
from tocompiler.passes import NetworkPass, recognise_activations, recognise_normalisations, register
from tocompiler.passes.conditions import RESULTS, TOPOLOGICAL_ORDER, UNIQUE_NAMES
from tocompiler.passes.matching import Uses
from tocompiler.tensors import Operator

__all__ = ["Recognise"]

_PATTERNS = {**recognise_activations.PATTERNS, **recognise_normalisations.PATTERNS}


@register
@dataclass(frozen=True)
class Recognise(NetworkPass):
    """Put operators that an exporter took apart together again."""

    name = "recognise"
    after = ("remove_dead_code",)
    requires = (TOPOLOGICAL_ORDER, UNIQUE_NAMES)
    ensures = (TOPOLOGICAL_ORDER, UNIQUE_NAMES)
    keeps = (RESULTS,)

    def run(self, network: Network) -> Network:
        """Replace operators that together are one ONNX operator by that operator.

        Linear: each operator is looked at once, and each pattern has a bounded size.
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
