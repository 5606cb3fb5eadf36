"""Constant folding: an operator all of whose operands are stored runs once, when the model is prepared."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tocompiler.network import Network
from tocompiler.passes import NetworkPass, Request, register
from tocompiler.passes.conditions import TOPOLOGICAL_ORDER
from tocompiler.tensors import Operator, Tensor

__all__ = ["FoldConstants"]

_KEPT = frozenset({"DequantizeLinear", "QuantizeLinear", "com.microsoft.DequantizeLinear"})
"""A runtime keeps quantised weights quantised: folding these would turn an int8 model into a float one."""


@register
@dataclass(frozen=True)
class FoldConstants(NetworkPass):
    """Run what depends on stored tensors alone when the model is prepared."""

    name = "fold_constants"
    after = ("state_statistics",)
    requires = (TOPOLOGICAL_ORDER,)
    ensures = (TOPOLOGICAL_ORDER,)
    parameters: bool = True

    @classmethod
    def chosen(cls, request: Request) -> FoldConstants:
        return cls(parameters=request.phase == "inference")

    def run(self, network: Network) -> Network:
        """Drop operators over stored tensors only and mark their results as stored.

        A result is a ``parameter`` if any operand is one, else a ``constant``. Without ``parameters`` what depends on
        one stays: in training it changes at every step, and its gradient is passed on. Operators without operands that
        make random values stay.
        """
        folded: dict[str, Tensor] = {}
        kept: list[Operator] = []
        for op in network.operators:
            inputs = tuple(None if t is None else folded.get(t.name, t) for t in op.inputs)
            present = [t for t in inputs if t is not None]
            source = present or op.operator in ("Constant", "ConstantOfShape")
            trainable = any(t.kind == "parameter" for t in present)
            if (source and op.operator not in _KEPT and all(t.is_stored for t in present)
                    and (self.parameters or not trainable)):
                kind = "parameter" if trainable else "constant"
                folded.update((t.name, replace(t, kind=kind)) for t in op.outputs)
            else:
                kept.append(op if inputs == op.inputs else replace(op, inputs=inputs))
        return network if not folded else network.with_operators(kept, [folded.get(t.name, t) for t in network.outputs])
