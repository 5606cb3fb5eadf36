"""Training mode: operators that behave otherwise in training are told so."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tocompiler.network import Network
from tocompiler.passes import NetworkPass, Request, register
from tocompiler.passes.conditions import RESULTS

__all__ = ["SetTrainingMode"]

_CHANGED = frozenset({"BatchNormalization", "Dropout"})


@register
@dataclass(frozen=True)
class SetTrainingMode(NetworkPass):
    """Tell operators that behave otherwise in training that they are trained."""

    name = "set_training_mode"
    after = ("fold_batch_norm",)
    keeps = (RESULTS,)

    @classmethod
    def chosen(cls, request: Request) -> SetTrainingMode | None:
        return None if request.phase == "inference" else cls()

    def run(self, network: Network) -> Network:
        """Set ``training_mode`` on every BatchNormalization and Dropout: batch statistics and masks count."""
        return network.with_operators(
            replace(op, attributes={**op.attributes, "training_mode": 1}) if op.operator in _CHANGED else op
            for op in network.operators
        )
