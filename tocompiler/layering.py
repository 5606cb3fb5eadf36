"""Which operators are one layer because a library runs, and a meter reads, them as one."""

from __future__ import annotations

from tocompiler.network import Network

__all__ = ["joined_operators"]

_BEFORE = frozenset({"ScaledQuantize", "Swish", "Silu", "Sigmoid", "Gelu", "Relu", "Mul", "Add", "Clip", "Min", "Max",
                     "Reshape", "Split", "Expand", "Slice"})
"""What lies between the grouped products of an expert."""
_AFTER = frozenset({"Mul", "Reshape", "Expand", "ReduceSum"})
"""What puts the rows of each token together behind them."""


def joined_operators(network: Network) -> dict[str, str]:
    """The operator that names the layer, for each that belongs to another's.

    A quantisation belongs to the first product that reads it. The two grouped products of a mixture of experts are one
    layer with what lies between them and with the sum of each token's rows behind them.
    """
    joined: dict[str, str] = {}
    quantised: dict[str, str] = {}
    inside: dict[str, tuple[str, bool]] = {}
    for op in network.operators:
        read = [t.name for t in op.inputs if t is not None]
        if op.operator in ("ScaledMatMul", "GroupedMatMul"):
            for maker in {quantised[t] for t in read if t in quantised}:
                joined.setdefault(maker, op.name)
        layer, closed = next((inside[t] for t in read if t in inside), ("", False))
        if op.operator == "GroupedMatMul" and not closed:
            here = layer or op.name
            inside |= dict.fromkeys((t.name for t in op.outputs), (here, bool(layer)))
        elif layer and op.operator in (_AFTER if closed else _BEFORE):
            here = layer
            if op.operator != "ReduceSum":
                inside |= dict.fromkeys((t.name for t in op.outputs), (layer, closed))
        else:
            here = op.name
        if here != op.name:
            joined[op.name] = here
        if op.operator == "ScaledQuantize":
            quantised |= dict.fromkeys((t.name for t in op.outputs), op.name)
    return {name: joined.get(here, here) for name, here in joined.items()}
