"""Batch-norm folding: at inference a batch norm right after a convolution becomes part of its weights."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tocompiler.network import Network
from tocompiler.passes import NetworkPass, Request, register
from tocompiler.passes.conditions import RESULTS, TOPOLOGICAL_ORDER
from tocompiler.passes.matching import Uses
from tocompiler.tensors import Operator, Tensor

__all__ = ["FoldBatchNorm"]

_LINEAR = frozenset({"Conv", "ConvTranspose", "Gemm"})


@register
@dataclass(frozen=True)
class FoldBatchNorm(NetworkPass):
    """Make a batch norm right after a convolution part of its weights."""

    name = "fold_batch_norm"
    optional = True
    after = ("use_integer_arithmetic",)
    requires = (TOPOLOGICAL_ORDER,)
    ensures = (TOPOLOGICAL_ORDER,)
    keeps = (RESULTS,)

    @classmethod
    def chosen(cls, request: Request) -> FoldBatchNorm | None:
        """ValueError outside inference: training updates what would be folded."""
        made = super().chosen(request)
        if made is not None and request.phase != "inference":
            raise ValueError("fold_batch_norm folds statistics that training updates: it needs --phase inference")
        return made

    def run(self, network: Network) -> Network:
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
                beta = op.given(2)
                shift = linear.input(2) or Tensor(f"{op.name}.shift", beta.shape, beta.format, "parameter")
                kept[at] = replace(linear, inputs=(*linear.inputs[:2], shift), outputs=op.outputs[:1])
                continue
            if op.operator in _LINEAR:
                writer[op.outputs[0].name] = len(kept)
            kept.append(op)
        return network if len(kept) == len(network.operators) else network.with_operators(kept)
