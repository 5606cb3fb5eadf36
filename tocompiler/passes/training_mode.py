"""Training mode: operators that behave otherwise in training are told so."""

from __future__ import annotations

from dataclasses import replace

from tocompiler.network import Network

__all__ = ["set_training_mode"]

_CHANGED = frozenset({"BatchNormalization", "Dropout"})


def set_training_mode(network: Network) -> Network:
    """Set ``training_mode`` on every BatchNormalization and Dropout: batch statistics and masks count."""
    return network.with_operators(
        replace(op, attributes={**op.attributes, "training_mode": 1}) if op.operator in _CHANGED else op
        for op in network.operators
    )
