"""Fused activations: what follows a product runs in its epilogue."""

from __future__ import annotations

from dataclasses import dataclass

from tocompiler.lowering import AluProgram
from tocompiler.network import Network
from tocompiler.passes import AluPass, register
from tocompiler.passes.conditions import ALU_TASKS
from tocompiler.passes.matching import Uses
from tocompiler.passes.residency import kept_on_chip

__all__ = ["FuseActivations"]

_PRODUCTS = frozenset({"Conv", "ConvTranspose", "Gemm", "MatMul"})
_FOLLOWERS = frozenset({
    "BatchNormalization", "Celu", "Clip", "Elu", "Gelu", "HardSigmoid", "HardSwish", "LeakyRelu", "Mish", "PRelu",
    "Relu", "Selu", "Sigmoid", "Softplus", "Softsign", "Swish", "Tanh", "ThresholdedRelu",
})


@register
@dataclass(frozen=True)
class FuseActivations(AluPass):
    """Run activations and batch norms in the epilogue of the product before them, whose result then does not move."""

    name = "fuse_activations"
    optional = True
    after = ("flash_attention",)
    keeps = (ALU_TASKS,)

    def run(self, program: AluProgram) -> AluProgram:
        return kept_on_chip(program, _fused_tensors(program.network))


def _fused_tensors(network: Network) -> set[str]:
    """Results of a product, or of an activation fused already, that one activation alone reads."""
    uses = Uses(network)
    fused: set[str] = set()
    fusing: set[str] = set()
    for op in network.operators:
        if op.operator in _PRODUCTS or op.name in fusing:
            result = op.outputs[0].name
            after = uses.only_reader(op, *_FOLLOWERS)
            if after is not None and after.given(0).name == result:
                fused.add(result)
                fusing.add(after.name)
    return fused
