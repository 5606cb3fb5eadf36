"""Batch-norm folding: at inference a batch norm right after a convolution becomes part of its weights."""

from __future__ import annotations

from dataclasses import replace

from tocompiler.network import Network
from tocompiler.passes.matching import Uses
from tocompiler.tensors import Operator, Tensor

__all__ = ["fold_batch_norm"]

_LINEAR = frozenset({"Conv", "ConvTranspose", "Gemm"})


def fold_batch_norm(network: Network) -> Network:
    """Remove each BatchNormalization that is the only reader of a convolution's or Gemm's result.

    The convolution gains a bias (the shift) if it had none, which adds no task: it initialises the accumulator.
    Requires inference; parameters are still counted on the network as loaded.
    """
    uses = Uses(network)
    kept: list[Operator] = []
    writer: dict[str, int] = {}
    for op in network.operators:
        source = op.input(0)
        at = writer.get(source.name) if source is not None else None
        if at is not None and uses.only_reader(kept[at], "BatchNormalization") is op:
            linear = kept[at]
            shift = linear.input(2) or Tensor(f"{op.name}.shift", op.given(2).shape, op.given(2).format, "parameter")
            kept[at] = replace(linear, inputs=(*linear.inputs[:2], shift), outputs=op.outputs[:1])
            continue
        if op.operator in _LINEAR:
            writer[op.outputs[0].name] = len(kept)
        kept.append(op)
    return network if len(kept) == len(network.operators) else network.with_operators(kept)
