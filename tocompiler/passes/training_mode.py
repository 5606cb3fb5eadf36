"""Training mode: operators that behave otherwise in training are told so."""

from __future__ import annotations

from dataclasses import replace

from tocompiler.network import Network

__all__ = ["set_training_mode"]


def set_training_mode(network: Network) -> Network:
    """Set ``training_mode`` on every BatchNormalization, so that its batch statistics count."""
    return network.with_operators(
        replace(op, attributes={**op.attributes, "training_mode": 1}) if op.operator == "BatchNormalization" else op
        for op in network.operators
    )
